"""The due steps of one ticket's ladder: their messages are queued and the ladder moves on, in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from core import escalation
from core.app import App
from core.ledger import store
from core.ledger.rows import TicketRow
from core.ledger.states import Entry
from core.model import Priority, TicketState
from core.notifications import delivery, routing
from core.pipeline import surges


def climb(
    app: App, conn: Connection, row: TicketRow, guess: tuple[str, float] | None, now: datetime
) -> dict[str, Any]:
    """Queue what is due of a ticket's row; return the columns that change. `guess`: intent and confidence of
    its newest message, which people act on."""
    if row.next_due_at is None or row.next_due_at > now:
        return {}
    where, values = (row.desk, row.ticket_id), dict(vars(row))
    if guess is not None:
        values["intent"], values["confidence"] = guess
    entries = escalation.due(values, now)
    notices = surges.gathered(app, conn, row, escalation.notices_for(values, entries), now)
    delivery.enqueue(conn, notices, routes=routing.of(app), now=now)
    for entry in entries:
        store.log(conn, where, now, Entry.NOTICED, f"{entry['template']} → {entry['notify']}")
    rung, _ = escalation.advanced(values, now)
    ladder = escalation.prolonged(
        row.ladder or [],
        rung,
        now,
        app.hours_of(row.desk),
        priority=Priority(row.priority or Priority.NORMAL),
        held=row.state == TicketState.CLAIMED,
    )
    return {"ladder": ladder, "rung": rung, "next_due_at": escalation.next_due(ladder, rung)}
