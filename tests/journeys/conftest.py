"""The whole program against a vendor's fake, over real HTTP both ways; the clock is moved by hand.

Events are handled in the order they were stored, by the same function the engine calls; the engine itself, its
processes and their deaths are tried in tests/durability.
"""

from __future__ import annotations

import functools
import importlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from conftest_intents import INTENTS
from sqlalchemy import func, select, union_all

from connectors import DESKS
from connectors.sandbox.desk import Case, SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from core import queue, settings, wiring
from core.app import App
from core.classify.linear import LinearClassifier
from core.engine import worker
from core.ledger import store
from core.ledger.db import reading
from core.ledger.schema import decisions, events, notices, tickets, writes
from core.pipeline import reminders
from core.pipeline.handle import handle
from core.ports import Abilities
from tests.stores import KINDS
from webhook_app import create_app

MINUTE = timedelta(minutes=1)
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
VENDORS = tuple(DESKS)
STORE_OF = dict(zip(VENDORS, cycle(KINDS), strict=False))

JUDGED: dict[tuple[str, float, str, bool], Any] = {}

TEMPLATE = "Hello{% if name %} {{ name }}{% endif %}, your parcel is on its way.\n"


class Inbox:
    """A channel that records what it is sent."""

    kind, can = "test", Abilities("short", 160, customer_words=False)
    recipients: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.name, self.sent = name, []

    def send(self, outbound: Any, now: datetime) -> Any:
        from core.model import Receipt

        self.sent.append(outbound)
        return Receipt(id=str(len(self.sent)), state="delivered")

    def check(self) -> list[Any]:
        return []


@dataclass
class House:
    """A desk, its fake, and a Backstop between them."""

    vendor: str
    home: Path
    config: dict[str, Any]
    options: dict[str, Any]
    now: datetime = TUESDAY
    stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.desk = SandboxDesk(lambda: self.now)
        self.queues = {n: self.desk.add_queue(n) for n in ("Support", "Orders", "Billing", "Tech")}
        self.ann = self.desk.add_person("Ann Agent", "ann@desk.example", "agent")
        self.fake = importlib.import_module(f"connectors.{self.vendor}.fake").make_fake(
            self.desk, **self.options
        )
        self.api = FaultyApp(self.fake.app)
        self.url = self.stack.enter_context(serving(self.api))
        (self.home / "templates").mkdir(exist_ok=True)
        (self.home / "templates" / "order_status.txt").write_text(TEMPLATE)
        self.urgent, self.normal, self.boss = (
            Inbox("webhook:urgent"),
            Inbox("webhook:team"),
            Inbox("webhook:boss"),
        )
        self.app = self.build()
        queue.close()
        self.stack.callback(self._leave_the_store)
        self.receiver = self.stack.enter_context(serving(create_app(self.app, console=False)))
        self.fake.subscribe(f"{self.receiver}/hooks/support")

    def build(self) -> App:
        hook = {"url": "http://127.0.0.1:9/x", "secret": "whsec_" + "QUJD" * 8}
        table = {
            **self.fake.settings(self.url),
            "vendor": self.vendor,
            "general_queue": "Support",
            "timeout": 2,
        }
        table |= self.config.pop("desk", {})
        values = {
            "database_url": f"sqlite:///{self.home}/backstop.db",  # where no fixture names another
            "public_url": "https://backstop.example.com",
            "desks": {"support": table},
            "intents": INTENTS,
            "channels": {"webhook": {"urgent": hook, "team": hook, "boss": hook}},
            "audiences": {"manager": ["webhook:boss"]},
            "escalation": {
                "second_word": False,  # what goes out is counted; test_second_word.py has its own
                "channels": {
                    "urgent": ["webhook:urgent"],
                    "high": ["webhook:urgent"],
                    "normal": ["webhook:team"],
                    "low": ["desk"],
                },
            },
            **self.config,
        }
        file = self.home / "backstop.toml"
        loaded = settings.Settings(path=file, **values)
        app = wiring.build(loaded, clock=lambda: self.now)
        for channel in (self.urgent, self.normal, self.boss):
            app.channels[channel.name] = channel
        return app

    def _leave_the_store(self) -> None:
        """No thread or connection of ours stays behind: the database is to be removed."""
        self.app.counters.close()
        self.app.engine.dispose()
        queue.close()

    def restart(self) -> None:
        """The program ends and begins again over the same ledger."""
        self.config.setdefault("desk", {})
        self.app.counters.close()
        self.app.engine.dispose()
        self.app = self.build()

    # --- what happens

    def writes_in(self, body: str, **more: Any) -> Case:
        """A customer writes, the vendor's webhook is received, and the event is handled."""
        case = self.desk.customer_writes(
            body, **{"subject": "Hello", "email": "carla@example.com", "name": "Carla", **more}
        )
        self.settle()
        return case

    def settle(self) -> None:
        """Handle what is stored and not settled, in order."""
        for _ in range(20):
            with self.app.engine.begin() as conn:
                query = (
                    select(events.c.key)
                    .where(events.c.state == "received")
                    .order_by(events.c.received_at, events.c.key)
                )
                keys = list(conn.execute(query).scalars())
            if not keys:
                return
            for key in keys:
                handle(self.app, key)
            reminders.remind(self.app, self.now)

    def later(self, **span: float) -> None:
        """The clock moves on. What is due is done at its minute, as the timers would; the desk is read every five, after
        half an hour every fifteen, after an hour every thirty."""
        began, end = self.now, self.now + timedelta(**span)
        while self.now < end:
            passed = self.now - began
            every = 5 if passed < 30 * MINUTE else 15 if passed < 60 * MINUTE else 30
            self.now = min(end, self.now + min(self._next_due(), (every - self.now.minute % every) * MINUTE))
            if self.now.minute % every == 0:
                self.sweep()
            self.pass_once()

    def _next_due(self) -> timedelta:
        """How long until something of the ledger is due: whole minutes."""
        stamps = (events.c.due_at, tickets.c.next_due_at, notices.c.due_at)
        each = [select(func.min(one).label("due")).where(one > self.now) for one in stamps]
        with reading(self.app.engine) as conn:
            due = conn.execute(select(func.min(union_all(*each).subquery().c.due))).scalar()
        return -(-(due - self.now) // MINUTE) * MINUTE if due else timedelta.max

    def pass_once(self) -> None:
        """One tick of the timers."""
        with self.app.engine.begin() as conn:
            for row in store.due_events(conn, self.now):
                store.requeue(conn, row.key)
        self.settle()
        reminders.remind(self.app, self.now)
        self.settle()

    def sweep(self) -> dict[str, Any]:
        found = worker.sweep_now(self.app)[0]
        self.settle()
        return found

    # --- what became of it

    def told(self) -> list[Any]:
        """All notices sent to our people."""
        return [one for channel in (self.urgent, self.normal, self.boss) for one in channel.sent]

    def open_rows(self) -> list[Any]:
        """The tickets for which a human is awaited."""
        return [row for row in self.rows(tickets) if row.next_due_at is not None]

    def ticket(self, case: Case) -> Any:
        with self.app.engine.begin() as conn:
            return store.ticket(conn, "support", str(case.id))

    def seen(self, case: Case) -> Any:
        """The ticket as the connector sees it now."""
        return self.app.desks["support"].fetch(str(case.id))

    def bot_says(self, case: Case, *, public: bool) -> list[str]:
        return [e.body for e in case.entries if e.author_id == self.desk.bot.id and e.public is public]

    def story(self, case: Case) -> list[str]:
        with self.app.engine.begin() as conn:
            return [f"{r.what}: {r.detail}" for r in store.story(conn, "support", str(case.id))]

    def rows(self, table: Any) -> list[Any]:
        with self.app.engine.begin() as conn:
            return list(conn.execute(select(table)))

    def unsettled(self) -> list[Any]:
        return [e for e in self.rows(events) if e.state != "settled"]

    tables = (decisions, events, notices, writes)


@pytest.fixture(scope="module", autouse=True)
def words_judged_once():
    """The journeys' customers write the same sentences again and again: a classifier judges each once. What it makes of
    them, alone or among others, is tried in tests/core/classify."""
    batch, guesses = LinearClassifier._batch, LinearClassifier.guesses

    def judged(model: LinearClassifier, texts: list[str], explained: int) -> list[Any]:
        # two that were made from the same data differ in nothing but where the band begins
        keys = [(model.model, model.right.floor, text, at < explained) for at, text in enumerate(texts)]
        new = sorted({key for key in keys if key not in JUDGED}, key=lambda key: not key[-1])
        found = batch(model, [key[-2] for key in new], sum(key[-1] for key in new)) if new else ()
        JUDGED.update(zip(new, found, strict=True))
        return [JUDGED[key] for key in keys]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinearClassifier, "_batch", judged)
        patch.setattr(LinearClassifier, "guesses", functools.lru_cache(maxsize=1000)(guesses))
        yield
        JUDGED.clear()


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def store_kind(request: pytest.FixtureRequest, vendor: str) -> str:
    """A journey over all desks crosses both databases at no more cost; one of a single desk that is about the store
    names both with `BOTH_STORES`."""
    return str(getattr(request, "param", STORE_OF.get(vendor, KINDS[0])))


@pytest.fixture
def house(tmp_path: Path, vendor: str, classifier_cache: Path, store_url: str):
    """`house(**config)` starts one; each desk of the table in turn."""
    with ExitStack() as stack:

        def start(*, options: dict[str, Any] | None = None, **config: Any) -> House:
            config.setdefault("classifier", {"cache": str(classifier_cache), "sample": 0.0})
            config.setdefault("database_url", store_url)
            made = House(vendor, tmp_path, config, options or {})
            stack.callback(made.stack.close)
            return made

        yield start
