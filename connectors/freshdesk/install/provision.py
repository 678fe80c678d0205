"""Plan, install and uninstall: idempotent, and careful with what people changed or made themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from connectors.freshdesk.api import Api, rows
from connectors.freshdesk.install import manual_steps, objects
from connectors.freshdesk.install.account_doctor import doctor
from connectors.freshdesk.install.objects import CREATED, FIELDS_PATH, RULES_PATH, UPDATED, Wanted, shape
from connectors.freshdesk.install.survey import DENIED, Seen, clicks, find, judged, look, wanted
from connectors.freshdesk.settings import Settings
from connectors.kit.provision import (
    Keep,
    Manifest,
    Site,
    Step,
    by_hand,
    fingerprint,
    removed,
    secret_print,
    with_secret,
)
from connectors.kit.values import Row
from core.errors import NotAllowed, Refused, UnknownOutcome

__all__ = ["doctor", "install", "plan", "uninstall"]

BROKEN = "Freshdesk's API did not take it"


def plan(site: Site[Settings]) -> list[Step]:
    """Return what install would do, and what is left to be clicked."""
    seen = look(Api(site.session))
    steps = [judged(one, seen, site.manifest, site.secret) for one in wanted(site, seen)]
    return [*steps, *_by_hand(site.settings, seen)]


def _by_hand(settings: Settings, seen: Seen) -> Iterable[Step]:
    if seen.first_match:
        yield manual_steps.all_matching()
    if not settings.own_notifications_off:
        yield manual_steps.notifications()
    yield manual_steps.view(settings.tag_prefix)


def install(site: Site[Settings], keep: Keep) -> tuple[Manifest, list[Step]]:
    """Make what is missing, bring ours up to date, leave the rest. Twice makes one of each."""
    api, before = Api(site.session), site.manifest
    seen = look(api)
    site = with_secret(site, keep)
    made, steps = site.manifest, []
    for one in wanted(site, seen):
        step, row = _done(api, one, judged(one, seen, before, site.secret), seen)
        steps.append(step)
        if row:
            made[one.key] = _kept(one, row, site.secret)
        elif step.action == "keep" and one.key not in made:
            there = find(one, seen.objects[one.path], step.id)
            made[one.key] = _kept(one, there or {"id": step.id}, site.secret)
        keep(made)
    return made, [*steps, *_by_hand(site.settings, seen)]


def _kept(one: Wanted, row: Row, secret: str) -> dict[str, str]:
    entry = {"id": str(row["id"]), "hash": one.hash}
    if one.kind == "field":
        return {**entry, "name": str(row.get("name") or "")}
    return {**entry, "secret": secret_print(secret)}


def _done(api: Api, one: Wanted, step: Step, seen: Seen) -> tuple[Step, Row | None]:
    """Carry out a step; return it, and the object as it is now ({} for steps that change nothing)."""
    try:
        match step.action:
            case "create":
                row = _create(api, one, seen)
                return replace(step, id=str(row["id"])), row
            case "update":
                api.write("PUT", f"{one.path}/{step.id}", one.body)
                return step, {"id": step.id, **(find(one, seen.objects.get(one.path, []), step.id) or {})}
            case _:
                return step, None
    except NotAllowed:
        return clicks(one, DENIED), None
    except (_NotTaken, Refused, UnknownOutcome) as err:
        return clicks(one, f"{BROKEN}: {err}"), None


class _NotTaken(Exception):
    """What we made is not what we asked for."""


def _create(api: Api, one: Wanted, seen: Seen) -> Row:
    """Make it and look at it: the shape of a webhook action is known from others' live tests only."""
    body = (
        {**one.body, "position": len(seen.objects.get(FIELDS_PATH, [])) + 1}
        if one.kind == "field"
        else one.body
    )
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


def uninstall(site: Site[Settings], *, dry: bool = False) -> list[Step]:
    """Remove exactly what the manifest lists: rules first, so that nothing calls us any more."""
    api = Api(site.session)
    paths = {
        "rule:created": RULES_PATH.format(kind=CREATED),
        "rule:reply": RULES_PATH.format(kind=UPDATED),
        **{one.key: FIELDS_PATH for one in objects.fields()},
    }
    ours = [(key, paths[key]) for key in paths if key in site.manifest]
    steps = [_removed(api, key, path, site.manifest[key]["id"], dry=dry) for key, path in ours]
    return [*steps, _farewell()]


def _removed(api: Api, key: str, path: str, number: str, *, dry: bool) -> Step:
    kind, _, name = key.partition(":")
    why = "we made it" + (" (what it holds is deleted with it)" if kind == "field" else "")
    how = f"Delete the {kind} with the id {number} under Admin → Workflows"
    remove = partial(api.get, f"{path}/{number}") if dry else partial(api.write, "DELETE", f"{path}/{number}")
    return removed(kind, name, number, remove, why, how)


def _farewell() -> Step:
    return by_hand(
        "setting",
        "what was clicked together",
        "no API removes it",
        "Tickets → views: delete “Backstop: waiting”, if you made it",
        "Admin → Workflows → Email Notifications: switch on again what you switched off",
        "Admin → Team → Agents: deactivate the bot, which ends its API key",
    )
