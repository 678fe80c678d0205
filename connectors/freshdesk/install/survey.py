"""What is in the account now, against what we want there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.freshdesk.api import Api, rows
from connectors.freshdesk.install import manual_steps, objects
from connectors.freshdesk.install.objects import CREATED, FIELDS_PATH, RULES_PATH, UPDATED, Wanted, shape
from connectors.freshdesk.settings import Settings
from connectors.kit.provision import Manifest, Site, Step, difference, fingerprint, secret_print
from connectors.kit.values import Row
from core.errors import NotAllowed

DENIED = "this key has no admin rights; set install_api_key to an admin's, or do it by hand"


@dataclass
class Seen:
    """What is in the account now. `denied`: kinds that this key may not look at."""

    objects: dict[str, list[Row]] = field(default_factory=dict)  # by path
    denied: set[str] = field(default_factory=set)
    cascading: bool | None = None  # whether all matching creation rules run; None = not shown

    @property
    def first_match(self) -> bool:
        """Only the first matching creation rule runs, and there are others than ours."""
        others = [r for r in self.objects.get(RULES_PATH.format(kind=CREATED), []) if r.get("active", True)]
        return self.cascading is False and any(not str(r.get("name")).startswith("Backstop ") for r in others)


def look(api: Api) -> Seen:
    """Return all fields and rules."""
    seen = Seen()
    for path in (FIELDS_PATH, RULES_PATH.format(kind=CREATED), RULES_PATH.format(kind=UPDATED)):
        try:
            answer = api.get(path)
        except NotAllowed as err:
            if err.status == 401:
                raise
            seen.denied.add(path)
            continue
        seen.objects[path] = rows(answer)
        if path == RULES_PATH.format(kind=CREATED):
            seen.cascading = _cascading(answer)
    return seen


def _cascading(answer: Any) -> bool | None:
    meta = answer.get("meta") if isinstance(answer, dict) else None
    told = meta.get("cascading_rules") if isinstance(meta, dict) else None
    return told if isinstance(told, bool) else None


def wanted(site: Site[Settings], seen: Seen) -> list[Wanted]:
    """Return all objects, fields first; the creation rule is inactive while it would disable the account's own rules."""
    rules = objects.rules(
        site.hook_url, site.desk, site.secret, creation_active=not seen.first_match, shown=site.shown_secret
    )
    return [*objects.fields(), *rules]


def judged(one: Wanted, seen: Seen, manifest: Manifest, secret: str) -> Step:
    """Return one object: as we left it, switched off, of an older version of ours, changed by somebody, or not there."""
    if one.path in seen.denied:
        return clicks(one, DENIED)
    kept = manifest.get(one.key, {})
    there = find(one, seen.objects.get(one.path, []), kept.get("id", ""))
    address = f"it calls {one.address}" if one.address else ""
    if there is None:
        return Step("create", one.kind, one.name, one.why, details=address)
    found, number = fingerprint(shape(one.kind, there)), str(there["id"])
    secret_new = one.kind == "rule" and kept.get("secret", "") != secret_print(secret)
    if found == one.hash and not (kept and secret_new):
        return Step("keep", one.kind, one.name, "it is as we want it", number, address)
    if why := _why_update(one, there, found, kept):
        return Step("update", one.kind, one.name, why, number, address)
    return Step(
        "differs",
        one.kind,
        one.name,
        "somebody changed it, so it is left as it is; delete it and run install to have ours again",
        number,
        details=difference(shape(one.kind, there), shape(one.kind, one.body)),
    )


def _why_update(one: Wanted, there: Row, found: str, kept: Mapping[str, str]) -> str:
    """Return why one of ours is to be brought up to date; "" when somebody changed it."""
    if one.kind == "rule" and one.body.get("active") and not there.get("active", True):
        on = fingerprint(shape(one.kind, {**there, "active": True}))
        return "it was switched off" if on in {one.hash, kept.get("hash")} else ""
    if not kept or found not in {kept.get("hash"), one.hash}:
        return ""
    return (
        "the webhook secret was exchanged"
        if found == one.hash
        else "we want it differently than when we made it"
    )


def find(one: Wanted, there: Iterable[Row], number: str) -> Row | None:
    """Return the object with the id in the manifest, else with the exact name, so that a lost manifest doubles nothing."""
    listed = list(there)
    by_id = next((row for row in listed if number and str(row.get("id")) == number), None)
    label = "label" if one.kind == "field" else "name"
    return by_id or next((row for row in listed if row.get(label) == one.name and row.get("id")), None)


def clicks(one: Wanted, why: str) -> Step:
    """Return the clicks that make an object."""
    return manual_steps.rule_by_hand(one, why) if one.kind == "rule" else manual_steps.field_by_hand(one, why)
