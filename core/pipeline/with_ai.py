"""A ticket that the desk's own AI is at work on is left alone, with a due time; handed over, it is taken up like a new one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core import desk_ai
from core.app import App
from core.desk_ai import AtWork
from core.errors import HeldByAI
from core.hours import stamp
from core.ledger import store
from core.ledger.rows import TicketRow
from core.ledger.states import TAKEN_UP, Entry
from core.model import Author, Ticket, TicketState

ANSWERED = "the desk's own AI has answered: no person is needed"


def leave(app: App, ticket: Ticket, row: TicketRow | None, now: datetime) -> str:
    """Return why the ticket is the AI's and needs no person now; "" when it is ours to handle. Raises HeldByAI while the AI
    still has to answer the customer."""
    if row is not None and (row.state in TAKEN_UP or row.handed_over):
        return ""
    wait: timedelta = app.desk_settings[ticket.desk].wait_for_ai
    found = desk_ai.look(ticket, row.ai_hold if row is not None else "", now, wait)
    if isinstance(found, AtWork):
        _note(app, ticket, row, found, now)
        if found.until is None:
            return ANSWERED
        until = stamp(found.until, app.hours_of(ticket.desk).zone)
        why = f"the desk's own AI is handling it: a person is notified if it has not answered by {until}"
        raise HeldByAI(why, wait=found.until - now)
    if found is not None:
        at = _when(ticket, found, now)
        with app.engine.begin() as conn:
            where = (ticket.desk, ticket.id)
            store.put_ticket(conn, where, now, handed_over=found, handed_over_at=at)
            store.log(conn, where, now, Entry.HANDED_OVER, f"the desk's own AI handed it over ({found})")
    return ""


def has_been(ticket: Ticket) -> bool:
    """Return whether one of the desk's AI agents may have had the ticket, so that its row must be read again."""
    return ticket.read_only or any(m.author is Author.AI for m in ticket.messages)


def _note(app: App, ticket: Ticket, row: TicketRow | None, found: AtWork, now: datetime) -> None:
    where = (ticket.desk, ticket.id)
    about: dict[str, Any] = {
        "subject": ticket.subject[:500],
        "url": ticket.url,
        "created_at": ticket.created_at,
    }
    with app.engine.begin() as conn:
        if row is None or row.ai_hold != found.hold:
            words = "the desk's own AI is handling it: nothing is sent or moved, and no one is notified"
            store.log(conn, where, now, Entry.AI, words)
        state = TicketState.LEFT_ALONE if found.until is None else None
        store.put_ticket(conn, where, now, state=state, ai_hold=found.hold, reason=ANSWERED, **about)


def _when(ticket: Ticket, how: desk_ai.HandOver, now: datetime) -> datetime:
    """Return when the AI handed over: the time of its message, else the time at which we noticed."""
    words = [m.at for m in ticket.messages if m.author is Author.AI]
    return max(words) if how is desk_ai.HandOver.WORDS and words else now
