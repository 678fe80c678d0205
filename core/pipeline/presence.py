"""Which agents of a desk are absent: a ticket assigned to one of them counts as unclaimed while its clock runs.

The desk is read at every fifth sweep, and the answer is stored for all processes. An agent who is not listed counts as
present; so do all agents where the desk has no presence, cannot be read, or was read too long ago.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.app import FIFTH, App
from core.errors import VendorError
from core.ledger import db
from core.ledger.db import reading
from core.ledger.rows import TicketRow, every
from core.ledger.schema import tickets
from core.model import Claim, Priority, TicketState
from core.ports import Presence

log = logging.getLogger(__name__)

STALE = 4  # readings after which the last one is out of date


def refresh(app: App, desk: str, now: datetime) -> list[TicketRow]:
    """Read the absent agents from the desk when that is due; return the claimed tickets that are assigned to one of them."""
    at = app.desks[desk]
    kept = _kept(app, desk)
    if not isinstance(at, Presence) or not app.is_due(kept, now):
        return []
    trouble, found = "", {}
    try:
        found = dict(at.absent())
    except VendorError as err:
        trouble = str(err)[:300]
        log.warning("%s: agents' availability could not be read, all count as present: %s", desk, err)
    value = {"at": now.isoformat(), "absent": found, "trouble": trouble}
    with app.engine.begin() as conn:
        db.keep(conn, f"presence:{desk}", value)
    held = (
        select(tickets)
        .where(tickets.c.desk == desk, tickets.c.state == TicketState.CLAIMED)
        .where(tickets.c.claimed_via == "assignee", tickets.c.claimed_by_id.in_(list(found)))
    )
    with reading(app.engine) as conn:
        return every(TicketRow, conn.execute(held)) if found else []


def trouble(app: App, desk: str) -> str:
    """Return why the last reading failed, "" when it did not."""
    kept = _kept(app, desk)
    return str(kept.get("trouble", "")) if kept else ""


def held_by(row: TicketRow) -> Claim:
    """Return the claim as stored in the ledger."""
    return Claim(row.ticket_id, row.claimed_by, via="assignee", by_id=row.claimed_by_id)


def present(app: App, row: TicketRow, claim: Claim, now: datetime) -> tuple[Claim, str]:
    """Return the claim and ""; or an empty claim and the reason, when its holder is absent while the ticket's clock runs."""
    if not claim.by_id or claim.answered or claim.closed or not _runs(app, row, now):
        return claim, ""
    kept = _kept(app, row.desk)
    if not kept or now > datetime.fromisoformat(kept["at"]) + STALE * FIFTH * app.settings.sweep.every:
        return claim, ""
    why = kept["absent"].get(claim.by_id, "")
    away = replace(claim, by="", by_email="", by_id="", via="", at=None)
    return (away, f"{claim.by} holds it and is {why}") if why else (claim, "")


def _runs(app: App, row: TicketRow, now: datetime) -> bool:
    """Return whether the ticket's clock runs: an agent who has gone home keeps a ticket that counts in business
    hours."""
    clock = app.settings.escalation.clock[Priority(row.priority or Priority.NORMAL)]
    return clock == "wall" or app.hours_of(row.desk).is_open(now)


def _kept(app: App, desk: str) -> Mapping[str, Any] | None:
    with reading(app.engine) as conn:
        found: Mapping[str, Any] | None = db.kept(conn, f"presence:{desk}")
    return found
