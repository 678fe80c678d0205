"""Plan, install and uninstall: idempotent, and careful with what people changed or made themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from connectors.kit.provision import BOT, HOOK, Keep, Manifest, Site, Step, fingerprint, removed
from connectors.kit.values import Row, row, rows
from connectors.zendesk.api import Api, text
from connectors.zendesk.install import manual_steps
from connectors.zendesk.install.account_doctor import doctor, own_replies
from connectors.zendesk.install.objects import LISTS, NAMES, PATHS, REMOVAL, Wanted, shape_of, wanted
from connectors.zendesk.install.survey import OFF, judged, look
from connectors.zendesk.settings import Settings
from core.errors import Gone, NotAllowed, UnknownOutcome, VendorError

__all__ = ["doctor", "install", "plan", "uninstall"]


def plan(site: Site[Settings]) -> list[Step]:
    """Return what install would do, and what is left to be clicked."""
    api = Api(site.session)
    try:
        seen = look(api)
    except NotAllowed:
        return [manual_steps.connect(site.desk, site.settings.scope)]
    steps = [judged(one, seen, site.manifest, site.desk) for one in wanted(site, site.manifest)]
    return [*steps, *_left_over(site, site.manifest), *_by_hand(site.settings, seen)]


def _left_over(site: Site[Settings], manifest: Manifest) -> list[Step]:
    """Return what we made once and no longer want: the other kind of webhook, for instance."""
    keys = {one.key for one in wanted(site, manifest)}
    return [
        Step("delete", key.partition(":")[0], key, "it is no longer needed", kept["id"])
        for key, kept in manifest.items()
        if key not in keys and key.partition(":")[0] in PATHS
    ]


def _by_hand(settings: Settings, seen: Mapping[str, list[Row]]) -> list[Step]:
    doubling = own_replies(seen["trigger"]) if settings.acknowledge else ()
    return [manual_steps.own_reply(title) for title in doubling]


def _account(api: Api, manifest: Manifest) -> Manifest:
    """Return what else the running program needs: our own user's id, and the secret that Zendesk made for the
    webhook."""
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


def install(site: Site[Settings], keep: Keep) -> tuple[Manifest, list[Step]]:
    """Make what is missing, bring ours up to date, leave the rest. Twice makes one of each."""
    api, made = Api(site.session), dict(site.manifest)
    try:
        seen = look(api)
    except NotAllowed:
        return made, [manual_steps.connect(site.desk, site.settings.scope)]
    steps = []
    for place in range(len(wanted(site, made))):
        # asked again: triggers need the webhook's id, known only once it is made
        one = wanted(site, made)[place]
        step = _done(api, one, judged(one, seen, made, site.desk), seen)
        steps.append(step)
        if step.id and step.action in {"create", "update", "keep"}:
            made[one.key] = {"id": step.id, "hash": _hash(one, step, seen, made)}
            keep(made)
    steps += [_removed(api, step.name, made.pop(step.name), dry=False) for step in _left_over(site, made)]
    return {**made, **_account(api, made)}, [*steps, *_by_hand(site.settings, seen)]


def _hash(one: Wanted, step: Step, seen: Mapping[str, list[Row]], made: Manifest) -> str:
    """Return the fingerprint of the object as it is after the step."""
    there = next((each for each in seen[one.kind] if text(each.get("id")) == step.id), None)
    if step.why == OFF:
        return made.get(one.key, {}).get("hash", one.hash)
    if there is None or one.kind != "field":
        return one.hash
    shape = shape_of("field", there)
    return fingerprint({**shape, "options": sorted({*shape["options"], *one.shape["options"]})})


def _done(api: Api, one: Wanted, step: Step, seen: Mapping[str, list[Row]]) -> Step:
    """Carry out a step and return it."""
    try:
        if step.action == "create":
            return replace(step, id=_create(api, one))
        if step.action == "update":
            _update(api, one, step, seen[one.kind])
        return step
    except VendorError as err:
        return manual_steps.denied(one.kind, one.name, one.why, str(err))


def _create(api: Api, one: Wanted) -> str:
    """Make an object. Zendesk has no idempotency key: after an unclear answer the list shows whether it was made."""
    name = NAMES[one.kind]
    try:
        made = row(api.write("POST", one.path, {name: one.body}).get(name))
    except UnknownOutcome:
        listed = api.all(one.path, LISTS[one.kind])
        title = "name" if one.kind == "webhook" else "title"
        made = next(
            (
                there
                for there in listed
                if there.get(title) == one.name and fingerprint(shape_of(one.kind, there)) == one.hash
            ),
            {},
        )
        if not made:
            raise
    return text(made.get("id"))


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


def uninstall(site: Site[Settings], *, dry: bool = False) -> list[Step]:
    """Remove exactly what the manifest lists, what uses another object before it."""
    api = Api(site.session)
    ours = [key for key in site.manifest if key.partition(":")[0] in PATHS]
    keys = sorted(ours, key=lambda key: REMOVAL.index(key.partition(":")[0]))
    return [_removed(api, key, site.manifest[key], dry=dry) for key in keys]


def _removed(api: Api, key: str, kept: Mapping[str, str], *, dry: bool) -> Step:
    kind, _, name = key.partition(":")
    why = "we made it" + (" (the values that it holds are deleted with it)" if kind == "field" else "")
    path, clicks = (
        f"{PATHS[kind]}/{kept['id']}",
        f"delete the {kind} with the id {kept['id']} in Admin Center",
    )
    remove = partial(api.get, path) if dry else partial(api.write, "DELETE", path)
    return removed(kind, name, kept["id"], remove, why, clicks)
