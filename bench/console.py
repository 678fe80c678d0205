"""How long each page of the console takes, and how large it is, over a big ledger.

    python bench/console.py [--tickets 100000] [--waiting 400] [--rounds 15] [--database-url postgresql+psycopg://…]

Pages are rendered in this process, without a network. Exits 1 when a page takes more than 200 ms of processor
time of this process (the median), or is larger than 100 kB. Before them the closed weeks are counted once, as the nightly upkeep does; `first` is the first request of
this process. A ledger given by `--database-url` that has tickets is measured as it is.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from flask import Flask
from sqlalchemy import Engine, create_engine, event, func, insert, select, text

from core.hours import Hours
from core.ledger.schema import desks, metadata, tickets
from core.reports.reporting import keep_closed
from core.sandbox import built_in
from core.settings import Settings
from core.telemetry.counters import Counters
from core.web import make_blueprint
from demo import history

NOW = datetime(2026, 3, 11, 14, 20, tzinfo=UTC)
WEEKS = 52
MOST_MS, MOST_KB = 200, 100


def calendar() -> Hours:
    """An office in Berlin."""
    return Hours.make(
        "Europe/Berlin", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"), "DE"
    )


def fill(engine: Engine, number: int, waiting: int) -> int:
    metadata.create_all(engine)
    made = history.fill(engine, NOW, weeks=WEEKS, per_week=int(number * 1.02 / WEEKS))
    rows = []
    for n in range(waiting):
        since = NOW - timedelta(minutes=3 * n)
        rows.append(
            {
                "desk": "support",
                "ticket_id": str(n),
                "state": "escalated",
                "subject": f"Question {n}",
                "priority": "high",
                "first_seen_at": since,
                "waiting_since": since,
                "escalated_at": since,
                "outcome": "routed",
                "promise_at": since + timedelta(hours=1),
                "next_due_at": since + timedelta(hours=2),
                "customer_email": f"c{n}@example.com",
                "intent": "billing_dispute",
                "confidence": 0.7,
            }
        )
    with engine.begin() as db:
        db.execute(insert(tickets), rows)
        db.execute(insert(desks), [{"desk": "support", "swept_at": NOW}])
        db.execute(text("ANALYZE"))
    return made + waiting


def _filled(engine: Engine) -> int:
    """How many tickets a ledger that was filled before has."""
    metadata.create_all(engine)
    with engine.connect() as db:
        return db.scalar(select(func.count()).select_from(tickets)) or 0


def app(engine: Engine) -> Flask:
    flask = Flask(__name__)
    flask.extensions["backstop"] = SimpleNamespace(
        settings=Settings(),
        engine=engine,
        rules={},
        desks={},
        channels={},
        clock=lambda: NOW,
        hours=calendar(),
        hours_of=lambda desk: calendar(),
        promised=lambda desk, priority: timedelta(hours=4),
        templates_of=lambda desk: built_in(),
    )
    flask.register_blueprint(make_blueprint(flask.extensions["backstop"]))
    return flask


def pages(engine: Engine, client) -> list[str]:
    """Every page, and the searches that hurt most."""
    with engine.connect() as db:
        some = db.execute(
            select(tickets.c.ticket_id, tickets.c.customer_email)
            .where(tickets.c.state == "answered")
            .limit(1)
        ).one()
    deep = re.search(r'href="(/tickets\?[^"]*after=[^"]+)"', client.get("/tickets?state=auto_resolved").text)
    return [
        "/",
        "/tickets",
        "/tickets?state=answered",
        "/tickets?desk=support",
        deep.group(1).replace("&amp;", "&"),
        f"/tickets?q={some.ticket_id}",
        f"/tickets?q={some.customer_email}",
        "/tickets?q=larger+model",
        "/tickets?q=nowhere+found",
        "/tickets?state=left_alone&q=nowhere+found",
        f"/tickets/generated/{some.ticket_id}",
        "/quality",
        "/quality?auto=0.9",
        "/week",
        "/week?week=2026-W11",
        "/week?week=2026-W05",
        "/going-live",
        "/intents",
        "/intents/order_status",
        "/surges",
        "/limbo",
        "/changes",
        "/health",
    ]


def measure(client, where: str, rounds: int) -> tuple[float, float, float, int]:
    took, cpu = [], []
    for _ in range(rounds):
        start, begun = time.perf_counter(), time.process_time()
        answer = client.get(where)
        took.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - begun))
        assert answer.status_code == 200, (where, answer.status_code)
    return took[0], statistics.median(took), statistics.median(cpu), len(answer.data)


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--tickets", type=int, default=100_000)
    ask.add_argument("--waiting", type=int, default=400)
    ask.add_argument("--rounds", type=int, default=15)
    ask.add_argument("--database-url", default="")
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(given.database_url or f"sqlite:///{Path(folder)}/ledger.db")
        start = time.perf_counter()
        number = _filled(engine) or fill(engine, given.tickets, given.waiting)
        print(f"{number} tickets in {engine.dialect.name}, filled in {time.perf_counter() - start:.0f} s")
        start = time.perf_counter()
        keep_closed(engine, calendar(), NOW)
        print(f"closed weeks counted in {time.perf_counter() - start:.1f} s, once")
        statements = []
        event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        client = app(engine).test_client()
        print(f"{'page':<70} {'first':>8} {'median':>8} {'cpu':>8} {'kB':>7} {'queries':>8}")
        late = []
        for where in pages(engine, client):
            statements.clear()
            first, median, cpu, size = measure(client, where, given.rounds)
            queries = len(statements) / given.rounds
            print(
                f"{where[:70]:<70} {first:>6.0f}ms {median:>6.0f}ms {cpu:>6.0f}ms {size / 1000:>7.1f} {queries:>8.0f}"
            )
            if cpu > MOST_MS or size > 1000 * MOST_KB:
                late.append(where)
        counters = Counters(engine, lambda: NOW)
        start = time.perf_counter()
        size = len(counters.render(engine, NOW))
        print(f"{'/metrics':<70} {1000 * (time.perf_counter() - start):>6.0f}ms {'':>19}{size / 1000:>7.1f}")
        counters.close()
        engine.dispose()
    print(
        "over the limit: " + ", ".join(late) if late else f"every page within {MOST_MS} ms and {MOST_KB} kB"
    )
    return bool(late)


if __name__ == "__main__":
    sys.exit(main())
