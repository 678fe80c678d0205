"""A small world for the console: history, waiting tickets, one hostile ticket, an office calendar."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import Engine, insert

from core import wiring
from core.classify.configured import Absent
from core.hours import Hours
from core.ledger.schema import (
    balance,
    decisions,
    desks,
    events,
    executors,
    history,
    metadata,
    notices,
    tickets,
)
from core.model import IntentRule, Mode, Priority, Rules
from core.sandbox import built_in
from core.settings import Settings
from core.web import make_blueprint
from demo import history as seed
from demo.history_words import INTENTS

NOW = datetime(2026, 3, 11, 14, 20, tzinfo=UTC)  # a Wednesday
EVIL = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
BIDI = "invoice \u202egpj.exe\u202c \u2066hidden\u2069"
LONG = "x" * 100_000
FORMULA = '=HYPERLINK("https://evil.example","click")'


def console_of(configured: Settings, engine: Engine) -> Flask:
    """The console over a configuration and a ledger, now."""
    flask = Flask("console")
    app = flask.extensions["backstop"] = wiring.compose(configured, clock=lambda: NOW, engine=engine)
    flask.register_blueprint(make_blueprint(app))
    return flask


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
        "desk": "support",
        "ticket_id": number,
        "state": "escalated",
        "subject": f"Question {number}",
        "priority": priority,
        "customer_name": "Mara Lindholm",
        "customer_email": f"mara{number}@example.com",
        "intent": "billing_dispute",
        "confidence": 0.72,
        "band": "route",
        "outcome": "routed",
        "queue": "Billing",
        "first_seen_at": since,
        "created_at": since,
        "waiting_since": since,
        "escalated_at": since,
        "rung": 1,
        "promise_at": since + timedelta(minutes=30),
        "next_due_at": since + timedelta(hours=2),
        "ladder": [
            {"at": since.isoformat(), "notify": notify, "rung": rung, "template": "unclaimed"}
            for rung, notify in enumerate(("team", "manager"))
        ],
        "url": f"https://desk.example/{number}",
        **more,
    }


def hostile(connection) -> None:
    """A ticket whose every text is hostile."""
    row = waiting("666", 55, "urgent", subject=EVIL + BIDI, customer_name=EVIL, url="javascript:alert(1)")
    worst = {"intent": EVIL + BIDI + "\x1b[31m", "queue": EVIL, "reason": LONG}
    connection.execute(insert(tickets), [row | worst])
    taken = {
        "ticket_id": "667",
        "state": "claimed",
        "claimed_by": EVIL + BIDI,
        "promise_at": NOW - timedelta(minutes=9),
    }
    connection.execute(insert(tickets), [row | taken | {"intent": LONG, "customer_name": LONG}])
    own = {"desk": "support", "ticket_id": "666"}
    facts = {"key": "support:666:created", "at": NOW, "alternatives": [[EVIL, 0.2]], "evidence": [EVIL, LONG]}
    texts = {
        "words": EVIL + LONG,
        "reason": LONG,
        "rule": EVIL,
        "intent": EVIL,
        "model": EVIL,
        "outcome": "routed",
    }
    connection.execute(insert(decisions), [own | facts | texts])
    line = own | {
        "key": "n",
        "created_at": NOW,
        "channel": "slack:x",
        "state": "failed",
        "error": EVIL + LONG,
    }
    connection.execute(insert(notices), [line | {"person": FORMULA}])
    connection.execute(insert(history), [own | {"at": NOW, "what": "received", "detail": EVIL + LONG}] * 300)
    dead = own | {"key": "support:666:reply:1", "state": "dead", "reason": EVIL + LONG, "attempts": 12}
    connection.execute(insert(events), [dead | {"received_at": NOW}])
    connection.execute(
        insert(tickets),
        [
            {
                "desk": FORMULA,
                "ticket_id": "@1",
                "subject": LONG,
                "state": "auto_resolved",
                "outcome": "auto_resolved",
                "intent": FORMULA,
                "first_seen_at": NOW - timedelta(days=7),
                "customer_id": "+1",
                "auto_resolved_at": NOW - timedelta(days=7),
                "check_verdict": "pending",
            }
        ],
    )


def fill(engine) -> None:
    """History, and what waits."""
    metadata.create_all(engine)
    seed.fill(engine, NOW)
    present(engine)


def present(engine) -> None:
    """Three waiting tickets, their desk, a comparison, a process."""
    metadata.create_all(engine)
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
            [
                {
                    "desk": "support",
                    "swept_at": NOW - timedelta(seconds=31),
                    "hook_heard_at": NOW - timedelta(minutes=4),
                }
            ],
        )
        line = {"desk": "support", "at": NOW, "in_desk": 1204, "in_ledger": 1204, "missing": [], "stuck": []}
        db.execute(insert(balance), [line | {"healed": ["4699"]}])
        db.execute(
            insert(executors), [{"id": "web-1", "beat_at": NOW, "started_at": NOW, "version": "0.1.0"}]
        )


def make_app(engine, public_url: str = "", **web) -> Flask:
    intents = {
        one.name: IntentRule(
            one.name, Priority(one.priority), one.queue, reply="x" if one.answered else "", mode=Mode.ACT
        )
        for one in INTENTS
    }
    rules = Rules(0.85, 0.6, intents, frozenset(), "Support")
    flask = Flask("backstop-console-test")
    flask.extensions["backstop"] = SimpleNamespace(
        settings=Settings(web=web, public_url=public_url),
        engine=engine,
        rules={"support": rules},
        desks={},
        channels={},
        clock=lambda: NOW,
        hours=Office(),
        hours_of=lambda desk: Hours.make(),
        promised=lambda desk, priority: timedelta(hours=4),
        templates_of=lambda desk: built_in(),
        counters=None,
        classifier=Absent(),
        desk_settings={},
    )
    flask.register_blueprint(make_blueprint(flask.extensions["backstop"]))
    return flask


def form(client, **fields: str) -> dict[str, str]:
    """The fields with the token of this browser's session."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    return fields | {"csrf_token": found.group(1)}
