"""Tickets that come back: not spam after all, restored, unmerged, reopened by an agent.

Nothing is over because it was skipped. When a ticket goes out of the desk's sight, or is closed without an answer, its ladder
stops and `closed_at` says since when; when it stands open again, it is taken up where it stood, and people are told at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.app import App
from core.escalation import next_due, returned
from core.ledger import store
from core.ledger.rows import TicketRow
from core.ledger.states import Entry
from core.model import OUT_OF_SIGHT, OVER, Author, ChangedTicket, Status, Ticket, TicketState, created_key
from core.outgoing import human_touch
from core.pipeline.claims import AWAITED
from core.pipeline.outcome import escalated_again

OPEN = {Status.NEW, Status.OPEN}
GONE = OUT_OF_SIGHT | {Status.CLOSED}
WAITED = AWAITED | {TicketState.ANSWERED}


def came_back(row: TicketRow, status: Status) -> bool:
    """Whether a ticket that is over in the ledger, and that no person answered, is open at its desk."""
    stands = status in OPEN or (status is Status.PENDING and row.state in AWAITED)
    return row.closed_at is not None and row.answered_at is None and stands


def closed_since(row: TicketRow, changed_ticket: ChangedTicket, now: datetime) -> datetime | None:
    """Return `closed_at` of a ticket that we answered, as the sweep saw it: since when it is solved."""
    solved = row.state == TicketState.AUTO_RESOLVED and changed_ticket.status in OVER
    return now if solved and row.closed_at is None else row.closed_at


def take_up(app: App, ticket: Ticket, row: TicketRow, now: datetime) -> bool:
    """Bring the ladder of a ticket that came back to life; return whether its row was changed. One that never had any is
    decided about like a new one: what was skipped was not dealt with. `row`: as it was read just now."""
    if not came_back(row, ticket.status):
        return False
    if row.state in WAITED:
        ladder = returned(row.ladder or [], row.rung, now)
        state = TicketState.REESCALATED if row.reescalated_at else TicketState.ESCALATED
        _keep(app, row, now, ladder=ladder, next_due_at=next_due(ladder, row.rung), state=state)
        return True
    if row.state == TicketState.AUTO_RESOLVED:
        _after_our_answer(app, ticket, row, now)
        return True
    return False


def _after_our_answer(app: App, ticket: Ticket, row: TicketRow, now: datetime) -> None:
    """Somebody of the company's reopened what we had answered and solved: the answer was not enough."""
    with app.engine.begin() as conn:
        decided = store.decision(conn, created_key(row.desk, row.ticket_id))
        if decided is None or human_touch(ticket) or _wrote_again(ticket, row):
            store.put_ticket(conn, (row.desk, row.ticket_id), now, closed_at=None)
            return
    _keep(app, row, now, **escalated_again(app, ticket, decided, row, now))


def _wrote_again(ticket: Ticket, row: TicketRow) -> bool:
    """Whether the customer did: that reopens it, and is decided about."""
    newest = next((one for one in reversed(ticket.messages) if one.author is not Author.BOT), None)
    return newest is not None and newest.id != row.handled_message_id


def _keep(app: App, row: TicketRow, now: datetime, **values: Any) -> None:
    where = (row.desk, row.ticket_id)
    values |= {"closed_at": None, "claimed_at": None, "claimed_by": ""}
    with app.engine.begin() as conn:
        store.put_ticket(conn, where, now, **values)
        store.log(
            conn, where, now, Entry.RETURNED, "it is open again: people are notified, the ladder goes on"
        )
