"""A clock that ran ahead and came back: what was stored by it must not wait for years, nor count as just done.

The newest time that any process has seen is kept in the ledger. When the clock stands well before it, every stamp that lies
ahead is taken for now, what was to be done then is due now, and the ladders that were begun or moved then are reckoned anew.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, or_, select, update

from core import escalation
from core.app import App
from core.ledger import schema, store
from core.ledger.db import keep, kept, reading
from core.ledger.rows import TicketRow, every
from core.ledger.schema import desks, events, executors, notices, tickets, tokens, writes
from core.ledger.states import Entry
from core.model import Priority, TicketState
from core.notifications.alerts import alarm
from core.pipeline.claims import AWAITED
from core.pipeline.promised import promise_of

log = logging.getLogger(__name__)

NAME = "clock"  # its row in the meta table
AHEAD = timedelta(minutes=10)  # more than the clocks of several machines differ
KEPT = timedelta(minutes=1)  # so often the newest time is written down
LONG = timedelta(days=1)  # nothing in these tables waits so long by design
DUE: tuple[Column[Any], ...] = (events.c.due_at, notices.c.due_at)
STAMPS: tuple[Column[Any], ...] = (
    events.c.received_at,
    notices.c.created_at,
    notices.c.opened_at,
    notices.c.sent_at,
    writes.c.opened_at,
    writes.c.reserved_at,
    desks.c.started_at,
    desks.c.swept_at,
    desks.c.hook_heard_at,
    executors.c.beat_at,
    tokens.c.leased_until,
    schema.attempts.c.since,
)
"""What is compared with now: a time ahead would hold a call, a cap, a throttle or a takeover for as long."""


def mend(app: App, now: datetime) -> bool:
    """Note the time; whether the clock had come back, and what it had left ahead was put right."""
    with reading(app.engine) as conn:
        last = kept(conn, NAME)
    newest = datetime.fromisoformat(last["at"]) if last else None
    if newest is not None and newest - AHEAD <= now < newest + KEPT:
        return False
    came_back = newest is not None and now < newest
    with app.engine.begin() as conn:
        if came_back:
            _pull_back(app, conn, now)
        keep(conn, NAME, {"at": now.isoformat()})
    if came_back and newest is not None:
        what = (
            f"the clock of this machine came back from {newest:%Y-%m-%d %H:%M}: what was due then is due now"
        )
        log.warning(what)
        alarm(app, f"clock:{now:%Y-%m-%dT%H}", "", "", what, now)
    return came_back


def _pull_back(app: App, conn: Connection, now: datetime) -> None:
    for column in DUE:
        conn.execute(update(column.table).where(column > now + LONG).values({column.name: now}))
    for column in STAMPS:
        conn.execute(update(column.table).where(column > now + AHEAD).values({column.name: now}))
    ahead = (tickets.c.updated_at, tickets.c.escalated_at, tickets.c.waiting_since, tickets.c.claimed_at)
    moved = or_(*(column > now + AHEAD for column in ahead))
    query = select(tickets).where(tickets.c.state.in_(AWAITED), tickets.c.next_due_at.is_not(None), moved)
    for row in every(TicketRow, conn.execute(query)):
        store.put_ticket(conn, (row.desk, row.ticket_id), now, **_anew(app, row, now))
        store.log(
            conn, (row.desk, row.ticket_id), now, Entry.CLOCK, "the clock came back: its ladder begins anew"
        )


def _anew(app: App, row: TicketRow, now: datetime) -> dict[str, Any]:
    """Return the ladder started anew from the customer's wait; the team is notified again."""
    priority, since = Priority(row.priority or Priority.NORMAL), min(row.waiting_since or now, now)
    latest, _ = promise_of(app, row.desk, priority, now)
    promise_at = min(row.promise_at or latest, latest)
    ladder = escalation.ladder_for(
        app.rungs(priority, row.intent),
        waiting_since=since,
        promise_at=promise_at,
        priority=priority,
        hours=app.hours_of(row.desk),
    )
    values: dict[str, Any] = {
        "waiting_since": since,
        "escalated_at": now,
        "promise_at": promise_at,
        "rung": 0,
    }
    if row.state == TicketState.CLAIMED:
        came = min(row.claimed_at or now, now)
        values["claimed_at"] = came
        ladder = escalation.after_claim(
            ladder,
            0,
            waiting_since=since,
            promise_at=promise_at,
            claimed_at=came,
            hours=app.hours_of(row.desk),
        )
    return values | {"ladder": ladder, "next_due_at": escalation.next_due(ladder, 0)}
