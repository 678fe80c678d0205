"""Wake the queue threads when something was enqueued, so that an idle worker need not poll.

DBOS's queue threads sleep between two looks (`stop_event.wait(interval)`) and know no wake-up. So the interval is long,
and this module ends the sleep early: when an event was stored in the SQLite file (`PRAGMA data_version` costs
microseconds and takes no lock), when Postgres notifies, or at a short interval while this worker has work; and only when
something is enqueued for that very queue: a look of the engine's own takes several statements and a write transaction.
A wake-up that is missed costs one interval, never an event. Each queue of the engine's, that of the timers too, is looked
at by the engine only when something is enqueued in it, and once in a longer while in any case.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger(__name__)

CHANNEL = "backstop_enqueued"  # Postgres: NOTIFY by whoever enqueues, LISTEN by each worker
IDLE = 5.0  # seconds between two looks at a queue when nothing was heard
BUSY = 0.25  # seconds between two looks while this worker is at work: a ticket's next event can begin when the last one ends
COUNTER = 0.05  # seconds between two looks at SQLite's counter of commits
LINGER = 1.0  # seconds after the last piece of work in which the short interval holds
REST = 60.0  # seconds between two looks of the engine's at a queue in which nothing is enqueued
THREADS = "queue-worker-desk-"  # the names of the engine's threads that are woken
QUEUES = "queue-worker-"  # the same, as far as the queue's name: its own queue of timers has one too
# the engine's table, and how a value is named in a statement
TABLES = {"postgresql": ("dbos.workflow_status", "%s"), "sqlite": ("workflow_status", "?")}
ENQUEUED = (  # the second condition lets SQLite take the engine's index, which is of these two states
    "SELECT 1 FROM {table} WHERE queue_name = {name} AND status = 'ENQUEUED' AND status IN ('ENQUEUED', 'PENDING') LIMIT 1"
)
NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")


def announce(conn: Connection) -> None:
    """Tell the workers on Postgres that something was enqueued, once the transaction commits."""
    if conn.dialect.name == "postgresql":
        conn.execute(NOTIFY)


class Backlog:
    """What is enqueued, asked on a connection of its own that is kept open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._connection: Any = None
        self._query = ""

    def open(self, engine: Engine) -> None:
        """Ask this store from now on."""
        table, name = TABLES[engine.dialect.name]
        self._engine, self._query = engine, ENQUEUED.format(table=table, name=name)

    def __call__(self, queue: str) -> bool:
        """Whether something is enqueued in this queue; True, too, when the store does not say."""
        with self._lock:
            if self._engine is None:
                return True
            try:
                self._connection = self._connection or _own_connection(self._engine)
                cursor = self._connection.cursor()
                cursor.execute(self._query, (queue,))
                return cursor.fetchone() is not None
            except _failures(self._engine):
                self._drop()
                return True

    def _drop(self) -> None:
        if self._connection is not None and self._engine is not None:
            with suppress(*_failures(self._engine)):
                self._connection.close()
        self._connection = None

    def close(self) -> None:
        """Close the connection; ask no store any more."""
        with self._lock:
            self._drop()
            self._engine = None


def _failures(engine: Engine) -> tuple[type[Exception], ...]:
    """Return what a store raises that does not answer: asked through SQLAlchemy, or through its driver."""
    driver: Any = engine.dialect.loaded_dbapi
    return SQLAlchemyError, driver.Error


def _own_connection(engine: Engine) -> Any:
    """A connection of the driver that the pool does not take back: what is set here may stay."""
    connection = engine.raw_connection()
    driver: Any = connection.driver_connection
    connection.detach()
    if engine.dialect.name == "postgresql":
        driver.autocommit = True
    return driver


class Wakeup:
    """The sleep of the queue threads of one process, which `wake` ends early where `enqueued` says that the queue has work."""

    def __init__(self, enqueued: Callable[[str], bool] = lambda _queue: True) -> None:
        self.enqueued = enqueued
        self.most = 0  # pieces of one queue that this worker does at a time; 0: not known
        self._changed = threading.Condition()
        self._calls = 0
        self._running: Counter[str] = Counter()  # by queue
        self._busy_until = 0.0
        self._seen = threading.local()

    def wake(self) -> None:
        """Let each queue thread look at its queue now."""
        with self._changed:
            self._calls += 1
            self._changed.notify_all()

    def working(self, queue: str, change: int) -> None:
        """Count a piece of a queue's work that begins (+1) or ends (-1). Where there is room again, a look is due."""
        with self._changed:
            full = self._is_full(queue)
            self._running[queue] += change
            self._calls += full and not self._is_full(queue)
            self._busy_until = time.monotonic() + LINGER
            self._changed.notify_all()

    def shorten(self, stop: threading.Event) -> None:
        """Make the sleeps of queue threads on this event of the engine's end early when they should."""
        plain, set_ = stop.wait, stop.set

        def wait(timeout: float | None = None) -> bool:
            name = threading.current_thread().name
            if name.startswith(THREADS):
                return self._sleep(stop, name, lambda until: self._nap(stop, until), timeout or IDLE)
            if name.startswith(QUEUES):
                return self._sleep(stop, name, lambda until: plain(until - time.monotonic()), timeout or IDLE)
            return plain(timeout)

        def end() -> None:
            set_()
            self.wake()

        stop.wait, stop.set = wait, end  # type: ignore[method-assign]

    def _sleep(
        self, stop: threading.Event, name: str, nap: Callable[[float], object], timeout: float
    ) -> bool:
        queue, latest = name.removeprefix(QUEUES), time.monotonic() + REST
        while (now := time.monotonic()) < latest:
            nap(min(now + timeout, latest))
            if stop.is_set() or (not self._is_full(queue) and self.enqueued(queue)):
                break
        return stop.is_set()

    def _is_full(self, queue: str) -> bool:
        """Whether this worker can take no more of this queue: what it has must end first."""
        return 0 < self.most <= self._running[queue]

    def _nap(self, stop: threading.Event, until: float) -> None:
        """Wait until `wake`, for a short interval while this worker is at work."""
        with self._changed:
            seen, started = getattr(self._seen, "calls", 0), time.monotonic()
            while not stop.is_set() and self._calls == seen:
                now = time.monotonic()
                busy = any(self._running.values()) or now < self._busy_until
                left = (min(until, started + BUSY) if busy else until) - now
                if left <= 0:
                    break
                self._changed.wait(left)
            self._seen.calls = self._calls


def watch(engine: Engine, wakeup: Wakeup, stop: threading.Event) -> None:
    """Call `wakeup.wake` whenever something may have been enqueued, until `stop` is set. Runs in a thread of its own."""
    look = _listen if engine.dialect.name == "postgresql" else _watch_file
    while not stop.is_set():
        try:
            look(engine, wakeup.wake, stop)
        except _failures(engine) as err:  # the long interval serves meanwhile
            log.warning("waiting for enqueued events failed, polling instead", error=type(err).__name__)
            stop.wait(IDLE)


def _watch_file(engine: Engine, wake: Callable[[], None], stop: threading.Event) -> None:
    """SQLite: `data_version` changes when another connection, of whatever process, has committed; then the newest
    row of `bs_events` says whether something was enqueued."""
    connection = engine.raw_connection()
    try:
        cursor, version, newest = connection.cursor(), None, None
        while not stop.wait(COUNTER):
            before, version = version, cursor.execute("PRAGMA data_version").fetchone()
            if version == before:
                continue
            known, newest = newest, cursor.execute("SELECT max(rowid) FROM bs_events").fetchone()
            if newest != known:
                wake()
    finally:
        connection.close()


def _listen(engine: Engine, wake: Callable[[], None], stop: threading.Event) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"LISTEN {CHANNEL}"))
        driver: Any = connection.connection.driver_connection
        while not stop.is_set():
            for _ in driver.notifies(timeout=1.0, stop_after=1):
                wake()
