"""Surges: when they began and ended, which tickets belong to them, which text a person approved."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select, update

from core.ledger.db import insert_new
from core.ledger.rows import SurgeRow, TicketRow, every, first
from core.ledger.schema import surges, tickets
from core.ledger.statements import ask, change, rows_of
from core.model import Outcome

COUNTED = (Outcome.AUTO_RESOLVED, Outcome.ROUTED, Outcome.GENERAL_QUEUE, Outcome.REESCALATED)
_CAME = func.coalesce(tickets.c.created_at, tickets.c.first_seen_at)
_NEWEST = surges.c.found_at.desc()
_GOING_ON = [
    rows_of(surges, *names).where(surges.c.ended_at.is_(None)).order_by(_NEWEST)
    for names in (("desk",), ("desk", "intent"))
]
_ALIVE = surges.c.ended_at.is_(None) | (surges.c.ended_at >= bindparam("since"))
_LATELY = [rows_of(surges, *names).where(_ALIVE).order_by(_NEWEST) for names in ((), ("desk",))]


def going_on(conn: Connection, desk: str, intent: str = "") -> list[SurgeRow]:
    """Return the surges of a desk that have not ended, the newest first."""
    where = {"desk": desk, "intent": intent} if intent else {"desk": desk}
    return every(SurgeRow, ask(conn, _GOING_ON[bool(intent)], where))


def lately(conn: Connection, since: datetime, desk: str = "") -> list[SurgeRow]:
    """Return the surges that have not ended, and those that ended since then."""
    where = {"since": since, "desk": desk} if desk else {"since": since}
    return every(SurgeRow, ask(conn, _LATELY[bool(desk)], where))


def one(conn: Connection, key: str) -> SurgeRow | None:
    """Return one surge, None when there is none of this key."""
    return first(SurgeRow, ask(conn, rows_of(surges, "key"), {"key": key}))


def add(conn: Connection, **values: Any) -> bool:
    """Store a new surge; return whether it was new."""
    return insert_new(conn, surges, {"told": 0, "text": "", "approved_by": "", **values})


def put(conn: Connection, key: str, **values: Any) -> None:
    """Change columns of one surge."""
    change(conn, surges, {"key": key}, values)


def approve(conn: Connection, key: str, text: str, who: str, at: datetime) -> bool:
    """Store the approved text unless the surge has one already; return whether it was stored. Two people who approve at
    the same instant are serialised by the database: the update matches only a surge without a text."""
    free = and_(surges.c.key == key, surges.c.text == "")
    stored = update(surges).where(free).values(text=text, approved_by=who, approved_at=at)
    return conn.execute(stored).rowcount == 1


def arrivals(conn: Connection, desk: str, since: datetime, now: datetime) -> dict[str, list[datetime]]:
    """Return when tickets arrived at a desk, by intent; by the desk's clock, so that an import of old tickets is no surge."""
    span = and_(tickets.c.first_seen_at >= since, _CAME.between(since, now))
    query = select(tickets.c.intent, _CAME.label("came")).where(tickets.c.desk == desk, span)
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for row in conn.execute(query.where(tickets.c.intent != "", tickets.c.outcome.in_(COUNTED))):
        found[row.intent].append(row.came)
    return dict(found)


def first_seen(conn: Connection, desk: str) -> datetime | None:
    """Return when the ledger stored the first ticket of this desk."""
    query = select(func.min(tickets.c.first_seen_at)).where(tickets.c.desk == desk)
    return conn.execute(query).scalar()


def members(conn: Connection, surge: SurgeRow) -> list[TicketRow]:
    """Return the tickets of a surge, oldest first."""
    mine = and_(tickets.c.desk == surge.desk, tickets.c.intent == surge.intent, surge.began_at <= _CAME)
    if surge.ended_at is not None:
        mine = and_(mine, surge.ended_at >= _CAME)
    query = select(tickets).where(mine, tickets.c.outcome.in_(COUNTED)).order_by(_CAME, tickets.c.ticket_id)
    return every(TicketRow, conn.execute(query))


def is_member(surge: SurgeRow, row: TicketRow) -> bool:
    """Return whether a ticket belongs to a surge."""
    return covers(surge, row.intent, row.created_at or row.first_seen_at)


def covers(surge: SurgeRow, intent: str, came: datetime) -> bool:
    """Return whether a ticket of this intent that was created then belongs to a surge."""
    over = surge.ended_at is not None and came > surge.ended_at
    return intent == surge.intent and surge.began_at <= came and not over
