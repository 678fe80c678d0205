"""What is in the account now, against what we want there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.kit.provision import Manifest, Step, fingerprint
from connectors.kit.values import Row
from connectors.zendesk.api import Api, text
from connectors.zendesk.install.objects import LISTS, PATHS, TRIGGERED, Wanted, marker, shape_of

OFF = "it was switched off: install switches it on again"


def look(api: Api) -> dict[str, list[Row]]:
    """Return all objects of the kinds that we make."""
    return {kind: api.all(path, LISTS[kind]) for kind, path in PATHS.items()}


def judged(one: Wanted, seen: Mapping[str, list[Row]], manifest: Manifest, desk: str) -> Step:
    """Return what is to be done about one object. What a person changed is reported, never overwritten."""
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
    """Return where a webhook calls us, as a line of its step."""
    return f"it calls {one.body['endpoint']}" if one.kind == "webhook" else ""


def _is_off(one: Wanted, there: Row) -> bool:
    """Return whether a webhook, or a trigger that calls it, was switched off: by a person, or by Zendesk after
    failures."""
    off = there.get("active") is False if one.kind == "trigger" else there.get("status") == "inactive"
    return one.kind in {"webhook", "trigger"} and off


def _fits(one: Wanted, shape: Mapping[str, Any]) -> bool:
    """Return whether what is there will do. A field may offer more than we ask for: options of old intents are never
    removed."""
    if one.kind != "field":
        return dict(shape) == one.shape
    rest = {name: value for name, value in shape.items() if name != "options"}
    wanted_rest = {name: value for name, value in one.shape.items() if name != "options"}
    return rest == wanted_rest and set(one.shape["options"]) <= set(shape["options"])


def _find(one: Wanted, objects: Iterable[Row], kept_id: str, desk: str) -> Row | None:
    """Return the object with the id in the manifest; when that is lost, with our name and our mark in the description."""
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
