"""Snooze: no notices about a waiting ticket for a while; the ticket still waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.app import App
from core.hours import stamp
from core.ledger import store
from core.ledger.states import Entry
from core.model import TicketState
from core.pipeline.claims import AWAITED, Outcome


def snooze(app: App, desk: str, ticket_id: str, span: timedelta, who: str, now: datetime) -> Outcome:
    """Put off the next rung; what falls due meanwhile is notified then. A promise that is still ahead ends the snooze early."""
    where = (desk, ticket_id)
    with app.engine.begin() as conn:
        row = store.ticket(conn, *where)
        if row is None or row.state not in AWAITED - {TicketState.CLAIMED} or row.next_due_at is None:
            return Outcome(False, f"Ticket {ticket_id} no longer waits.")
        until = now + span
        if row.promise_at is not None and row.promise_at > now:
            until = min(until, row.promise_at)
        due = max(until, row.next_due_at)
        store.put_ticket(conn, where, now, next_due_at=due)
        store.log(conn, where, now, Entry.SNOOZED, f"by {who or 'somebody'} until {due.isoformat()}")
    shown = stamp(due, app.hours_of(desk).zone)
    return Outcome(True, f"No notices about ticket {ticket_id} before {shown}.")
