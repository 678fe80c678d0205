"""Tickets per second and CPU per ticket from webhook to settled, and what the sweep and the ladder cost as the ledger grows.

python bench/throughput.py [--against REV] [--rounds 3] [--quick] [--postgres URL_OF_AN_EMPTY_DATABASE] [--growth]

Real processes (`backstop web` and workers) beside one fake help desk that answers at once or after 50 ms. `--growth`, of
this checkout alone: one pass of the ladder, and one sweep, over many open tickets.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from kit.beside import DEAD, Figures, compare, harness, programs
from kit.load import empty, settle


def measure(root: Path, options: argparse.Namespace) -> Figures:
    """All figures of the checkout at `root`."""
    logging.disable(logging.CRITICAL)
    world_of = harness(root)
    found: Figures = {}
    if options.growth:
        return ladder((10, 1_000, 100_000), world_of) | sweeps(200 if options.quick else 10_000, world_of)
    with tempfile.TemporaryDirectory() as kept:
        cache = Path(kept)
        for database in ("", options.postgres) if options.postgres else ("",):
            for workers in (1, 2) if options.quick else (1, 2, 4):
                found |= burst(root, cache, workers, options, database)
    return found


def burst(root: Path, cache: Path, workers: int, options: argparse.Namespace, database: str) -> Figures:
    """Bursts of tickets, each until all are settled: at a desk that answers at once, then at one that takes 50 ms."""
    world_of, found = harness(root), Figures()
    count = 60 if options.quick else 200
    kind = f"{'Postgres' if database else 'SQLite'}, {workers} workers"
    with (
        tempfile.TemporaryDirectory() as home,
        world_of.World(
            Path(home),
            seed=1,
            cache=cache,
            vendors=("freshdesk",),
            workers=8,
            database=database,
            dead_after=DEAD,
        ) as world,
    ):
        empty(world)
        with programs(root, world.config, "web", *["worker"] * workers) as running:
            world_of.until(lambda: world_of.answers(world.port), 180)
            world_of.until(lambda: all(one.said("at work") for one in running[1:]), 180)
            app, api = world.app(), world.accounts[0].api
            for _ in range(20 * workers):  # the first tickets import what later ones find
                world.customers_write("order")
            world.vendors_deliver(drop=0.0, double=0.0)
            settle(world, app.engine)
            for delay in (0.0, 0.05):
                api.delay = delay
                for _ in range(count):
                    world.customers_write("order")
                calls, spent = len(api.calls), sum(one.cpu() for one in running[1:])
                begun = time.monotonic()
                world.vendors_deliver(drop=0.0, double=0.0)
                settle(world, app.engine)
                what = f"{kind}, desk {delay * 1000:.0f} ms"
                found[f"{what}: tickets/s"] = count / (time.monotonic() - begun)
                found[f"{what}: worker CPU a ticket, ms"] = (
                    (sum(one.cpu() for one in running[1:]) - spent) * 1000 / count
                )
            found[f"{kind}: calls a ticket"] = (len(api.calls) - calls) / count
            app.engine.dispose()
    return found


def ladder(sizes: tuple[int, ...], world_of: Any) -> Figures:
    """One pass of the ladder with so many open escalations, none of them due."""
    from core.ledger.schema import tickets
    from core.pipeline import reminders

    found: Figures = {}
    for size in sizes:
        with (
            tempfile.TemporaryDirectory() as home,
            world_of.World(Path(home), seed=1, vendors=("freshdesk",)) as world,
        ):
            app = world.app()
            now = app.clock()
            due = {"next_due_at": now + timedelta(hours=1), "first_seen_at": now, "updated_at": now}
            row = {"desk": "freshdesk", "state": "escalated", **due}
            with app.engine.begin() as conn:
                conn.execute(tickets.insert(), [{**row, "ticket_id": str(n)} for n in range(size)])
            reminders.remind(app, now)
            begun = time.perf_counter()
            for _ in range(20):
                reminders.remind(app, now)
            found[f"a pass of the ladder, {size:,} open, ms"] = (time.perf_counter() - begun) * 50
            app.engine.dispose()
    return found


def sweeps(size: int, world_of: Any) -> Figures:
    """A pass over each desk with many open tickets, none of them changed."""
    from core import queue

    found: Figures = {}
    with tempfile.TemporaryDirectory() as home, world_of.World(Path(home), seed=1) as world:
        app = world.app()
        queue.prepare(app)
        for one in world.accounts:
            found[f"calls a sweep, {one.name}, {size:,} open"] = _sweep(app, one, size)
        app.engine.dispose()
    return found


def _sweep(app: Any, account: Any, size: int) -> int:
    """Return the calls of one pass, after those that walk to the newest change."""
    from core.ledger import store
    from core.pipeline import sweep

    old = app.clock() - timedelta(hours=3)
    account.desk.clock, real = (lambda: old), account.desk.clock
    with app.engine.begin() as conn:
        for n in range(size):
            case = account.desk.customer_writes("Hello", email=f"{n % 50}@example.com")
            seen = {"desk_updated_at": case.updated_at, "handled_at": case.updated_at}
            store.put_ticket(conn, (account.name, str(case.id)), old, state="escalated", **seen)
    account.desk.clock = real
    for _ in range(400):
        if not sweep.sweep(app, account.name, app.clock())["seen"]:
            break
    account.api.calls.clear()
    sweep.sweep(app, account.name, app.clock())
    return len(account.api.calls)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--postgres", default="")
    compare(parser, measure)


if __name__ == "__main__":
    main()
