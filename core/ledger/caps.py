"""Places under the caps: an automatic message takes one in the ledger before it goes out, and keeps it for an hour.

Counting and taking are one transaction that excludes all others, so a cap is exact over threads, processes and machines.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, String, and_, bindparam, cast, func, select

from core.ledger.db import keep, kept
from core.ledger.rows import WriteRow
from core.ledger.schema import tickets, writes
from core.ledger.statements import ask, change
from core.outgoing import Full, Sent, too_much

HOUR = timedelta(hours=1)
# between the clocks of two machines; a place further ahead was taken by a wrong clock
SKEW = timedelta(minutes=5)
LEAST = 600  # messages an hour of any desk
TIMES = 3  # as many as come in the usual busiest hour
LOOK_BACK = timedelta(days=28)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
BUSY_DAYS = 3  # a busiest hour is usual when so many days had it: one outage or attack is not


def _those(what: ColumnElement[Any], *which: ColumnElement[bool]) -> ScalarSelect[Any]:
    others = writes.c.key != bindparam("but")
    return select(what).select_from(writes).where(others, *which).scalar_subquery()


_LAST_HOUR = writes.c.reserved_at.between(bindparam("an_hour_ago"), bindparam("soon"))
_LAST_WEEK = writes.c.reserved_at.between(bindparam("a_week_ago"), bindparam("soon"))
_THERE = writes.c.address == bindparam("mailbox")
_COUNTED = select(
    _those(func.count(), writes.c.desk == bindparam("desk"), _LAST_HOUR),
    _those(func.count(), _THERE, _LAST_HOUR),
    _those(func.count(), _THERE, _LAST_WEEK),
    _those(func.max(writes.c.reserved_at), _THERE, _LAST_WEEK).label("newest"),
)


def take(conn: Connection, row: WriteRow, limits: Any, now: datetime) -> Full | None:
    """Take a place for the message of a call, or keep the one that the row has; else return which cap is reached."""
    if not has_place(row, now):
        _alone(conn, f"desk:{row.desk}", f"mailbox:{row.address}")
        full = too_much(sent(conn, row.desk, row.address, limits, now, but=row.key))
        if full is not None:
            return full
    change(conn, writes, {"key": row.key}, {"reserved_at": now})
    return None


def has_place(row: WriteRow, now: datetime) -> bool:
    """Return whether the message of a call has a place that it may keep."""
    return row.reserved_at is not None and now - HOUR < row.reserved_at <= now + SKEW


def sent(conn: Connection, desk: str, mailbox: str, limits: Any, now: datetime, but: str = "") -> Sent:
    """Return what holds a place now, beside the call `but`."""
    since = {"an_hour_ago": now - HOUR, "a_week_ago": now - WEEK, "soon": now + SKEW}
    where = {"desk": desk, "mailbox": mailbox, "but": but, **since}
    to_all, to_address, in_a_week, last = ask(conn, _COUNTED, where)[0]
    cap = _cap(conn, desk, limits, to_all, now)
    if not mailbox:
        to_address, in_a_week, last = 0, 0, None
    ago = now - last if last is not None else timedelta.max
    return Sent(to_address, in_a_week, ago, to_all, limits.per_address_per_hour, cap)


def _alone(conn: Connection, *names: str) -> None:
    """Lock a cap until this transaction ends. SQLite has one writer at a time anyway."""
    if conn.dialect.name == "postgresql":
        locks = (func.pg_advisory_xact_lock(func.hashtextextended(name, 0)) for name in names)
        conn.execute(select(*locks))


def _cap(conn: Connection, desk: str, limits: Any, to_all: int, now: datetime) -> int:
    """As configured, or by the desk's own volume. That is looked up only once the least is used up."""
    if limits.per_hour is not None:
        return int(limits.per_hour)
    return LEAST if to_all < LEAST else max(LEAST, TIMES * usual(conn, desk, now))


def usual(conn: Connection, desk: str, now: datetime) -> int:
    """Return how many tickets come in the busiest hour of a usual busy day; counted once a day and kept."""
    name = f"volume:{desk}"
    last = kept(conn, name)
    if last and now - DAY < datetime.fromisoformat(last["at"]) <= now + SKEW:
        return int(last["n"])
    n = _counted(conn, desk, now)
    if conn.get_execution_options().get("reads"):
        return n
    keep(conn, name, {"at": now.isoformat(), "n": n})
    return n


def _counted(conn: Connection, desk: str, now: datetime) -> int:
    """By the desk's own clock, so that old tickets read in at once count where they belong; without the last day."""
    hour = func.substr(cast(tickets.c.created_at, String), 1, len("2026-11-27 10"))
    span = and_(
        tickets.c.first_seen_at > now - LOOK_BACK, tickets.c.created_at.between(now - LOOK_BACK, now - DAY)
    )
    query = select(hour, func.count()).where(tickets.c.desk == desk, span).group_by(hour)
    peaks: defaultdict[str, int] = defaultdict(int)
    for at, n in conn.execute(query):
        peaks[at[:10]] = max(peaks[at[:10]], n)
    highest = sorted(peaks.values(), reverse=True)
    return highest[BUSY_DAYS - 1] if len(highest) >= BUSY_DAYS else 0
