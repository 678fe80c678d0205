"""The engine's queues: store events and start their workflows, in one transaction of the ledger."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from dbos import DBOS, DBOSClient
from dbos._serialization import DBOSPortableJSONSerializer
from sqlalchemy import Connection

from core import intake, wakeup
from core.app import App
from core.ledger import db, pausing, store
from core.ledger.moves import move
from core.ledger.prepared import Prepared, compiled
from core.ledger.schema import events
from core.ledger.states import Entry, EventState, WriteState
from core.model import TicketEvent, look
from core.telemetry import traces

VERSION = "1"  # raised only when a workflow's shape changes: a deploy must not strand what is pending

_client: DBOSClient | None = None
_lock = threading.Lock()


def queue_of(desk: str) -> str:
    """Return the name of a desk's queue. Each desk has its own, so that a failing one does not stop the others, and a ticket's events keep their order."""
    return f"desk-{desk}"


def client(app: App) -> DBOSClient:
    """Return the engine's client over our own database, so that row and workflow commit together."""
    global _client  # noqa: PLW0603 - one per process, like the engine itself
    with _lock:
        if _client is None:
            _client = _connected(app)
        return _client


def _connected(app: App) -> DBOSClient:
    """Return a client that prepares its inserts: on Postgres it does where the connection is its own engine's."""
    serializer = DBOSPortableJSONSerializer()
    if app.engine.dialect.name != "sqlite":
        return DBOSClient(system_database_engine=app.engine, serializer=serializer)
    made = DBOSClient(system_database_url=app.settings.database_url, serializer=serializer)
    made._sys_db.engine.hide_parameters = True  # the engine's own options do not apply to it
    made._sys_db._execute_prepared = partial(_execute_prepared, {}, made._sys_db._execute_prepared)  # type: ignore[method-assign]
    return made


def _execute_prepared(
    kept: dict[Any, Prepared],
    plain: Callable[..., Any],
    conn: Connection,
    name: str,
    values: dict[str, Any],
    build: Callable[[], Any],
    *,
    insert_columns: bool = True,
) -> Any:
    """Carry out an insert of the engine's, which on SQLite would build its statement anew for each row."""
    if not insert_columns:
        return plain(conn, name, values, build, insert_columns=False)
    key = (name, *values)
    if key not in kept:
        schemas = conn.get_execution_options()["schema_translate_map"]
        kept[key] = compiled(build(), conn.dialect, tuple(values), schemas)
    return kept[key](conn, values)


def prepare(app: App) -> None:
    """Create the engine's tables before anybody enqueues: its client fails on an empty database."""
    with db.schema_lock(app.engine):
        DBOS.migrate(db.normal_url(app.settings.database_url))
    with app.engine.begin() as conn:
        for name in app.desks:  # messages from before the first start are not answered
            store.begin_desk(conn, name, app.clock())
    client(app)


def enqueue(app: App, conn: Connection, event: TicketEvent, attempt: int = 0) -> None:
    """Start a workflow for this event, in the caller's transaction. It is named by the event, so duplicates collapse."""
    client(app).enqueue_in_transaction(
        conn,
        {
            "queue_name": queue_of(event.desk),
            "workflow_name": "handle_event",
            "workflow_id": f"{event.key}#{attempt}",
            "app_version": VERSION,
            "queue_partition_key": event.ticket_id,
        },
        event.key,
    )
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
