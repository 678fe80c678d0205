"""How long customers who had an acknowledgment waited for a human: what promises are computed from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from core.ledger.schema import tickets
from core.model import Priority, TicketState
from core.promises import LOOK_BACK, MOST, Wait

AWAITED = (TicketState.ESCALATED, TicketState.REESCALATED, TicketState.CLAIMED, TicketState.ANSWERED)
READ = 4 * MOST  # of a priority, both within business hours and outside


def waits(conn: Connection, desk: str, priority: Priority, now: datetime) -> Iterator[Wait]:
    """Yield the waits of a desk and priority, the newest escalation first, as known at `now`; a caller stops when it has enough."""
    mine = and_(tickets.c.desk == desk, tickets.c.priority == priority)
    query = _query(now).where(mine).order_by(tickets.c.escalated_at.desc()).limit(READ)
    for since, ended in conn.execute(query):
        yield Wait(since, ended if ended is not None and ended <= now else None)


def awaited(conn: Connection, now: datetime) -> list[tuple[str, Priority]]:
    """Return the desks and priorities that have any wait."""
    pairs = conn.execute(_query(now).with_only_columns(tickets.c.desk, tickets.c.priority).distinct())
    return [(desk, Priority(priority)) for desk, priority in pairs if priority in set(Priority)]


def _query(now: datetime) -> Select[Any]:
    """Select waits, without tickets that were closed unanswered and those whose customer was promised no time."""
    ended = func.coalesce(tickets.c.answered_at, tickets.c.closed_at)
    counts = or_(
        tickets.c.answered_at.is_not(None),
        tickets.c.state == TicketState.ANSWERED,
        tickets.c.closed_at.is_(None),
    )
    span = tickets.c.escalated_at.between(now - LOOK_BACK, now)
    told = and_(tickets.c.acknowledged_at.is_not(None), tickets.c.waiting_since.is_not(None))
    return select(tickets.c.waiting_since, ended.label("ended")).where(
        span, told, counts, tickets.c.state.in_(AWAITED)
    )
