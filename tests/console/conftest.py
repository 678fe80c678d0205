"""A console over a ledger of its own, on a clock moved by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import create_engine, insert
from werkzeug.serving import make_server

from core import seed
from core.console import make_blueprint
from core.ledger.schema import balance, decisions, desks, events, executors, history, metadata, notices, tickets
from core.model import IntentRule, Mode, Rules
from core.settings import Settings

NOW = datetime(2026, 3, 11, 14, 20, tzinfo=UTC)  # a Wednesday
EVIL = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
BIDI = "invoice \u202egpj.exe\u202c \u2066hidden\u2069"
LONG = "x" * 100_000
FORMULA = '=HYPERLINK("https://evil.example","click")'


class Office:
    """Monday to Friday, nine to five, in Berlin."""

    zone = ZoneInfo("Europe/Berlin")

    def between(self, start: datetime, end: datetime) -> timedelta:
        total, day = timedelta(0), start.astimezone(self.zone).date()
        while day <= end.astimezone(self.zone).date():
            opens = datetime(day.year, day.month, day.day, 9, tzinfo=self.zone).astimezone(UTC)
            if day.weekday() < 5:
                total += max(timedelta(0), min(end, opens + timedelta(hours=8)) - max(start, opens))
            day += timedelta(days=1)
        return total


def waiting(number: str, minutes: float, priority: str = "normal", **more) -> dict:
    since = NOW - timedelta(minutes=minutes)
    return {
        "desk": "support", "ticket_id": number, "state": "escalated", "subject": f"Question {number}",
        "priority": priority, "customer_name": "Mara Lindholm", "customer_email": f"mara{number}@example.com",
        "intent": "billing_dispute", "confidence": 0.72, "band": "route", "outcome": "routed", "queue": "Billing",
        "first_seen_at": since, "created_at": since, "waiting_since": since, "escalated_at": since, "rung": 1,
        "promise_at": since + timedelta(minutes=30), "next_due_at": since + timedelta(hours=2),
        "ladder": [{"at": since.isoformat(), "notify": "team"}, {"at": since.isoformat(), "notify": "manager"}],
        "url": f"https://desk.example/{number}", **more,
    }  # fmt: skip


def hostile(connection) -> None:
    """A ticket whose every text was written by somebody who wishes us ill."""
    row = waiting("666", 55, "urgent", subject=EVIL + BIDI, customer_name=EVIL, url="javascript:alert(1)")
    connection.execute(insert(tickets), [row | {"intent": EVIL, "queue": EVIL, "reason": LONG}])
    own = {"desk": "support", "ticket_id": "666"}
    facts = {"key": "support:666:created", "at": NOW, "alternatives": [[EVIL, 0.2]], "evidence": [EVIL, LONG]}
    texts = {"words": EVIL + LONG, "reason": LONG, "rule": EVIL, "intent": EVIL, "model": EVIL, "outcome": "routed"}
    connection.execute(insert(decisions), [own | facts | texts])
    line = own | {"key": "n", "created_at": NOW, "channel": "slack:x", "state": "failed", "error": EVIL + LONG}
    connection.execute(insert(notices), [line | {"person": FORMULA}])
    connection.execute(insert(history), [own | {"at": NOW, "what": "received", "detail": EVIL + LONG}] * 300)
    dead = own | {"key": "support:666:reply:1", "state": "dead", "reason": EVIL + LONG, "attempts": 12}
    connection.execute(insert(events), [dead | {"received_at": NOW}])
    connection.execute(
        insert(tickets),
        [{
            "desk": FORMULA, "ticket_id": "@1", "subject": LONG, "state": "auto_resolved", "outcome": "auto_resolved",
            "intent": FORMULA, "first_seen_at": NOW - timedelta(days=7), "customer_id": "+1",
            "auto_resolved_at": NOW - timedelta(days=7), "check_verdict": "pending",
        }],
    )  # fmt: skip


def fill(engine) -> None:
    metadata.create_all(engine)
    seed.fill(engine, NOW)
    with engine.begin() as db:
        db.execute(
            insert(tickets),
            [
                waiting("4711", 118, "high", subject="Charged twice for March"),
                waiting("4716", 21, "urgent", subject="Card charge I did not make", state="reescalated"),
                waiting("4720", 6, "normal", subject="Does the larger model fit?", intent="product_question"),
            ],
        )
        db.execute(
            insert(desks),
            [{"desk": "support", "swept_at": NOW - timedelta(seconds=31), "hook_heard_at": NOW - timedelta(minutes=4)}],
        )
        line = {"desk": "support", "at": NOW, "in_desk": 1204, "in_ledger": 1204, "missing": [], "stuck": []}
        db.execute(insert(balance), [line | {"healed": ["4699"]}])
        db.execute(insert(executors), [{"id": "web-1", "beat_at": NOW, "started_at": NOW, "version": "0.1.0"}])


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """A ledger with history, three waiting tickets, and one hostile one; for reading only."""
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")
    fill(engine)
    with engine.begin() as db:
        hostile(db)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(tmp_path):
    """A ledger with history and three waiting tickets, for one test."""
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    fill(engine)
    yield engine
    engine.dispose()


def make_app(engine, **web) -> Flask:
    rules = Rules(0.85, 0.6, {"order_status": IntentRule("order_status", reply="x", mode=Mode.ACT)}, frozenset(), "S")
    flask = Flask("backstop-console-test")
    flask.extensions["backstop"] = SimpleNamespace(
        settings=Settings(web=web), engine=engine, rules={"support": rules}, desks={}, channels={},
        clock=lambda: NOW, hours=Office(), counters=None, classifier=None,
    )  # fmt: skip
    flask.register_blueprint(make_blueprint(flask.extensions["backstop"]))
    return flask


@pytest.fixture
def client(engine):
    """A browser on this machine, while there is nobody to log in as."""
    return make_app(engine).test_client()


@pytest.fixture
def reading(filled):
    """The same over the big, hostile ledger."""
    return make_app(filled).test_client()


@pytest.fixture(scope="session")
def serve():
    """Serve an app on a port of this machine; gives its address."""
    running = []

    def start(flask: Flask) -> str:
        server = make_server("127.0.0.1", 0, flask, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
