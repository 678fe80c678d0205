"""The engine's queues: store events and start their workflows, in one transaction of the ledger."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, TableClause, column, inspect, table

from core import intake, wakeup
from core.app import App
from core.ledger import db, pausing, store
from core.ledger.moves import move
from core.ledger.schema import events
from core.ledger.states import Entry, EventState, WriteState
from core.model import TicketEvent, look
from core.telemetry import traces

if TYPE_CHECKING:
    from dbos import DBOSClient

VERSION = "1"  # raised only when a workflow's shape changes: a deploy must not strand what is pending
MADE_BY = "engine"  # kept in the ledger: the engine's version that has made its tables
STATUS: dict[str, Any] = {
    "workflow_uuid": "",
    "status": "ENQUEUED",
    "name": "handle_event",
    "application_version": "",
    "recovery_attempts": 0,
    "queue_name": "",
    "queue_partition_key": "",
    "priority": 0,
    "serialization": "portable_json",
    "is_debounced": False,
    "creator_xid": "",
}
"""The columns of a workflow's row that have a value when it is enqueued (dbos/_sys_db.py: _insert_workflow_status)."""

_client: DBOSClient | None = None
_lock = threading.Lock()


def queue_of(desk: str) -> str:
    """Return the name of a desk's queue. Each desk has its own, so that a failing one does not stop the others, and a ticket's events keep their order."""
    return f"desk-{desk}"


def client(app: App) -> DBOSClient:
    """Return the engine's own client, for what only it can do. It loads the engine: a receiver needs none."""
    from dbos import DBOSClient
    from dbos._serialization import DBOSPortableJSONSerializer

    global _client  # noqa: PLW0603 - one per process, like the engine itself
    with _lock:
        if _client is None:
            _client = DBOSClient(
                system_database_url=db.normal_url(app.settings.database_url),
                serializer=DBOSPortableJSONSerializer(),
            )
            _client._sys_db.engine.hide_parameters = True  # the engine's own options do not apply to it
        return _client


def prepare(app: App) -> None:
    """Create the engine's tables, or bring them up to date, before anybody enqueues."""
    with db.schema_lock(app.engine):
        if not _is_current(app.engine):
            _migrate(app)
    with app.engine.begin() as conn:
        for name in app.desks:  # messages from before the first start are not answered
            store.begin_desk(conn, name, app.clock())


def _is_current(engine: Engine) -> bool:
    """Return whether the engine's tables are those of the installed version. Asked without loading the engine."""
    status, _ = _tables(engine.dialect.name)
    with db.reading(engine) as conn:
        return inspect(conn).has_table(status.name, schema=status.schema) and db.kept(
            conn, MADE_BY
        ) == version("dbos")


def _migrate(app: App) -> None:
    from dbos import DBOS

    DBOS.migrate(db.normal_url(app.settings.database_url))
    with app.engine.begin() as conn:
        db.keep(conn, MADE_BY, version("dbos"))


@cache
def _tables(dialect: str) -> tuple[TableClause, TableClause]:
    """Return the engine's tables of workflows and of what they are called with."""
    schema = "dbos" if dialect == "postgresql" else None
    return (
        table("workflow_status", *map(column, STATUS), schema=schema),
        table("workflow_input", column("workflow_uuid"), column("inputs"), schema=schema),
    )


def enqueue(app: App, conn: Connection, event: TicketEvent, attempt: int = 0) -> None:
    """Start a workflow for this event, in the caller's transaction. It is named by the event, so duplicates collapse.

    The rows are those that the engine's client would write: it takes 29 MB to load, and several times as long for each.
    """
    status, called_with = _tables(conn.dialect.name)
    name = f"{event.key}#{attempt}"
    row = {
        **STATUS,
        "workflow_uuid": name,
        "application_version": VERSION,
        "queue_name": queue_of(event.desk),
        "queue_partition_key": event.ticket_id,
        "creator_xid": str(uuid.uuid4()),  # by it the engine knows which of two equal starts made the row
    }
    db.insert_new(conn, status, row)
    given = {"namedArgs": {}, "positionalArgs": [event.key]}
    inputs = json.dumps(given, separators=(",", ":"), ensure_ascii=False)
    db.insert_new(conn, called_with, {"workflow_uuid": name, "inputs": inputs})
    wakeup.announce(conn)


def report(app: App, found: Iterable[TicketEvent], source: str) -> int:
    """Store events and start their workflows, in one transaction; return how many were new."""
    batch = intake.Batch(app, tuple(found), source)
    fresh = intake.together(batch, _store) if source == "webhook" else _store(app, [batch])[0]
    for event in fresh:
        traces.stored(event.key, desk=event.desk, ticket=event.ticket_id, event=event.kind, source=source)
    return len(fresh)


def _store(app: App, batches: Sequence[intake.Batch]) -> list[list[TicketEvent]]:
    """Store these in one transaction; return the new events of each."""
    now, fresh = app.clock(), [list[TicketEvent]() for _ in batches]
    with app.engine.begin() as conn:
        for batch, new in zip(batches, fresh, strict=True):
            for event in batch.events:
                if store.add_event(conn, event, batch.source, now):
                    enqueue(app, conn, event)
                    new.append(event)
        for desk in {one.desk for batch in batches if batch.source == "webhook" for one in batch.events}:
            store.put_desk(conn, desk, hook_heard_at=now)
    return fresh


def retry(app: App, key: str) -> bool:
    """Requeue a dead letter, or process at once an event that waits; return False when there is none of that key."""
    with app.engine.begin() as conn:
        row = store.event(conn, key)
        if row is None or row.state not in {EventState.DEAD, EventState.WAITING}:
            return False
        as_read = {"key": key, "state": row.state}
        again: dict[str, Any] = {"due_at": app.clock(), "attempts": 0, "outcome": "", "settled_at": None}
        move(conn, events, EventState.WAITING, as_read, **again)
        where = (row.desk, row.ticket_id)
        what = "a dead letter is tried again" if row.state == EventState.DEAD else "what waited is tried now"
        store.log(conn, where, app.clock(), Entry.RETRIED, what, key=key)
    pump(app, app.clock())
    return True


def retry_refused(app: App, wanted: str) -> list[str]:
    """Make refused calls again: by the call's key, the ticket's id or "all". Return the keys that are tried."""
    now = app.clock()
    with app.engine.begin() as conn:
        rows = store.refused_calls(conn)
        mine = [
            one for one in rows if wanted in {"all", one.key, one.ticket_id, f"{one.desk}:{one.ticket_id}"}
        ]
        for row in mine:
            store.set_write(conn, row.key, WriteState.PLANNED, opened_at=None, done_at=None, reason="")
            where = (row.desk, row.ticket_id)
            store.log(
                conn, where, now, Entry.RETRIED, f"{row.what}: a refused call is tried again", key=row.key
            )
        for desk, ticket_id in sorted({(one.desk, one.ticket_id) for one in mine}):
            again = look(desk, ticket_id, f"retry-{_attempt()}", now)
            store.add_event(conn, again, "manual", now)
            enqueue(app, conn, again)
    return [one.key for one in mine]


def pump(app: App, now: datetime) -> int:
    """Enqueue the events that wait and are due, each by one process."""
    with app.engine.begin() as conn:
        pausing.release(conn, now)
        due = store.due_events(conn, now)
        for row in due:
            if store.requeue(conn, row.key):
                event = TicketEvent(row.desk, row.key, row.kind, row.ticket_id, row.at or now)
                enqueue(app, conn, event, attempt=_attempt())
    return len(due)


def _attempt() -> int:
    return uuid.uuid4().int % 10**12


def close() -> None:
    """Close the client and its connections; the next use makes a new one."""
    global _client  # noqa: PLW0603
    with _lock:
        if _client is not None:
            _client.destroy()
        _client = None
