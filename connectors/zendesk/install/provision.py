"""Plan, install and uninstall: idempotent, and careful with what people changed or made themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connectors.kit.http import DeskSession
from connectors.kit.provision import BOT, HOOK, Keep, Manifest, Step, fingerprint, forget
from connectors.kit.text import numbered
from connectors.kit.values import Row, row, rows
from connectors.zendesk.api import Api, text
from connectors.zendesk.install import manual_steps
from connectors.zendesk.install.objects import (
    LISTS,
    MISSING_ID,
    NAMES,
    PATHS,
    REMOVAL,
    TRIGGERED,
    Wanted,
    marker,
    shape_of,
    wanted,
)
from connectors.zendesk.install.webhook_doctor import doctor, own_replies
from core.errors import Gone, NotAllowed, UnknownOutcome, VendorError

if TYPE_CHECKING:
    from connectors.zendesk.settings import Settings

__all__ = ["doctor", "install", "plan", "uninstall"]

OFF = "it was switched off: install switches it on again"


@dataclass(frozen=True)
class Order:
    """What is asked for: for which desk, reached where, with which intents."""

    settings: Settings
    public_url: str
    desk: str
    intents: tuple[str, ...]

    def wanted(self, manifest: Manifest) -> list[Wanted]:
        """All objects; triggers name the webhook that is there."""
        kind = "webhook:triggers" if self.settings.hook == "triggers" else "webhook:events"
        hook = manifest.get(kind, {}).get("id", MISSING_ID)
        return wanted(self.settings, self.public_url, self.desk, self.intents, hook)


def plan(
    settings: Settings,
    session: DeskSession,
    *,
    public_url: str,
    desk: str,
    manifest: Manifest,
    intents: Iterable[str] = (),
) -> list[Step]:
    """What install would do, and what is left to be clicked."""
    api, order = Api(session), Order(settings, public_url, desk, tuple(intents))
    try:
        seen = _look(api)
    except NotAllowed:
        return [manual_steps.connect(desk, settings.scope)]
    steps = [_judged(one, seen, manifest, desk) for one in order.wanted(manifest)]
    return [*steps, *_left_over(order, manifest), *_by_hand(order, seen)]


def _look(api: Api) -> dict[str, list[Row]]:
    """All objects of the kinds that we make."""
    return {kind: api.all(path, LISTS[kind]) for kind, path in PATHS.items()}


def _judged(one: Wanted, seen: Mapping[str, list[Row]], manifest: Manifest, desk: str) -> Step:
    """What is to be done about one object. What a person changed is reported, never overwritten."""
    kept = manifest.get(one.key, {})
    there = _find(one, seen[one.kind], kept.get("id", ""), desk)
    if there is None:
        return Step("create", one.kind, one.name, one.why, details=_address(one))
    number, shape = text(there.get("id")), shape_of(one.kind, there)
    if _is_off(one, there):
        return Step("update", one.kind, one.name, OFF, number, _address(one))
    found = fingerprint(shape)
    action = "keep" if _fits(one, shape) else "update" if found == kept.get("hash") else "differs"
    details = _address(one) if action != "differs" else _difference(one.shape, shape)
    return Step(action, one.kind, one.name, one.why, number, details)


def _address(one: Wanted) -> str:
    """Where a webhook calls us, as a line of its step."""
    return f"it calls {one.body['endpoint']}" if one.kind == "webhook" else ""


def _is_off(one: Wanted, there: Row) -> bool:
    """Whether a webhook, or a trigger that calls it, was switched off: by a person, or by Zendesk after failures."""
    off = there.get("active") is False if one.kind == "trigger" else there.get("status") == "inactive"
    return one.kind in {"webhook", "trigger"} and off


def _fits(one: Wanted, shape: Mapping[str, Any]) -> bool:
    """Whether what is there will do. A field may offer more than we ask for: options of old intents are never removed."""
    if one.kind != "field":
        return dict(shape) == one.shape
    rest = {name: value for name, value in shape.items() if name != "options"}
    wanted_rest = {name: value for name, value in one.shape.items() if name != "options"}
    return rest == wanted_rest and set(one.shape["options"]) <= set(shape["options"])


def _find(one: Wanted, objects: Iterable[Row], kept_id: str, desk: str) -> Row | None:
    """By the id that we kept; when that is lost, by name and by the mark in the description."""
    listed = list(objects)
    by_id = next((there for there in listed if kept_id and text(there.get("id")) == kept_id), None)
    return by_id or next((there for there in listed if _ours(one, there, desk)), None)


def _ours(one: Wanted, there: Row, desk: str) -> bool:
    same = (there.get("title") or there.get("name")) == one.name
    if one.kind == "webhook" and _triggered(one.body) is not _triggered(there):
        return False  # the other kind, which cannot become this one
    return same and marker(desk) in f"{there.get('description')} {there.get('agent_description')}"


def _triggered(hook: Row) -> bool:
    return TRIGGERED in (hook.get("subscriptions") or [])


def _difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    changed = [
        f"{name}: we made {ours[name]!r}, now it is {theirs.get(name)!r}"
        for name in ours
        if ours[name] != theirs.get(name)
    ]
    return (
        "somebody changed it, so it is left as it is; delete it and run install again to have ours back\n"
        + "\n".join(changed)
    )


def _left_over(order: Order, manifest: Manifest) -> list[Step]:
    """What we made once and no longer want: the other kind of webhook, for instance."""
    keys = {one.key for one in order.wanted(manifest)}
    return [
        Step("delete", key.partition(":")[0], key, "it is no longer needed", kept["id"])
        for key, kept in manifest.items()
        if key not in keys and key.partition(":")[0] in PATHS
    ]


def _by_hand(order: Order, seen: Mapping[str, list[Row]]) -> list[Step]:
    doubling = own_replies(seen["trigger"]) if order.settings.acknowledge else ()
    return [manual_steps.own_reply(title) for title in doubling]


def _account(api: Api, manifest: Manifest) -> Manifest:
    """What else the running program needs: our own user's id, and the secret that Zendesk made for the webhook."""
    hook = next((kept["id"] for key, kept in manifest.items() if key.startswith("webhook:")), "")
    secret = _secret(api, hook) if hook else ""
    return {BOT: {"id": text(api.me().get("id"))}, **({HOOK: {"secret": secret}} if secret else {})}


def _secret(api: Api, webhook_id: str) -> str:
    try:
        return text(
            row(api.get(f"/webhooks/{webhook_id}/signing_secret").get("signing_secret")).get("secret")
        )
    except (Gone, NotAllowed):
        return ""  # doctor says that there is none


def install(
    settings: Settings,
    session: DeskSession,
    *,
    public_url: str,
    desk: str,
    manifest: Manifest,
    intents: Iterable[str] = (),
    keep: Keep = forget,
) -> tuple[Manifest, list[Step]]:
    """Make what is missing, bring ours up to date, leave the rest. Twice makes one of each."""
    api, order, made = Api(session), Order(settings, public_url, desk, tuple(intents)), dict(manifest)
    try:
        seen = _look(api)
    except NotAllowed:
        return made, [manual_steps.connect(desk, settings.scope)]
    steps = []
    for place in range(len(order.wanted(made))):
        one = order.wanted(made)[
            place
        ]  # asked again: triggers need the webhook's id, known only once it is made
        step = _done(api, one, _judged(one, seen, made, desk), seen)
        steps.append(step)
        if step.id and step.action in {"create", "update", "keep"}:
            made[one.key] = {"id": step.id, "hash": _hash(one, step, seen, made)}
            keep(made)
    left = _left_over(order, made)
    steps += [_removed(api, step.name, made.pop(step.name), dry=False) for step in left]
    return {**made, **_account(api, made)}, [*steps, *_by_hand(order, seen)]


def _hash(one: Wanted, step: Step, seen: Mapping[str, list[Row]], made: Manifest) -> str:
    """The fingerprint of the object as it is after the step."""
    there = next((each for each in seen[one.kind] if text(each.get("id")) == step.id), None)
    if step.why == OFF:
        return made.get(one.key, {}).get("hash", one.hash)
    if there is None or one.kind != "field":
        return one.hash
    shape = shape_of("field", there)
    return fingerprint({**shape, "options": sorted({*shape["options"], *one.shape["options"]})})


def _done(api: Api, one: Wanted, step: Step, seen: Mapping[str, list[Row]]) -> Step:
    """The step carried out."""
    try:
        if step.action == "create":
            return replace(step, id=_create(api, one))
        if step.action == "update":
            _update(api, one, step, seen[one.kind])
        return step
    except VendorError as err:
        return manual_steps.denied(one.kind, one.name, one.why, str(err))


def _create(api: Api, one: Wanted) -> str:
    """No key makes a repeated POST harmless here: after an unclear answer the list says whether it was made."""
    name = NAMES[one.kind]
    try:
        made = row(api.write("POST", one.path, {name: one.body}).get(name))
    except UnknownOutcome:
        listed = api.all(one.path, LISTS[one.kind])
        title = "name" if one.kind == "webhook" else "title"
        made = next((there for there in listed if there.get(title) == one.name and _same(one, there)), {})
        if not made:
            raise
    return text(made.get("id"))


def _same(one: Wanted, there: Row) -> bool:
    return fingerprint(shape_of(one.kind, there)) == one.hash


def _update(api: Api, one: Wanted, step: Step, listed: Iterable[Row]) -> None:
    """Arrays in an update replace the old ones, so all is sent; a field's options are only ever added one by one.

    What was switched off is only switched on: whatever else a person changed in it stays.
    """
    object_id = step.id
    if step.why == OFF:
        method, on = ("PATCH", {"status": "active"}) if one.kind == "webhook" else ("PUT", {"active": True})
        api.write(method, f"{one.path}/{object_id}", {NAMES[one.kind]: on})
        return
    if one.kind != "field":
        method = "PATCH" if one.kind == "webhook" else "PUT"
        api.write(method, f"{one.path}/{object_id}", {NAMES[one.kind]: one.body})
        return
    there = next((each for each in listed if text(each.get("id")) == object_id), {})
    have = {option.get("value") for option in rows(there.get("custom_field_options"))}
    for option in one.body.get("custom_field_options", []):
        if option["value"] not in have:
            api.write("POST", f"{one.path}/{object_id}/options", {"custom_field_option": option})


def uninstall(
    settings: Settings, session: DeskSession, *, manifest: Manifest, dry: bool = False
) -> list[Step]:
    """Remove exactly what the manifest lists, what uses another object before it."""
    api = Api(session)
    ours = [key for key in manifest if key.partition(":")[0] in PATHS]
    keys = sorted(ours, key=lambda key: REMOVAL.index(key.partition(":")[0]))
    return [_removed(api, key, manifest[key], dry=dry) for key in keys]


def _removed(api: Api, key: str, kept: Mapping[str, str], *, dry: bool) -> Step:
    kind, _, name = key.partition(":")
    why = "we made it" + (" (the values that it holds are deleted with it)" if kind == "field" else "")
    path = f"{PATHS[kind]}/{kept['id']}"
    try:
        if dry:
            api.get(path)
        else:
            api.write("DELETE", path)
    except Gone:
        return Step("keep", kind, name, "it is gone already", kept["id"])
    except VendorError as err:
        how = numbered(f"delete the {kind} with the id {kept['id']} in Admin Center")
        return Step("by_hand", kind, name, f"Zendesk did not remove it: {err}", kept["id"], how)
    return Step("delete", kind, name, why, kept["id"])
