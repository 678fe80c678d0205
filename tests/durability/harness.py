"""Three help desks, real processes on one store, and everything that goes wrong: then the books are compared.

The desks are served from the test's process and outlive every kill; `reckon` compares them with the ledger.
"""

from __future__ import annotations

import functools
import importlib
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import MetaData, Table, func, inspect, select

from connectors import DESKS
from connectors.sandbox.desk import Case, SandboxDesk
from connectors.sandbox.hooks import Delivery
from connectors.sandbox.server import Call, FaultyApp, serving
from core import settings, wiring
from core.app import App, wall
from core.ledger import db, store
from core.ledger.schema import desks, events, tickets, writes
from core.pipeline import audit

logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # connections cut on purpose are no news
ROOT = Path(__file__).resolve().parents[2]
VENDORS = tuple(DESKS)
OPTIONS: dict[str, dict[str, Any]] = {"zendesk": {"withheld": 1}}  # the export's newest minute, made a second
RETRY_AFTER = {"helpscout": "X-RateLimit-Retry-After"}
WORDS = {
    "order": "Where is my order {n}? It should have arrived last week and the tracking page shows nothing.",
    "dispute": "There is a charge of {n} euros on my credit card that I did not make. I dispute this charge.",
    "nonsense": "purple seventeen umbrella the quick moon {n}",
}
CONFIG = """
database_url = "{database}"
public_url = "https://backstop.example.com"
[web]
port = {port}
[sweep]
every = "5s"
[classifier]
cache = "{cache}"
sample = 0.0
[limits]
dead_after = "{dead_after}"
tries = 60
workers = {workers}
[intents.order_status]
priority = "low"
queue = "Orders"
reply = "order_status.txt"
[intents.billing_dispute]
priority = "urgent"
queue = "Billing"
[audiences]
manager = ["webhook:team"]
[escalation]
channels = {{ urgent = ["webhook:team"], high = ["webhook:team"], normal = ["webhook:team"], low = ["webhook:team"] }}
[channels.webhook.team]
url = "{sink}/team"
secret = "whsec_QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD"
"""


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Faults:
    """What each desk does to calls, by the luck of one generator. `rate` 0: nothing."""

    luck: random.Random
    rate: float = 0.0
    reads: tuple[str, ...] = ("reset_before", "status_before:503", "reset_after")
    writes: tuple[str, ...] = (
        "reset_before",
        "reset_after",
        "reset_after",
        "status_after:502",
        "status_before:503",
        "slow_after:1.2",
    )
    storm_until: float = 0.0
    down: bool = False  # an outage: whatever is asked, there is no answer but 503

    def __call__(self, call: Call) -> str:
        """A fault for one call, "" for none."""
        if self.down:
            return "status_before:503"
        if not self.rate or "oauth" in call.path:
            return ""
        if time.monotonic() < self.storm_until:
            return "status_before:429"
        if self.luck.random() >= self.rate:
            return ""
        kinds = self.reads if call.method == "GET" else self.writes
        return self.luck.choice(kinds) if kinds else ""


class Sink:
    """The team's pager: how often each message came."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """WSGI."""
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.heard[environ.get("HTTP_WEBHOOK_ID", "")] += 1
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@dataclass
class Account:
    """One desk: its tickets, its fake, its faults."""

    name: str
    desk: SandboxDesk
    fake: Any
    api: FaultyApp
    url: str
    agent: Any


class World:
    """The desks, the configuration, the processes."""

    def __init__(
        self,
        home: Path,
        *,
        seed: int,
        database: str = "",
        cache: Path | None = None,
        vendors: tuple[str, ...] = VENDORS,
        dead_after: str = "3s",
        workers: int = 3,
    ) -> None:
        self.home, self.luck, self.stack = home, random.Random(seed), ExitStack()
        self.database = database or f"sqlite:///{home}/backstop.db"
        self.port, self.sink = free_port(), Sink()
        sink = self.stack.enter_context(serving(self.sink))
        self.faults = Faults(random.Random(seed + 1))
        self.accounts = [self._account(vendor) for vendor in vendors]
        self.config = home / "backstop.toml"
        (home / "order_status.txt").write_text("Hello, your parcel is on its way.\n")
        config = CONFIG.format(
            database=self.database,
            port=self.port,
            cache=cache or home,
            sink=sink,
            dead_after=dead_after,
            workers=workers,
        )
        self.config.write_text(config + "".join(self._table(one) for one in self.accounts))
        self.processes = Processes(home, self.config, cache or home)
        self.stack.callback(self.processes.close)
        self.written = self.dropped = self.doubled = 0
        self.ahead = timedelta(0)

    def _account(self, vendor: str) -> Account:
        desk = SandboxDesk()
        for name in ("Support", "Orders", "Billing"):
            desk.add_queue(name)
        agent = desk.add_person("Ann Agent", "ann@desk.example", "agent")
        fake = importlib.import_module(f"connectors.{vendor}.fake").make_fake(desk, **OPTIONS.get(vendor, {}))
        api = FaultyApp(fake.app, plan=self.faults, retry_after_header=RETRY_AFTER.get(vendor, "Retry-After"))
        url = self.stack.enter_context(serving(api))
        fake.subscribe(f"http://127.0.0.1:{self.port}/hooks/{vendor}")
        return Account(vendor, desk, fake, api, url, agent)

    def _table(self, one: Account) -> str:
        values = {**one.fake.settings(one.url), "general_queue": "Support", "timeout": 1.0}
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        return f"\n[desks.{one.name}]\n" + "\n".join(lines) + "\n"

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    # --- what customers, agents and vendors do

    def customers_write(self, words: str = "") -> None:
        """One new ticket, now and then a reply to an older one or an agent's hand."""
        one, self.written = self.luck.choice(self.accounts), self.written + 1
        one.fake.hooks.hold = True
        kind = words or self.luck.choices(list(WORDS), (5, 3, 3))[0]
        body, email = WORDS[kind].format(n=self.written), f"customer{self.written}@example.com"
        one.desk.customer_writes(body, subject=f"Number {self.written}", email=email)
        dice, old = self.luck.random(), self._older(one)
        if old is not None and dice < 0.2:
            who = one.desk.people[old.requester_id].email
            one.desk.customer_writes(
                f"That does not help me at all ({self.written}).", email=who, case_id=old.id
            )
        elif old is not None and dice < 0.27:
            one.desk.agent_claims(old.id, one.agent.id)
        elif old is not None and dice < 0.32:
            one.desk.agent_says(old.id, one.agent.id, "I am looking into it.")

    def _older(self, one: Account) -> Case | None:
        cases = list(one.desk.cases.values())[:-1]
        return self.luck.choice(cases) if cases else None

    def vendors_deliver(self, *, drop: float = 0.05, double: float = 0.2) -> None:
        """What is held goes out: shuffled, some twice, some never."""
        for one in self.accounts:
            if one.fake.hooks.held:
                one.fake.hooks.release(lambda held: self._mangled(held, drop, double))

    def _mangled(self, held: list[Delivery], drop: float, double: float) -> list[Delivery]:
        kept = [one for one in held if self.luck.random() >= drop]
        twice = [one for one in kept if self.luck.random() < double]
        self.dropped, self.doubled = self.dropped + len(held) - len(kept), self.doubled + len(twice)
        mixed = kept + twice
        self.luck.shuffle(mixed)
        return mixed

    def passes(self, time_: timedelta) -> None:
        """So much later at the desks, and for every process that starts from now on."""
        self.ahead += time_
        self.processes.ahead = self.ahead.total_seconds()
        for one in self.accounts:
            one.desk.clock = self.now

    def now(self) -> datetime:
        """The time in this world."""
        return wall() + self.ahead

    # --- the books

    def app(self) -> App:
        """Our own look at the same store and desks."""
        return wiring.build(settings.load(self.config), classify=False, clock=self.now)

    def settled(self, engine: Any, compared: datetime | None = None) -> bool:
        """Whether every ticket is known and every fact has an end. `compared`: and every desk was compared after that time,
        by which alone a follow-up is known whose webhook was dropped."""
        total = sum(len(one.desk.cases) for one in self.accounts)
        with db.reading(engine) as conn:
            open_ = conn.execute(
                select(func.count()).select_from(events).where(events.c.state.in_(("received", "waiting")))
            ).scalar_one()
            known = conn.execute(select(func.count()).select_from(tickets)).scalar_one()
            swept = (
                conn.execute(
                    select(func.count()).select_from(desks).where(desks.c.swept_at > compared)
                ).scalar_one()
                if compared
                else len(self.accounts)
            )
            calls = conn.execute(
                select(func.count()).select_from(writes).where(writes.c.state.in_(("planned", "open")))
            ).scalar_one()
        return open_ == 0 and calls == 0 and known >= total and swept == len(self.accounts)


@functools.cache
def starter(classifiers: Path) -> subprocess.Popen[str]:
    """What starts processes: one for all worlds, until the tests end and with them its standard input."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    script = Path(__file__).with_name("processes.py")
    pipe = subprocess.PIPE
    made = subprocess.Popen(
        [sys.executable, str(script), str(classifiers)], stdin=pipe, stdout=pipe, text=True, env=env
    )
    assert made.stdout is not None
    assert made.stdout.readline().strip() == "ready"
    return made


def started(classifiers: Path, **order: Any) -> int:
    """Start a process by the starter of these classifiers, see processes.py; return its id."""
    process = starter(classifiers)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


@dataclass
class Processes:
    """The processes of one world; see processes.py."""

    home: Path
    config: Path
    classifiers: Path
    changed: dict[str, Any] = field(default_factory=dict)
    ahead: float = 0.0  # seconds by which the processes' clocks are ahead
    alive: dict[int, str] = field(default_factory=dict)

    def start(self, *args: str, log: str = "") -> int:
        """Start `backstop ARGS --config …`; return the process's id."""
        order = {
            "args": [*args, "--config", str(self.config)],
            "set": self.changed,
            "ahead": self.ahead,
            "log": str(self.home / f"{log or args[0]}.log"),
        }
        pid = started(self.classifiers, **order)
        self.alive[pid] = args[0]
        return pid

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """To the whole group of a process that we started."""
        self.alive.pop(pid, None)
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Nothing of ours stays behind."""
        for pid in list(self.alive):
            self.kill(pid)


def until(ready: Callable[[], bool], seconds: float, every: float = 0.2) -> float:
    """Wait for real processes; return how long it took, raise when it took too long."""
    begun = time.monotonic()
    while not ready():
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"not within {seconds} seconds")
        time.sleep(every)
    return time.monotonic() - begun


def answers(port: int) -> bool:
    """Whether the web process is up."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1).status_code == 200
    except requests.RequestException:
        return False


# --- the reckoning ---------------------------------------------------------------------------


@dataclass
class Books:
    """What the comparison of desks and ledger came to."""

    tickets: int = 0
    messages: int = 0
    lost: list[str] = field(default_factory=list)
    double_replies: list[str] = field(default_factory=list)
    double_notes: list[str] = field(default_factory=list)
    disagree: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def troubles(self) -> dict[str, list[str]]:
        """What must be empty."""
        return {k: v for k, v in vars(self).items() if isinstance(v, list) and v}

    def __str__(self) -> str:
        counts = {k: len(v) if isinstance(v, list) else v for k, v in vars(self).items()}
        return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in counts.items())


def reckon(world: World) -> Books:
    """Each ticket of each desk: known, its newest message dealt with, nothing said twice, and the ledger agrees."""
    app, books = world.app(), Books()
    try:
        for one in world.accounts:
            for case in list(one.desk.cases.values()):
                _compare(app, one, case, books)
            now = app.clock() + timedelta(minutes=3)  # beyond what the audit lets pass as "just now"
            line = audit.audit(app, one.name, now - timedelta(days=1), now)
            books.missing += [f"{one.name} {id_}" for id_ in (*line["missing"], *line["healed"])]
            books.stuck += [f"{one.name} {id_}" for id_ in line["stuck"]]
        books.unsettled += [f"{r.key} {r.state} {r.reason}" for r in _open_events(app)]
    finally:
        app.engine.dispose()
    return books


def _compare(app: App, one: Account, case: Case, books: Books) -> None:
    where = f"{one.name} {case.id}"
    ticket = app.desks[one.name].fetch(str(case.id))
    with app.engine.begin() as conn:
        row = store.ticket(conn, one.name, str(case.id))
        calls = list(
            conn.execute(select(writes).where(writes.c.desk == one.name, writes.c.ticket_id == str(case.id)))
        )
        said = [m for m in ticket.messages if m.author == "customer"]
        # a message in a ticket that a human holds is set aside, not dealt with: the decision says that it was read
        decided = {d.message_id for d in store.decisions_on(conn, one.name, str(case.id))}
        looked_at = bool(said) and said[-1].id in decided
    books.tickets, books.messages = books.tickets + 1, books.messages + len(said)
    if row is None or row.state in {"received", "dead_letter"}:
        books.lost.append(f"{where}: {row.state if row is not None else 'unknown to the ledger'}")
    elif said and row.handled_message_id != said[-1].id and not looked_at:
        books.lost.append(f"{where}: message {said[-1].id} was never looked at")
    bot = [e for e in case.entries if e.author_id == one.desk.bot.id]
    for public, doubles, kinds in (
        (True, books.double_replies, {"answer", "acknowledgment"}),
        (False, books.double_notes, {"note"}),
    ):
        texts = Counter(e.body for e in bot if e.public is public)
        doubles += [f"{where}: {n} times" for n in texts.values() if n > 1]
        done = [c for c in calls if c.what in kinds and c.state == "done"]
        if len(done) != texts.total():
            books.disagree.append(
                f"{where}: {texts.total()} at the desk, {len(done)} in the ledger (public: {public})"
            )
    books.unsettled += [f"{c.key} {c.state}" for c in calls if c.state in {"planned", "open"}]


def _open_events(app: App) -> Iterator[Any]:
    with app.engine.begin() as conn:
        yield from list(conn.execute(select(events).where(events.c.state != "settled")))


def traces(world: World, words: tuple[str, ...]) -> list[str]:
    """Places of these words in the engine's tables or in a log; and inputs that are no plain JSON."""
    found = []
    with db.reading(db.connect(world.database)) as conn:
        schema = "dbos" if conn.dialect.name == "postgresql" else None
        names = [n for n in inspect(conn).get_table_names(schema=schema) if not n.startswith("bs_")]
        tables = {n: Table(n, MetaData(), schema=schema, autoload_with=conn) for n in names}
        assert "workflow_input" in tables
        for name, table in tables.items():
            rows = conn.execute(select(table)).all()
            found += [f"table {name}: {word}" for row in rows for word in words if word in str(tuple(row))]
        inputs, status = tables["workflow_input"].c, tables["workflow_status"].c
        ours = select(inputs.inputs).where(inputs.workflow_uuid == status.workflow_uuid)
        given = conn.execute(ours.where(status.name == "handle_event")).scalars().all()
    found += [f"no JSON: {one}" for one in given if not str(one).startswith(("{", "[", '"'))]
    assert given
    for log in world.home.glob("*.log"):
        said = log.read_text(errors="replace")
        found += [f"{log.name}: {word}" for word in words if word in said]
    return found
