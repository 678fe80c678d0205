"""A message to the customer besides those of a decision: a call of its own whose key is stored only once.

A second attempt finds the key stored. The call is made like every other one (claimed, sent, marked done, looked up before it
is repeated), through the same guard and the same caps.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, select

from core.app import App
from core.ledger import caps, store
from core.ledger.db import insert_new
from core.ledger.rows import DecisionRow, TicketRow, first
from core.ledger.schema import decisions, writes
from core.ledger.states import DecisionState, Entry, WriteState
from core.mailboxes import mailbox_of
from core.model import Reply, Ticket
from core.pipeline import places
from core.pipeline.case import address_of
from core.values import to_json


class _NoRoomError(Exception):
    """A cap is reached."""


def plan(
    app: App, ticket: Ticket, decided: DecisionRow, reply: Reply, key: str, said: str, now: datetime
) -> None:
    """Store the call unless its key is stored already. Where the caps leave no room nothing is stored, and it may be retried.
    `said`: its line in the ticket's history."""
    row = {
        "key": key,
        "fact_key": decided.key,
        "desk": ticket.desk,
        "ticket_id": ticket.id,
        "what": reply.purpose,
        "position": places.AFTER,
        "actions": to_json((reply,)),
        "address": mailbox_of(address_of(ticket)),
        "state": WriteState.PLANNED,
        "attempts": 0,
        "looks": 0,
    }
    app.own_addresses_of(ticket.desk)  # asked before the transaction, which must not wait for the desk
    try:
        with app.engine.begin() as conn:
            if insert_new(conn, writes, row):
                _guarded(app, conn, ticket, decided, reply, key, said, now)
    except _NoRoomError:
        return


def _guarded(
    app: App,
    conn: Connection,
    ticket: Ticket,
    decided: DecisionRow,
    reply: Reply,
    key: str,
    said: str,
    now: datetime,
) -> None:
    where, planned = (ticket.desk, ticket.id), store.write(conn, key)
    if why := places.refused(app, ticket, planned, reply, decided):
        store.set_write(conn, key, WriteState.SKIPPED, done_at=now, reason=why)
        store.log(conn, where, now, Entry.SKIPPED, f"{reply.purpose.replace('_', ' ')}: {why}", key=key)
        return
    if caps.take(conn, planned, app.settings.limits, now) is not None:
        raise _NoRoomError
    store.log(conn, where, now, Entry.DECIDED, said, key=key)


def decision(conn: Connection, row: TicketRow) -> DecisionRow | None:
    """Return the newest decision that was carried out, None when there is none: no human has answered its message."""
    mine = and_(decisions.c.desk == row.desk, decisions.c.ticket_id == row.ticket_id)
    query = select(decisions).where(
        mine, decisions.c.state == DecisionState.DONE, decisions.c.escalates.is_(True)
    )
    return first(DecisionRow, conn.execute(query.order_by(decisions.c.at.desc()).limit(1)))
