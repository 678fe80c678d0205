"""From webhook to our marks at the help desk, and CPU per ticket, of `backstop serve` at five tickets a second.

python bench/latency.py [--against REV] [--rounds 3] [--tickets 150] [--database URL]
python bench/latency.py --growth [--database URL]       the same with ledgers of different sizes

Three fake help desks, each of which takes 50 ms for an answer. `--growth`: first with 10, 1,000 and 100,000 open
escalations, then with 100,000 and 1,000,000 settled tickets beside them; `--database`: an empty Postgres database.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kit.beside import DEAD, Figures, compare, harness, percentiles, programs
from kit.load import empty, write

DELAY, RATE = 0.05, 5
SIZES = ((10, 0), (1_000, 0), (100_000, 0), (100_000, 1_000_000))  # open escalations, settled tickets


def measure(root: Path, options: argparse.Namespace) -> Figures:
    """All figures of the checkout at `root`."""
    found: Figures = {}
    sizes = SIZES if options.growth else ((0, 0),)
    with tempfile.TemporaryDirectory() as kept:  # the fitted model, for all of them
        rounds = [(size, _round(root, Path(kept), *size, options)) for size in sizes]
    for (open_, settled), (spent, took) in rounds:
        p50, p99 = percentiles(took)
        where = f", {open_:,} open, {settled:,} settled" if options.growth else ""
        found |= {
            f"webhook to marks{where}: p50, s": p50,
            f"webhook to marks{where}: p99, s": p99,
            f"CPU a ticket{where}, ms": spent,
            f"tickets with marks{where}": len(took),
        }
    return found


def _round(
    root: Path, cache: Path, open_: int, settled: int, options: argparse.Namespace
) -> tuple[float, list[float]]:
    """Return the CPU per ticket in milliseconds, and the seconds until each ticket had its marks."""
    world_of = harness(root)
    with (
        tempfile.TemporaryDirectory() as home,
        world_of.World(
            Path(home), seed=1, cache=cache, database=options.database, workers=8, dead_after=DEAD
        ) as world,
    ):
        empty(world)
        fill(world, open_, settled)
        with programs(root, world.config, "serve") as (serve,):
            world_of.until(lambda: world_of.answers(world.port), 180)
            for one in world.accounts:
                one.api.delay = DELAY
            write(world, 15, RATE)
            before = serve.cpu()
            took = write(world, options.tickets, RATE)
            return 1000 * (serve.cpu() - before) / options.tickets, took


def fill(world: Any, open_: int, settled: int) -> None:
    """Let the ledger know so many tickets of the first desk, with an event, a decision and a call each."""
    from sqlalchemy import text

    from core.ledger import db

    app = world.app()
    now = app.clock()
    db.migrate(app.engine)
    waits = {"waiting_since": now, "escalated_at": now, "next_due_at": now + timedelta(hours=5)}
    with app.engine.begin() as conn:
        for state, count, more in (("escalated", open_, waits), ("answered", settled, {"closed_at": now})):
            if count:
                _insert(conn, world.accounts[0].name, state, count, now, more)
    with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))
    app.engine.dispose()


def _insert(conn: Any, desk: str, state: str, count: int, now: datetime, more: dict[str, datetime]) -> None:
    """The rows are made by the database: a million of them through Python take minutes."""
    from sqlalchemy import String, cast, literal, select

    from core.ledger.schema import decisions, events, tickets, writes

    numbers = select(literal(1).label("i")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < count))
    ticket = literal(f"{state}-") + cast(numbers.c.i, String)
    key = literal(f"{desk}:") + ticket
    whose = {"desk": desk, "ticket_id": ticket}
    done = {"key": key, **whose, "outcome": "routed", "state": "done"}
    for table, values in (
        (
            tickets,
            {
                **whose,
                "state": state,
                "intent": "billing_dispute",
                "first_seen_at": now,
                "updated_at": now,
                **more,
            },
        ),
        (events, {**done, "state": "settled", "kind": "created", "received_at": now, "settled_at": now}),
        (decisions, {**done, "at": now, "intent": "billing_dispute"}),
        (writes, {"key": key, "fact_key": key, **whose, "what": "marks", "state": "done", "done_at": now}),
    ):
        columns = [
            (value if value is ticket or value is key else literal(value, table.c[name].type)).label(name)
            for name, value in values.items()
        ]
        conn.execute(table.insert().from_select(list(values), select(*columns).select_from(numbers)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=150)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--database", default="")
    compare(parser, measure)


if __name__ == "__main__":
    main()
