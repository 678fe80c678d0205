"""What desks hold back: each message once, with what was thought of it and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from core.ledger.db import insert_new
from core.ledger.rows import LimboRow, every, first
from core.ledger.schema import limbo, tickets

HELD, RECOVERED, GONE = "held", "recovered", "gone"


def known(conn: Connection, desk: str) -> dict[str, LimboRow]:
    """Return all that was seen there, by id."""
    return {row.id: row for row in every(LimboRow, conn.execute(select(limbo).where(limbo.c.desk == desk)))}


def held(conn: Connection, desk: str = "") -> list[LimboRow]:
    """Return what is held back now, likely genuine ones first, then by time."""
    mine = limbo.c.state == HELD if not desk else and_(limbo.c.state == HELD, limbo.c.desk == desk)
    query = select(limbo).where(mine).order_by(limbo.c.genuine.desc(), limbo.c.at.desc())
    return every(LimboRow, conn.execute(query))


def one(conn: Connection, desk: str, held_id: str) -> LimboRow | None:
    """Return one message."""
    mine = and_(limbo.c.desk == desk, limbo.c.id == held_id)
    return first(LimboRow, conn.execute(select(limbo).where(mine)))


def add(conn: Connection, **values: Any) -> bool:
    """Keep a message that is new; whether it was."""
    return insert_new(conn, limbo, {"state": HELD, "told_at": None, "warned_at": None, **values})


def put(conn: Connection, desk: str, ids: Collection[str], **values: Any) -> None:
    """Change what is kept of some."""
    conn.execute(update(limbo).where(limbo.c.desk == desk, limbo.c.id.in_(list(ids))).values(**values))


def counts(conn: Connection, desk: str) -> dict[str, int]:
    """Return how many are held back now, and how many of them are likely genuine."""
    rows = held(conn, desk)
    return {"held": len(rows), "genuine": sum(row.genuine for row in rows)}


def customers(conn: Connection, addresses: Collection[str]) -> set[str]:
    """Return those of these addresses that have written before."""
    query = select(func.lower(tickets.c.customer_email)).where(
        func.lower(tickets.c.customer_email).in_([one.lower() for one in addresses if one]),
        or_(tickets.c.reason.is_(None), tickets.c.reason != "it is spam"),
    )
    return set(conn.scalars(query))
