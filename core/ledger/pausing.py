"""A desk on hold: facts are accepted and wait, nothing is written; let go, they are taken up."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from core.ledger import db, store
from core.ledger.schema import changes, desks, events

REASON = "the desk is paused"
LOOK_AGAIN = timedelta(hours=1)  # letting go takes them up at once; this is for a desk nobody lets go


def held_until(engine: Engine, desk: str, now: datetime) -> datetime | None:
    """When a fact of this desk is to be looked at again, because the desk is on hold; None when it is not."""
    return now + LOOK_AGAIN if paused(engine, desk) else None


def paused(engine: Engine, desk: str) -> bool:
    """Whether somebody put this desk on hold; asked anew each time, so that it holds in every process at once."""
    with db.reading(engine) as conn:
        return conn.execute(select(desks.c.paused_at).where(desks.c.desk == desk)).scalar() is not None


def hold(engine: Engine, desk: str, now: datetime, by: str) -> bool:
    """Put a desk on hold; False when it was."""
    with engine.begin() as conn:
        row = store.desk(conn, desk)
        if row is not None and row.paused_at is not None:
            return False
        store.put_desk(conn, desk, paused_at=now, paused_by=by)
        _record(conn, desk, now, by, "running", "paused")
    return True


def resume(engine: Engine, desk: str, now: datetime, by: str) -> int | None:
    """Let a desk go on; how many facts were waiting, None when it was not on hold."""
    with engine.begin() as conn:
        row = store.desk(conn, desk)
        if row is None or row.paused_at is None:
            return None
        store.put_desk(conn, desk, paused_at=None, paused_by="")
        _record(conn, desk, now, by, "paused", "running")
        return release(conn, now)


def release(conn: Connection, now: datetime) -> int:
    """What waits for a desk that is no longer on hold is due now, whoever let it go; gives how much."""
    on_hold = select(desks.c.desk).where(desks.c.paused_at.is_not(None))
    free = update(events).where(
        events.c.state == "waiting", events.c.reason == REASON, events.c.desk.not_in(on_hold)
    )
    return conn.execute(free.values(due_at=now)).rowcount


def _record(conn: Connection, desk: str, now: datetime, by: str, old: str, new: str) -> None:
    row = {"at": now, "who": by, "what": f"desk {desk}", "old": old, "new": new}
    conn.execute(changes.insert().values(**row))
