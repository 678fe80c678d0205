"""Plan, install and uninstall: idempotent, and careful with what people changed or made themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.freshdesk.api import Api, rows
from connectors.freshdesk.install import manual_steps, objects
from connectors.freshdesk.install.objects import CREATED, FIELDS_PATH, RULES_PATH, UPDATED, Wanted, shape
from connectors.freshdesk.install.rule_doctor import doctor
from connectors.freshdesk.install.survey import DENIED, Seen, by_hand, find, judged, look, wanted
from connectors.kit.http import DeskSession
from connectors.kit.provision import (
    HOOK,
    Keep,
    Manifest,
    Step,
    fingerprint,
    forget,
    hook_secret,
    new_secret,
    secret_print,
)
from connectors.kit.text import numbered
from connectors.kit.values import Row
from core.errors import Gone, NotAllowed, Refused, UnknownOutcome, VendorError

if TYPE_CHECKING:
    from connectors.freshdesk.connector import Settings

__all__ = ["doctor", "install", "plan", "uninstall"]

BROKEN = "Freshdesk's API did not take it"


def plan(
    settings: Settings,
    session: DeskSession,
    *,
    public_url: str,
    desk: str,
    manifest: Manifest,
    intents: Iterable[str] = (),  # no object of ours names an intent here
) -> list[Step]:
    """What install would do, and what is left to be clicked."""
    seen, secret = look(Api(session)), hook_secret(settings.secrets(), manifest)
    steps = [
        judged(one, seen, manifest, secret) for one in wanted(settings, public_url, desk, seen, manifest)
    ]
    return [*steps, *_by_hand(settings, seen)]


def _by_hand(settings: Settings, seen: Seen) -> Iterable[Step]:
    if seen.first_match:
        yield manual_steps.all_matching()
    if not settings.own_notifications_off:
        yield manual_steps.notifications()
    yield manual_steps.view(settings.tag_prefix)


def install(
    settings: Settings,
    session: DeskSession,
    *,
    public_url: str,
    desk: str,
    manifest: Manifest,
    intents: Iterable[str] = (),  # no object of ours names an intent here
    keep: Keep = forget,
) -> tuple[Manifest, list[Step]]:
    """Make what is missing, bring ours up to date, leave the rest. Twice makes one of each."""
    api = Api(session)
    seen = look(api)
    made, steps = dict(manifest), []
    if not hook_secret(settings.secrets(), made):
        made[HOOK] = {"secret": new_secret()}
        keep(made)  # before any rule sends it
    secret = hook_secret(settings.secrets(), made)
    for one in wanted(settings, public_url, desk, seen, made):
        step, row = _done(api, one, judged(one, seen, manifest, secret), seen)
        steps.append(step)
        if row:
            made[one.key] = _kept(one, row, secret)
        elif step.action == "keep" and one.key not in made:
            there = find(one, seen.objects[one.path], step.id)
            made[one.key] = _kept(one, there or {"id": step.id}, secret)
        keep(made)
    return made, [*steps, *_by_hand(settings, seen)]


def _kept(one: Wanted, row: Row, secret: str) -> dict[str, str]:
    entry = {"id": str(row["id"]), "hash": one.hash}
    if one.kind == "field":
        return {**entry, "name": str(row.get("name") or "")}
    return {**entry, "secret": secret_print(secret)}


def _done(api: Api, one: Wanted, step: Step, seen: Seen) -> tuple[Step, Row | None]:
    """The step carried out, and the object as it is now; nothing for steps that do nothing."""
    try:
        match step.action:
            case "create":
                row = _create(api, one, seen)
                return replace(step, id=str(row["id"])), row
            case "update":
                api.write("PUT", f"{one.path}/{step.id}", one.body)
                return step, {"id": step.id, **_again(seen, one, step.id)}
            case _:
                return step, None
    except _NotTaken as err:
        return by_hand(one, f"{BROKEN}: {err}"), None
    except NotAllowed:
        return by_hand(one, DENIED), None
    except (Refused, UnknownOutcome) as err:
        return by_hand(one, f"{BROKEN}: {err}"), None


class _NotTaken(Exception):
    """What we made is not what we asked for."""


def _again(seen: Seen, one: Wanted, number: str) -> Row:
    return find(one, seen.objects.get(one.path, []), number) or {}


def _create(api: Api, one: Wanted, seen: Seen) -> Row:
    """Make it and look at it: the shape of a webhook action is known from others' live tests only."""
    body = {**one.body, "position": _last(seen)} if one.kind == "field" else one.body
    try:
        made = api.write("POST", one.path, body)
    except UnknownOutcome:
        made = find(one, rows(api.get(one.path)), "") or {}
        if not made:
            raise
    if one.kind == "field":
        return made
    shown = api.get(f"{one.path}/{made['id']}")
    if fingerprint(shape("rule", shown)) != one.hash:
        api.write("DELETE", f"{one.path}/{made['id']}")
        raise _NotTaken("the rule came out differently than it was sent, and was removed again")
    return made


def _last(seen: Seen) -> int:
    return len(seen.objects.get(FIELDS_PATH, [])) + 1


def uninstall(
    settings: Settings, session: DeskSession, *, manifest: Manifest, dry: bool = False
) -> list[Step]:
    """Remove exactly what the manifest lists: rules first, so that nothing calls us any more."""
    api = Api(session)
    paths = {
        "rule:created": RULES_PATH.format(kind=CREATED),
        "rule:reply": RULES_PATH.format(kind=UPDATED),
        **{one.key: FIELDS_PATH for one in objects.fields()},
    }
    ours = [(key, paths[key]) for key in paths if key in manifest]
    steps = [_removed(api, key, path, manifest[key]["id"], dry=dry) for key, path in ours]
    return [*steps, _farewell()]


def _removed(api: Api, key: str, path: str, number: str, *, dry: bool) -> Step:
    kind, _, name = key.partition(":")
    why = "we made it" + (" (what it holds is deleted with it)" if kind == "field" else "")
    try:
        if not dry:
            api.write("DELETE", f"{path}/{number}")
        else:
            api.get(f"{path}/{number}")
    except Gone:
        return Step("keep", kind, name, "it is gone already", number)
    except VendorError as err:
        how = numbered(f"Delete the {kind} with the id {number} under Admin → Workflows")
        return Step("by_hand", kind, name, f"Freshdesk did not remove it: {err}", number, how)
    return Step("delete", kind, name, why, number)


def _farewell() -> Step:
    how = numbered(
        "Tickets → views: delete “Backstop: waiting”, if you made it",
        "Admin → Workflows → Email Notifications: switch on again what you switched off",
        "Admin → Team → Agents: deactivate the bot, which ends its API key",
    )
    return Step("by_hand", "setting", "what was clicked together", "no API removes it", details=how)
