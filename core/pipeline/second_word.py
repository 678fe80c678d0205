"""The second message: before a promise breaks unanswered, the customer is written to once, with a new time.

It is a call by a key that a ticket has once: see `core.pipeline.late_word`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, select

from core import queue
from core.app import App
from core.hours import stamp
from core.ledger.db import reading
from core.ledger.rows import TicketRow, every
from core.ledger.schema import tickets, writes
from core.model import Mode, Priority, Reply, Ticket, look
from core.pipeline import late_word
from core.pipeline.claims import AWAITED
from core.pipeline.decide import said_anew
from core.pipeline.promised import promise_of
from core.wording import SECOND_WORD

EARLY = timedelta(minutes=15)  # before the promise breaks, or a quarter of it where that is less
ROUND = 5  # minutes after which one that found no room under the caps is called up once more
MOST = 200  # of one pass


def call_up(app: App, desk: str, now: datetime) -> int:
    """Report a look at each ticket of a desk whose second message is due; return how many. The looks go through the
    engine's queues, so that one ticket's events keep their order."""
    if not _allowed(app, desk):
        return 0
    due = and_(
        tickets.c.desk == desk,
        tickets.c.state.in_(AWAITED),
        tickets.c.promise_at > now,
        tickets.c.promise_at <= now + _lead(app, EARLY * 4),
        tickets.c.acknowledged_at.is_not(None),
    )
    query = select(tickets).where(due, ~_said()).order_by(tickets.c.promise_at).limit(MOST)
    with reading(app.engine) as conn:
        rows = [row for row in every(TicketRow, conn.execute(query)) if _due(app, row, now)]
    nonce = f"second-{now:%Y%m%dT%H}{now.minute // ROUND}"
    return queue.report(app, [look(row.desk, row.ticket_id, nonce, now) for row in rows], "second word")


def plan(app: App, ticket: Ticket, row: TicketRow | None, now: datetime) -> None:
    """Store the call for a ticket just fetched, if its second message is due; it is made with the other open calls."""
    if row is None or not _allowed(app, ticket.desk) or not _due(app, row, now):
        return
    with reading(app.engine) as conn:
        decided = late_word.decision(conn, row)
    if decided is None:
        return
    priority = Priority(row.priority or Priority.NORMAL)
    new, how = promise_of(app, ticket.desk, priority, now)
    if row.promise_at is None or new <= row.promise_at:
        return
    reply = said_anew(app, ticket, Reply(SECOND_WORD, SECOND_WORD), new, now, row.language)
    when = stamp(new, app.hours_of(ticket.desk).zone)
    said = f"second word: the customer gets a new time, {when}{f' ({how})' if how else ''}"
    late_word.plan(app, ticket, decided, reply, f"{ticket.desk}:{ticket.id}:second", said, now)


def _allowed(app: App, desk: str) -> bool:
    rules = app.rules[desk]
    return app.settings.escalation.second_word and rules.acknowledge and rules.mode is not Mode.OBSERVE


def _due(app: App, row: TicketRow, now: datetime) -> bool:
    """Return whether the acknowledgment promised a time that is about to pass, and no human has answered."""
    told = row.acknowledged_at is not None and row.answered_at is None and row.state in AWAITED
    if not told or row.promise_at is None or row.waiting_since is None:
        return False
    lead = _lead(app, row.promise_at - row.waiting_since)
    return row.promise_at - lead <= now < row.promise_at


def _lead(app: App, length: timedelta) -> timedelta:
    return max(min(length / 4, EARLY), 2 * app.settings.sweep.every)


def _said() -> ColumnElement[bool]:
    mine = and_(writes.c.desk == tickets.c.desk, writes.c.ticket_id == tickets.c.ticket_id)
    return exists().where(mine, writes.c.what == SECOND_WORD)
