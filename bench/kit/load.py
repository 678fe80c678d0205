"""Customers who write at a steady pace, and how long it takes until their tickets bear our marks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

WORDS = ("order", "dispute", "nonsense")  # answered, routed, left in the general queue

TAG = "ai_"  # what our tags begin with


class Marks:
    """Stands before one fake desk's server and notes when each ticket first bears a tag of ours."""

    def __init__(self, account: Any) -> None:
        self.desk, self.inner = account.desk, account.api.app
        self.sent: dict[int, float] = {}
        self.took: dict[int, float] = {}
        self._lock = threading.Lock()
        account.api.app = self

    def expect(self, id_: int, now: float) -> None:
        """The webhook about this ticket is sent now."""
        with self._lock:
            self.sent[id_] = now

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        answer = self.inner(environ, start_response)
        if environ["REQUEST_METHOD"] != "GET":
            now = time.perf_counter()
            with self._lock:
                for id_ in self.sent.keys() - self.took.keys():
                    if any(tag.startswith(TAG) for tag in self.desk.cases[id_].tags):
                        self.took[id_] = now - self.sent[id_]
        return answer


def write(world: Any, count: int, rate: float) -> list[float]:
    """Let `count` customers write, `rate` a second, each webhook delivered at once; return the seconds from webhook to
    marks of each ticket that bears marks when all are settled."""
    watched = [Marks(one) for one in world.accounts]
    app = world.app()
    start = time.perf_counter()
    for n in range(count):
        time.sleep(max(0.0, start + n / rate - time.perf_counter()))
        known = [len(one.desk.cases) for one in world.accounts]
        world.customers_write(WORDS[n % len(WORDS)])
        now = time.perf_counter()
        for one, before in zip(watched, known, strict=True):
            for id_ in list(one.desk.cases)[before:]:
                one.expect(id_, now)
        world.vendors_deliver(drop=0.0, double=0.0)
    settle(world, app.engine)
    app.engine.dispose()
    return [took for one in watched for took in one.took.values()]


def settle(world: Any, engine: Any, seconds: float = 600) -> None:
    """Wait until every event has an end. Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not world.settled(engine):
        if time.monotonic() > until:
            raise TimeoutError(f"not settled within {seconds:.0f} seconds")
        time.sleep(0.2)


def empty(world: Any) -> None:
    """Take out what an earlier round left in a database that outlives it."""
    from sqlalchemy import delete, inspect

    from core.ledger.schema import metadata

    app = world.app()
    there = set(inspect(app.engine).get_table_names())
    with app.engine.begin() as conn:
        for table in metadata.sorted_tables:
            if table.name in there:
                conn.execute(delete(table))
    app.engine.dispose()
