"""Several workers: a dead one's work is taken over, what the engine has no more use for is taken up again.

The engine recovers only what the same executor left; so each has a row with a heartbeat, and whoever finds one too old
takes a lease on it and puts its work back into the queues. Knows the engine's client only as something it is given.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, delete, select, update

from core.app import wall
from core.ledger import db, store, tokens
from core.ledger.schema import executors
from core.pipeline.handle import give_up

if TYPE_CHECKING:
    from dbos import DBOSClient

    from core.app import App

log = structlog.get_logger(__name__)

BROKEN = ["ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
MANY = 500
DEATHS = 20  # far more than bad luck brings to a bystander
PERIODIC = {"tick", "sweep_all"}  # the next firing does what a dead one left


def beat(app: App, me: str, version: str) -> None:
    """Record that this worker is alive."""
    with app.engine.begin() as conn:
        now = _database_now(conn)
        db.put(conn, executors, ["id"], {"id": me, "beat_at": now, "version": version})


def leave(app: App, me: str) -> None:
    """Record a clean stop, so that others take over without waiting."""
    long_ago = wall() - timedelta(days=1)
    with app.engine.begin() as conn:
        conn.execute(update(executors).where(executors.c.id == me).values(beat_at=long_ago))


def take_over(app: App, engine: DBOSClient, me: str) -> int:
    """Requeue the workflows of executors whose heartbeat stopped, and free the tokens that the dead were renewing; return
    how many pieces were requeued."""
    moved = 0
    _free_tokens(app)
    for executor, beat_at in _dead(app, engine, me):
        lease = _leased(app, executor, beat_at)
        if lease is None:
            continue
        moved += _resume_work_of(app, engine, executor)
        with app.engine.begin() as conn:
            gone = delete(executors).where(executors.c.id == executor, executors.c.beat_at == lease)
            conn.execute(gone)
            tokens.free(conn, executor)
    return moved


def _free_tokens(app: App) -> None:
    """Free what was leased to processes of this machine that have ended: one that only receives is no executor."""
    with db.reading(app.engine) as conn:
        dead = [one for one in tokens.holders(conn) if _left_us(app, one)]
    if dead:
        with app.engine.begin() as conn:
            for one in dead:
                tokens.free(conn, one)


def _dead(app: App, engine: DBOSClient, me: str) -> list[tuple[str, datetime]]:
    """Return executors without a recent heartbeat, and those that have work but no row (they resumed after they were declared dead)."""
    pending = engine.list_workflows(status="PENDING", load_input=False, load_output=False)
    with app.engine.begin() as conn:
        now = _database_now(conn)
        for stranger in {one.executor_id for one in pending if one.executor_id} - {me}:
            db.insert_new(conn, executors, {"id": stranger, "beat_at": now})
        limit = now - app.settings.limits.dead_after
        rows = conn.execute(select(executors.c.id, executors.c.beat_at).where(executors.c.id != me))
        return [(row.id, row.beat_at) for row in rows if row.beat_at < limit or _left_us(app, row.id)]


def _left_us(app: App, executor: str) -> bool:
    """Return whether an executor's process is gone: on SQLite all run on this machine, so it is known at once."""
    host, _, rest = executor.partition(":")
    pid = rest.partition(":")[0]
    if app.engine.dialect.name != "sqlite" or host != os.uname().nodename or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _leased(app: App, executor: str, beat_at: datetime) -> datetime | None:
    """Take the lease on a dead executor's work and return its time, None when another process has it. A holder that dies is followed by another after the same limit."""
    with app.engine.begin() as conn:
        now = _database_now(conn)
        mine = update(executors).where(executors.c.id == executor, executors.c.beat_at == beat_at)
        return now if conn.execute(mine.values(beat_at=now)).rowcount else None


def _resume_work_of(app: App, engine: DBOSClient, executor: str) -> int:
    pending = engine.list_workflows(
        status="PENDING", executor_id=executor, load_input=False, load_output=False
    )
    by_queue: dict[str | None, list[str]] = {}
    idle = [one.workflow_id for one in pending if one.name in PERIODIC]
    if idle:
        engine.delete_workflows(idle)
    for one in pending:
        if one.name not in PERIODIC and not (
            one.name == "handle_event" and _given_up(app, _key_of(one.workflow_id))
        ):
            by_queue.setdefault(one.queue_name, []).append(one.workflow_id)
    for queue, ids in by_queue.items():
        engine.resume_workflows(ids, queue_name=queue)
    if pending:
        log.warning(
            "took over the workflows of a worker that stopped", executor=executor, pieces=len(pending)
        )
    return len(pending)


def _given_up(app: App, key: str) -> bool:
    """Make a dead letter of an event over which several workers have died, so that it stops killing workers."""
    with app.engine.begin() as conn:
        deaths = store.died(conn, key)
    if deaths < DEATHS:
        return False
    give_up(app, key, f"the worker died {deaths} times while it dealt with it")
    return True


def mend(app: App, engine: DBOSClient, version: str) -> int:
    """Requeue events whose workflow will not run again (failed, or of an older version); return how many."""
    broken = engine.list_workflows(
        status=BROKEN, name="handle_event", limit=MANY, load_input=False, load_output=False
    )
    older = _versions_without_worker(app, version)
    if older:
        broken += engine.list_workflows(
            status=["ENQUEUED", "DELAYED", "PENDING"],
            name="handle_event",
            app_version=older,
            limit=MANY,
            load_input=False,
            load_output=False,
        )
    with app.engine.begin() as conn:
        for one in broken:
            store.dropped(conn, _key_of(one.workflow_id), app.clock())
    if broken:
        engine.delete_workflows([one.workflow_id for one in broken])
        log.warning("requeued events of broken workflows", pieces=len(broken))
    return len(broken)


def _versions_without_worker(app: App, version: str) -> list[str]:
    """Return versions of the workflow that no worker runs any more."""
    with app.engine.begin() as conn:
        alive = set(conn.execute(select(executors.c.version)).scalars())
    return [old for old in map(str, range(1, int(version))) if old not in alive]


def _key_of(workflow_id: str) -> str:
    return workflow_id.rpartition("#")[0]


def _database_now(conn: Connection) -> datetime:
    """Return the database's clock on Postgres, so that machines need not agree; ours on SQLite."""
    if conn.dialect.name == "postgresql":
        found = conn.exec_driver_sql("SELECT now()").scalar()
        if isinstance(found, datetime):
            return found
    return wall()


def clean(engine: DBOSClient, before: datetime) -> int:
    """Delete the engine's finished workflows older than `before`; return how many."""
    gone = 0
    while True:
        old = engine.list_workflows(
            status=["SUCCESS", *BROKEN],
            end_time=before.isoformat(),
            limit=MANY,
            load_input=False,
            load_output=False,
        )
        if not old:
            return gone
        engine.delete_workflows([one.workflow_id for one in old])
        gone += len(old)
