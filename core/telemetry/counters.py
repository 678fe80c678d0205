"""Prometheus metrics that agree in every process: sums are kept in the ledger, states are read from it.

Each process counts in memory and soon adds what is new to its own rows of `bs_counts`; a scrape adds up the rows
of all processes, living and gone. What the ledger proves by itself (outcomes, acknowledgments, open escalations)
is counted there and then: `core/telemetry/gauges.py`. Every process shows the figures of all: over instances, take `max`.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import uuid
import weakref
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from core.ledger.db import inserting, reading
from core.ledger.schema import counts, events, writes
from core.ledger.states import EventState, NotificationState
from core.model import Outcome
from core.telemetry import gauges

log = logging.getLogger(__name__)

Key = tuple[str, tuple[str, ...]]  # metric, label values
Cells = Mapping[Key, float]

FLUSH_EVERY = 5.0  # seconds a killed process may lose of what only it has counted; webhooks wait for a flush
GONE_AFTER = timedelta(days=1)


def _wall() -> datetime:
    return datetime.now(UTC)


class Counters:
    """What this process counts. Safe over threads and forks; `engine=None` counts in memory only."""

    def __init__(self, engine: Engine | None = None, clock: Callable[[], datetime] = _wall) -> None:
        self._engine, self._clock = engine, clock
        self._new: Counter[Key] = Counter()
        self._latest: dict[Key, float] = {}
        self._lock = threading.Lock()
        self._pid, self._process, self._failing = 0, "", False
        myself = weakref.ref(self)
        atexit.register(lambda: _last(myself()))
        os.register_at_fork(after_in_child=lambda: _reborn(myself()))

    def forked(self) -> None:
        """In a forked child: the parent's news, thread, lock and database connections are not ours."""
        self._lock, self._pid, self._process = threading.Lock(), 0, ""
        self._new, self._latest = Counter(), {}
        if self._engine is not None:
            self._engine.dispose(close=False)

    # --- what happens, as the rest of the program tells it

    def webhook(self, desk: str, result: str) -> None:
        """A webhook came: accepted, ignored, unauthorised, malformed, unstored."""
        self._add("webhooks", desk, result)

    def vendor_call(self, desk: str, operation: str, outcome: str) -> None:
        """A desk's API was called: operation as our port names it, outcome ok or the error's name."""
        self._add("vendor_calls", desk, operation, outcome)

    def classified(self, seconds: float) -> None:
        """The classifier answered within `seconds`."""
        self._observe("classify_seconds", (), gauges.CLASSIFY_BUCKETS, seconds)

    def external_call(
        self, model: str, outcome: str, seconds: float, tokens: tuple[int, int] = (0, 0), cost: float = 0.0
    ) -> None:
        """An external classifier was asked: ok, failed, or resting (left in peace after failures)."""
        self._add(gauges.FORMER["external_classifier_calls"], model, outcome)
        if outcome == "resting":
            return
        self._observe(
            gauges.FORMER["external_classifier_seconds"], (model,), gauges.CLASSIFY_BUCKETS, seconds
        )
        for direction, number in zip(("sent", "received"), tokens, strict=True):
            if number:
                self._add(gauges.FORMER["external_classifier_tokens"], model, direction, by=number)
        if cost:
            self._add(gauges.FORMER["external_classifier_cost"], model, by=cost)

    def settled(self, desk: str, outcome: str, seconds: float) -> None:
        """An event came to its end `seconds` after it was stored. Outcomes are counted in the ledger."""
        if outcome == Outcome.DEAD_LETTER:  # may be retried later, and a counter never falls
            self._add("tickets", desk, outcome)
        self._observe("settle_seconds", (desk,), gauges.SETTLE_BUCKETS, seconds)

    def notice(self, channel: str, state: NotificationState) -> None:
        """Count a notification that has come into a state."""
        self._add("notices", channel, state)

    def rate_limit(self, desk: str, remaining: float) -> None:
        """What the desk says is left of its rate limit."""
        with self._lock:
            self._latest["rate_limit_remaining", (desk,)] = remaining
        self._wake()

    # --- adding up

    def _add(self, name: str, *labels: str, by: float = 1) -> None:
        with self._lock:
            self._new[name, labels] += by  # type: ignore[assignment]  # sums of seconds are floats
        self._wake()

    def _observe(self, name: str, labels: tuple[str, ...], buckets: Sequence[float], seconds: float) -> None:
        place = bisect_left(buckets, seconds)
        edge = str(buckets[place]) if place < len(buckets) else "+Inf"
        self._add(f"{name}_sum", *labels, by=seconds)
        self._add(name, *labels, edge)

    def _wake(self) -> None:
        """Start this process's own writer; after a fork threads and rows of the parent are not ours."""
        if self._engine is None or self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid, self._process, self._stop = os.getpid(), uuid.uuid4().hex, threading.Event()
            self._thread = threading.Thread(
                target=self._write, args=(self._stop,), name="counters", daemon=True
            )
            self._thread.start()

    def _write(self, stop: threading.Event) -> None:
        folded = False
        while not stop.wait(FLUSH_EVERY):
            folded = folded or self._attempt(lambda conn: fold_gone(conn, self._process, self._clock()))
            self.flush()

    def close(self) -> None:
        """Stop the writer and store what is left. A server that forks later calls this before."""
        if self._pid == os.getpid():
            self._stop.set()
            self._thread.join()
        self.flush()

    def flush(self) -> None:
        """Add what is new to the ledger; on failure keep it for the next time."""
        if self._engine is None or self._pid != os.getpid():
            return
        with self._lock:
            new, self._new = self._new, Counter()
            latest, self._latest = self._latest, {}
        if not (new or latest) or self._attempt(lambda connection: self._save(connection, new, latest)):
            return
        with self._lock:
            self._new.update(new)
            self._latest = latest | self._latest

    def _save(self, connection: Connection, new: Cells, latest: Cells) -> None:
        _store(connection, new, self._process, self._clock(), add=True)
        _store(connection, latest, "", self._clock(), add=False)

    def _attempt(self, work: Callable[[Connection], None]) -> bool:
        """Run `work` in a transaction; return whether it was done. An error is logged once and tried again later."""
        if self._engine is None:
            return False
        try:
            with self._engine.begin() as connection:
                work(connection)
        except SQLAlchemyError as err:
            if not self._failing:
                log.warning(
                    "metrics could not be stored, the next attempt includes them: %s", type(err).__name__
                )
            self._failing = True
            return False
        self._failing = False
        return True

    def render(self, engine: Engine, now: datetime) -> bytes:
        """Return the Prometheus text: this process's news, everybody's sums, the ledger's states."""
        self.flush()
        registry = CollectorRegistry(auto_describe=False)
        with reading(engine) as connection:
            totals = _totals(connection)
            if self._engine is None:
                totals.update(self._new)
            registry.register(gauges.Families(connection, totals, now))
            return generate_latest(registry)


def _reborn(counters: Counters | None) -> None:
    if counters is not None:
        counters.forked()


def _last(counters: Counters | None) -> None:
    if counters is not None:
        counters.flush()


def keep_pruned(connection: Connection, before: datetime) -> None:
    """Call before rows older than `before` are deleted: their share of the counters stays."""
    old = (events.c.state == EventState.SETTLED, events.c.settled_at < before)
    ended = select(events.c.desk, events.c.outcome, func.count()).where(*old, events.c.outcome != "")
    gone: Counter[Key] = Counter()
    for desk, outcome, number in connection.execute(ended.group_by("desk", "outcome")):
        gone["tickets", (desk, outcome)] += number
    spoken = select(writes.c.desk, func.count()).where(*gauges.ACKNOWLEDGED, writes.c.done_at < before)
    for desk, number in connection.execute(spoken.group_by("desk")):
        gone["acknowledgments", (desk,)] += number
    _store(connection, gone, "", before, add=True)


def fold_gone(connection: Connection, own: str, now: datetime) -> None:
    """Rows of processes silent for a day become one: the table does not grow with restarts."""
    silent = (counts.c.process.not_in(["", own]), counts.c.at < now - GONE_AFTER)
    cells = connection.execute(
        delete(counts).where(*silent).returning(counts.c.name, counts.c.labels, counts.c.value)
    )
    gone: Counter[Key] = Counter()
    for name, labels, value in cells.all():
        gone[name, tuple(json.loads(labels))] += value
    _store(connection, gone, "", now, add=True)


def _totals(connection: Connection) -> Counter[Key]:
    cells = connection.execute(
        select(counts.c.name, counts.c.labels, func.sum(counts.c.value)).group_by("name", "labels")
    )
    return Counter({(name, tuple(json.loads(labels))): value for name, labels, value in cells})


def _store(connection: Connection, cells: Cells, process: str, at: datetime, *, add: bool) -> None:
    """Upsert in one statement; sorted, so that two writers never wait for each other crosswise."""
    if not cells:
        return
    rows = [
        {"name": name, "labels": json.dumps(labels), "process": process, "value": float(value), "at": at}
        for (name, labels), value in sorted(cells.items())
    ]
    insert = inserting(connection.dialect.name, counts).values(rows)
    value = counts.c.value + insert.excluded.value if add else insert.excluded.value
    keys = [counts.c.name, counts.c.labels, counts.c.process]
    connection.execute(
        insert.on_conflict_do_update(index_elements=keys, set_={"value": value, "at": insert.excluded.at})
    )
