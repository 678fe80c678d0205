"""Restore a claim that a write of ours undid.

Zendesk's lock is one second coarse, and moving a ticket to a group unassigns an agent who is not in it: an
agent who claims in the second in which we read the ticket loses it to our update. Its audit names the previous
assignee.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.kit.values import Row, row, rows
from connectors.zendesk.api import Api, text
from connectors.zendesk.reading import MARK
from core.errors import Conflict, Refused, VendorError
from core.model import Write

TRIES = 3  # triggers run after every update and move the lock on


@dataclass(frozen=True)
class Taken:
    """Whom an update took the ticket from, and the group it lay in before ("" if it stayed where it was)."""

    agent: str
    group: str = ""


def taken(audit: Row, known: Collection[str], group: str = "") -> Taken | None:
    """Return whom this update took the ticket from; None when it was nobody's, or belonged to one of `known`.

    `group`: where the ticket lies now, if the update did not move it.
    """
    changed = {text(one.get("field_name")): one for one in rows(audit.get("events"))}
    was = text(row(changed.get("assignee_id")).get("previous_value"))
    if not was or was in known:
        return None
    moved = row(changed.get("group_id"))
    return Taken(was, text(moved.get("previous_value")) if moved else group)


def reassigned(audits: Sequence[Row]) -> bool:
    """Return whether one of these audits says that somebody gave the ticket to somebody, or let go of it."""
    events = (one for audit in audits for one in rows(audit.get("events")))
    return any(text(one.get("field_name")) == "assignee_id" for one in events)


def give_back(api: Api, ticket_id: str, lost: Taken, write: Write, version: str, me: str) -> str:
    """Assign the ticket to the previous agent again and return the result in words. Never raises: the write itself was done."""
    try:
        came = _given_back(api, ticket_id, lost, write.key, version, me)
    except VendorError as err:
        came = f"could not be given it back: {err}"
    return f"agent {lost.agent} claimed it in that second, and {came}"


def _given_back(api: Api, ticket_id: str, lost: Taken, key: str, version: str, me: str) -> str:
    body: dict[str, Any] = {"metadata": {MARK: f"{key}:claim"}, "assignee_id": int(lost.agent)}
    body |= {"group_id": int(lost.group)} if lost.group else {}
    for _ in range(TRIES):
        try:
            api.update(ticket_id, {**body, "safe_update": True, "updated_stamp": version})
        except Conflict:
            version = _unheld(api, ticket_id, me)
            if not version:
                return "somebody holds it by now"
        except Refused:
            if body.pop("group_id", None) is None:
                raise
        else:
            return "has it again"
    return "could not be given it back: the ticket keeps changing"


def _unheld(api: Api, ticket_id: str, me: str) -> str:
    """Return the lock of a ticket that still belongs to nobody else; "" when somebody has it."""
    now = row(api.ticket(ticket_id).get("ticket"))
    return "" if text(now.get("assignee_id")) not in {"", me} else str(now.get("updated_at") or "")
