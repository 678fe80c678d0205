"""Tickets per second from webhook to settled, and what grows with what.

python bench/throughput.py [--quick] [--postgres URL_OF_AN_EMPTY_DATABASE]
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import delete, event

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "durability")]

from harness import World, answers, until  # noqa: E402

from core import (  # noqa: E402
    queue,
    settings,
    wiring,
)
from core.ledger import store  # noqa: E402
from core.ledger.schema import metadata, tickets  # noqa: E402
from core.model import EventKind, TicketEvent, created_key  # noqa: E402
from core.pipeline import reminders, sweep  # noqa: E402
from core.pipeline.handle import handle  # noqa: E402


def up(world: World, count: int) -> bool:
    """Whether all workers have said so."""
    logs = [world.home / f"w{n}.log" for n in range(count)]
    return all(log.exists() and "at work" in log.read_text(errors="replace") for log in logs)


def end_to_end(cache: Path, delay: float, workers: int, count: int, database: str = "") -> None:
    """A burst of tickets, until each is settled."""
    with tempfile.TemporaryDirectory() as home:
        options: dict[str, Any] = {
            "cache": cache,
            "vendors": ("freshdesk",),
            "workers": 8,
            "database": database,
        }
        with World(Path(home), seed=1, **options) as world:
            app = world.app()
            with app.engine.begin() as conn:
                for table in reversed(metadata.sorted_tables):
                    conn.execute(delete(table))
            world.processes.start("web")
            until(lambda: answers(world.port), 60)
            pids = [world.processes.start("worker", log=f"w{n}") for n in range(workers)]
            until(lambda: up(world, workers), 90)
            world.accounts[0].api.delay = delay
            for _ in range(count):
                world.customers_write("order")
            before = len(world.accounts[0].api.calls)
            begun = time.monotonic()
            world.vendors_deliver(drop=0.0, double=0.0)
            until(lambda: world.settled(app.engine), 600, every=0.1)
            took = time.monotonic() - begun
            calls = (len(world.accounts[0].api.calls) - before) / world.written
            memory = max(psutil.Process(pid).memory_info().rss for pid in pids) / 2**20
            app.engine.dispose()
    kind = "Postgres" if database else "SQLite"
    print(
        f"{kind:<8} desk {delay * 1000:3.0f} ms, {workers} workers: {count / took:5.1f} tickets/s, "
        f"{calls:.1f} calls a ticket, {memory:.0f} MiB a worker"
    )


def transactions(cache: Path) -> None:
    """What one ticket costs the store, from the stored webhook to settled, engine aside."""
    with (
        tempfile.TemporaryDirectory() as home,
        World(Path(home), seed=1, cache=cache, vendors=("freshdesk",)) as world,
    ):
        app = wiring.build(settings.load(world.config))
        queue.prepare(app)
        counted = {"all": 0, "writing": 0}

        def begun(connection: Any) -> None:
            counted["all"] += 1

        def executed(*args: Any) -> None:
            counted["writing"] += str(args[2]).startswith(("INSERT", "UPDATE", "DELETE"))

        for words in ("order", "dispute"):
            world.customers_write(words)
            case = list(world.accounts[0].desk.cases)[-1]
            key = created_key("freshdesk", str(case))
            fact = TicketEvent("freshdesk", key, EventKind.CREATED, str(case), app.clock())
            counted.update(all=0, writing=0)
            event.listen(app.engine, "begin", begun)
            event.listen(app.engine, "before_cursor_execute", executed)
            queue.report(app, [fact], "webhook")
            handle(app, key)
            event.remove(app.engine, "begin", begun)
            event.remove(app.engine, "before_cursor_execute", executed)
            print(
                f"{words:<8} {counted['all']} transactions, {counted['writing']} writing statements a ticket"
            )
        app.engine.dispose()


def growth(cache: Path, sizes: tuple[int, ...]) -> None:
    """One pass of the ladder with so many open escalations, none of them due."""
    for size in sizes:
        with (
            tempfile.TemporaryDirectory() as home,
            World(Path(home), seed=1, cache=cache, vendors=("freshdesk",)) as world,
        ):
            app = world.app()
            now = app.clock()
            row = {
                "desk": "freshdesk",
                "state": "escalated",
                "next_due_at": now + timedelta(hours=1),
                "first_seen_at": now,
                "updated_at": now,
            }
            with app.engine.begin() as conn:
                conn.execute(tickets.insert(), [{**row, "ticket_id": str(n)} for n in range(size)])
            reminders.remind(app, now)
            begun = time.perf_counter()
            for _ in range(20):
                reminders.remind(app, now)
            print(f"{size:>7} open escalations: a pass takes {(time.perf_counter() - begun) * 50:.1f} ms")
            app.engine.dispose()


def sweeps(cache: Path, size: int) -> None:
    """A pass over a desk with many open tickets of which few changed."""
    with tempfile.TemporaryDirectory() as home, World(Path(home), seed=1, cache=cache) as world:
        app = world.app()
        queue.prepare(app)
        for one in world.accounts:
            old = app.clock() - timedelta(hours=3)
            one.desk.clock, real = (lambda at=old: at), one.desk.clock
            with app.engine.begin() as conn:
                for n in range(size):
                    case = one.desk.customer_writes("Hello", email=f"{n % 50}@example.com")
                    values = {
                        "state": "escalated",
                        "desk_updated_at": case.updated_at,
                        "handled_at": case.updated_at,
                    }
                    store.put_ticket(conn, (one.name, str(case.id)), old, **values)
            one.desk.clock = real
            for _ in range(400):  # the first passes walk to the newest change
                before = len(one.api.calls)
                if not sweep.sweep(app, one.name, app.clock())["seen"]:
                    break
            one.api.calls.clear()
            sweep.sweep(app, one.name, app.clock())
            print(
                f"{one.name:<10} {size} open tickets, none changed: {len(one.api.calls)} calls a sweep (was {before})"
            )
        app.engine.dispose()


def main() -> None:
    """All of it; `--quick` with small numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--postgres", default="")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as kept:
        cache = Path(kept)
        transactions(cache)
        growth(cache, (10, 1_000) if options.quick else (10, 1_000, 100_000))
        count = 30 if options.quick else 200
        for database in ("", options.postgres) if options.postgres else ("",):
            for delay in (0.0, 0.05):
                for workers in (1, 2) if options.quick else (1, 2, 4):
                    end_to_end(cache, delay, workers, count, database)
        sweeps(cache, 200 if options.quick else 10_000)


if __name__ == "__main__":
    main()
