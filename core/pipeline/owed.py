"""Acknowledgments that the brake of a desk held back: sent when there is room, unless a human has answered."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from core import queue
from core.app import App
from core.ledger import caps, pausing, store
from core.ledger.db import reading
from core.ledger.rows import TicketRow, WriteRow
from core.ledger.states import Entry, WriteState
from core.model import Mode, Priority, Reply, Ticket, TicketEvent, TicketState, look
from core.notifications.alerts import alarm
from core.pipeline import places, surge_text
from core.pipeline.batch import Batch
from core.pipeline.decide import said_anew
from core.pipeline.promised import promise_of
from core.pipeline.write import perform
from core.values import from_json, to_json

OVER = {TicketState.ANSWERED, TicketState.AUTO_RESOLVED}
MOST = 200  # of one pass, where no cap is set any more
AGAIN = 10  # minutes after which one that was called up and found no room is called up once more


def release(app: App, now: datetime) -> int:
    """Report a look at as many waiting tickets as the cap has room for; return how many. The looks go through the engine's
    queues, so that one ticket's events keep their order."""
    with reading(app.engine) as conn:
        waiting = [row for row in store.owed(conn) if row.what == "acknowledgment"]
        by_desk: defaultdict[str, list[WriteRow]] = defaultdict(list)
        for row in waiting:
            by_desk[row.desk].append(row)
        due = [
            row
            for desk, rows in by_desk.items()
            if desk in app.desks
            for row in rows[: _room(app, conn, desk, now)]
        ]
    ready = [row for row in due if not pausing.paused(app.engine, row.desk)]
    return queue.report(app, [_call(row, now) for row in ready], "owed")


def _room(app: App, conn: Connection, desk: str, now: datetime) -> int:
    if app.rules[desk].mode is Mode.OBSERVE:
        return 0
    sent = caps.sent(conn, desk, "", app.settings.limits, now)
    return max(0, sent.total_cap - sent.to_all) if sent.total_cap else MOST


def _call(row: WriteRow, now: datetime) -> TicketEvent:
    nonce = hashlib.sha256(row.key.encode()).hexdigest()[:8]
    return look(row.desk, row.ticket_id, f"owed-{nonce}-{now:%Y%m%dT%H}{now.minute // AGAIN}", now)


def pay(app: App, ticket: Ticket, batch: Batch) -> Ticket:
    """Send what is owed on a ticket just fetched, and make the calls that were left over; return the ticket with its new
    version."""
    if ticket.read_only:
        return ticket
    where = (ticket.desk, ticket.id)
    with reading(app.engine) as conn:
        left, waiting, row = (
            store.left_over(conn, where),
            store.owed(conn, *where),
            store.ticket(conn, *where),
        )
    ticket = _made(app, ticket, left, batch)
    said = next((one for one in waiting if one.what == "acknowledgment"), None)
    if said is None or row is None or app.rules[ticket.desk].mode is Mode.OBSERVE:
        return ticket
    if _ready(app, ticket, row, waiting, said):
        with reading(app.engine) as conn:
            left = store.left_over(conn, where)
        ticket = _made(app, ticket, left, batch)
    return ticket


def _made(app: App, ticket: Ticket, rows: Sequence[WriteRow], batch: Batch) -> Ticket:
    for row in rows:
        if row.key.endswith(places.MARK) and not _is_said(app, row):
            with app.engine.begin() as conn:
                store.set_write(conn, row.key, WriteState.SKIPPED, reason="the acknowledgment did not go out")
            continue
        ticket, _, failed = perform(app, ticket, row, batch)
        batch.flush()
        if failed:
            alarm(
                app,
                f"refused:{row.key}",
                ticket.desk,
                ticket.id,
                f"a call was refused: {failed}",
                app.clock(),
            )
    return ticket


def _is_said(app: App, mark: WriteRow) -> bool:
    with reading(app.engine) as conn:
        return store.write(conn, mark.key.removesuffix(places.MARK)).state == WriteState.DONE


def _ready(app: App, ticket: Ticket, row: TicketRow, waiting: Sequence[WriteRow], said: WriteRow) -> bool:
    """Return whether the acknowledgment may be sent now, reworded and with a place under the caps. End one that is no
    longer needed."""
    now, where = app.clock(), (ticket.desk, ticket.id)
    reply = next((a for a in from_json(said.actions) if isinstance(a, Reply)), None)
    why = _needless(app, ticket, row, reply) or places.refused(app, ticket, said, reply)
    with app.engine.begin() as conn:
        if why or reply is None:
            for one in waiting:
                store.set_write(conn, one.key, WriteState.SKIPPED, done_at=now, reason=why)
            store.log(conn, where, now, Entry.SKIPPED, f"acknowledgment: {why}", key=said.key)
            return False
        if caps.take(conn, said, app.settings.limits, now) is not None:
            return False
        promise_at = _promise(app, row, now)
        store.put_ticket(conn, where, now, promise_at=promise_at)
        reply = said_anew(app, ticket, reply, promise_at, now, row.language)
        for one in waiting:
            new = {"actions": to_json((reply,))} if one.key == said.key else {}
            store.set_write(conn, one.key, WriteState.PLANNED, opened_at=None, **new)
    return True


def _needless(app: App, ticket: Ticket, row: TicketRow, reply: Reply | None) -> str:
    if reply is None:
        return "its words were erased"
    with reading(app.engine) as conn:
        if surge_text.received(conn, ticket):
            return "the customer has received the text approved for the surge"
    if row.acknowledged_at is not None:
        return "the customer was acknowledged meanwhile"
    return "it is answered meanwhile" if row.state in OVER else ""


def _promise(app: App, row: TicketRow, now: datetime) -> datetime:
    """Return the stored promise while it is in the future; else a new one, since the customer has not received any yet."""
    if row.promise_at is not None and row.promise_at > now:
        return row.promise_at
    return promise_of(app, row.desk, Priority(row.priority or Priority.NORMAL), now)[0]
