"""Pause a desk: events are accepted and wait, nothing is written. Resumed, they are processed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, select, update

from core.ledger import db
from core.ledger.schema import changes, desks, events
from core.ledger.states import EventState

REASON = "the desk is paused"
LOOK_AGAIN = timedelta(hours=1)  # resuming takes them up at once; this is for a desk that is never resumed


def paused(engine: Engine, desk: str) -> bool:
    """Return whether this desk is paused; read from the ledger each time, so that it applies in every process at once."""
    with db.reading(engine) as conn:
        return conn.execute(select(desks.c.paused_at).where(desks.c.desk == desk)).scalar() is not None


def hold(engine: Engine, desk: str, now: datetime, by: str) -> bool:
    """Put a desk on hold; False when it was."""
    with engine.begin() as conn:
        db.insert_new(conn, desks, {"desk": desk})
        running = update(desks).where(desks.c.desk == desk, desks.c.paused_at.is_(None))
        if not conn.execute(running.values(paused_at=now, paused_by=by)).rowcount:
            return False  # whoever was first has stamped it
        _record(conn, desk, now, by, "running", "paused")
    return True


def resume(engine: Engine, desk: str, now: datetime, by: str) -> int | None:
    """Let a desk go on; how many events were waiting, None when it was not on hold."""
    with engine.begin() as conn:
        on_hold = update(desks).where(desks.c.desk == desk, desks.c.paused_at.is_not(None))
        if not conn.execute(on_hold.values(paused_at=None, paused_by="")).rowcount:
            return None
        _record(conn, desk, now, by, "paused", "running")
        return release(conn, now)


def release(conn: Connection, now: datetime) -> int:
    """Make due what waits for a desk that is no longer paused; return how many rows."""
    on_hold = select(desks.c.desk).where(desks.c.paused_at.is_not(None))
    free = update(events).where(
        events.c.state == EventState.WAITING, events.c.reason == REASON, events.c.desk.not_in(on_hold)
    )
    return conn.execute(free.values(due_at=now)).rowcount


def _record(conn: Connection, desk: str, now: datetime, by: str, old: str, new: str) -> None:
    row = {"at": now, "who": by, "what": f"desk {desk}", "old": old, "new": new}
    conn.execute(changes.insert().values(**row))
