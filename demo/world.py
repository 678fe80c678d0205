"""The demo's world: a help desk with people in it, and a Backstop connected to it over real HTTP."""

from __future__ import annotations

import importlib
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors import DESKS
from connectors.sandbox.desk import Case, Person, SandboxDesk
from connectors.sandbox.server import serving
from core import settings, wiring
from core.engine import worker
from core.errors import ConfigError
from core.ledger import db
from core.ledger.schema import events, notices
from core.ledger.states import EventState, NotificationState
from core.web.server import Server
from demo import config
from demo.clock import Clock
from demo.people import People
from demo.samples import Sample

DESK = config.DESK
THREADS = 8
AGENT_PAGE = re.compile(r"/(?:agent|a)/tickets/(\d+)")  # where Zendesk and Freshdesk show a ticket to agents
AGENT_SAYS = (
    "Hello, this is Ann from the team. I have read all of it and am looking into it right now; "
    "I will write again within the hour."
)


@dataclass
class World:
    """Everything that runs. `told`: a message of the story → its ticket."""

    vendor: str
    home: Path
    clock: Clock
    desk: SandboxDesk
    people: People
    ann: Person
    began: datetime
    url: str = ""
    app: Any = None
    told: dict[str, int] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    patience_ends: float = math.inf  # by the monotonic clock: after that nothing is waited for any more

    def customer(self, sample: Sample) -> Case:
        """The message arrives at the desk: a new ticket, or a reply to the one it follows."""
        case_id = self.told.get(sample.follows)
        first = self.desk.cases[case_id].requester_id if case_id else None
        email = self.desk.people[first].email if first else sample.email
        case = self.desk.customer_writes(
            sample.body,
            subject=sample.subject,
            name=sample.name,
            email=email,
            case_id=case_id,
            html=sample.markup,
            headers=dict(sample.headers),
        )
        self.told[sample.id] = case.id
        return case

    def claims(self, case_id: int) -> None:
        """An agent takes the ticket."""
        self.desk.agent_claims(case_id, self.ann.id)

    def answers(self, case_id: int) -> None:
        """An agent takes the ticket and writes to the customer."""
        if self.desk.cases[case_id].assignee_id is None:
            self.claims(case_id)
        self.desk.agent_says(case_id, self.ann.id, AGENT_SAYS)
        self.desk.agent_sets(case_id, self.ann.id, status="pending")

    def later(self, minutes: float) -> None:
        """The clock moves; then one look at the desk and one pass over the ladder, as the timers make them."""
        self.clock.later(minutes)
        worker.sweep_now(self.app, DESK)
        worker.remind_now(self.app)

    def under_way(self) -> list[str]:
        """Return what is not done yet: facts unsettled, notices unsent; each with its state and why."""
        facts = select(events.c.key, events.c.state, events.c.reason)
        facts = facts.where(
            events.c.desk == DESK, events.c.state.in_((EventState.RECEIVED, EventState.WAITING))
        )
        unsent = select(notices.c.key, notices.c.state, notices.c.error)
        due = notices.c.due_at.is_(None) | (notices.c.due_at <= self.clock())
        unsent = unsent.where(notices.c.state.in_((NotificationState.QUEUED, NotificationState.OPEN)), due)
        with db.reading(self.app.engine) as conn:
            found = [*conn.execute(facts), *conn.execute(unsent)]
        return [" ".join(filter(None, map(str, row))) for row in found]

    def settled(self, seconds: float = 30.0) -> bool:
        """Wait until nothing is under way; False when that takes too long, for this once or for all."""
        until = min(time.monotonic() + seconds, self.patience_ends)
        while self.under_way():
            if time.monotonic() > until or self.stopped.wait(0.05):
                return False
        return True


@contextmanager
def running(
    vendor: str, port: int, home: Path, *, sweep: str = "1m", stopped: threading.Event | None = None
) -> Iterator[World]:
    """The whole product, started; stopped at the end of the block."""
    if vendor not in DESKS:
        raise ConfigError(f'there is no desk "{vendor}": use {", ".join(DESKS)}')
    config.forget_environment()
    clock = Clock()
    desk = SandboxDesk(clock)
    for name in config.QUEUES:
        desk.add_queue(name)
    ann = desk.add_person("Ann Sorensen", "ann.sorensen@shop.example", "agent")
    world = World(vendor, home, clock, desk, People(clock), ann, clock())
    world.stopped = stopped or world.stopped
    fake = importlib.import_module(f"{DESKS[vendor]}.fake").make_fake(desk)
    with ExitStack() as stack:
        shown = _Shown(fake.app, world)
        desk_url, people_url = (stack.enter_context(serving(one)) for one in (shown, world.people.app()))
        mail = world.people.mail_server()
        stack.callback(_close, mail)
        door = _Door()
        world.url = stack.enter_context(_listening(door, checked(port)))
        path = config.write(
            home,
            desk=fake.settings(desk_url),
            public_url=world.url,
            people_url=people_url,
            smtp_url=f"smtp://127.0.0.1:{mail.server_address[1]}",
            sweep=sweep,
        )
        _open(world, path, door, stack)
        fake.subscribe(f"{world.url}/hooks/{DESK}")
        yield world


def _open(world: World, path: Path, door: _Door, stack: ExitStack) -> None:
    """Backstop itself: built from the file, launched, and its doors opened."""
    from demo.page import make_page
    from webhook_app import create_app

    world.app = wiring.build(settings.load(path), clock=world.clock)
    stack.callback(world.app.engine.dispose)
    stack.callback(world.app.counters.close)  # before its store is gone
    flask = create_app(world.app)
    flask.register_blueprint(make_page(world))
    world.app.classifier.predict("Where is my order?")  # fitted now, not by eight workers at once
    worker.launch(world.app)
    stack.callback(worker.stop)
    stack.callback(world.stopped.set)
    door.inside = flask


class _Door:
    """Stands at the port before Backstop does: its address is part of the configuration."""

    inside: Callable[..., Iterable[bytes]] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.inside is None:
            start_response("503 Service Unavailable", [("Retry-After", "1")])
            return [b"starting\n"]
        return self.inside(environ, start_response)


class _Shown:
    """The desk's own pages, to which notices link: the fakes have none, so the demo's page shows the ticket."""

    def __init__(self, api: Callable[..., Iterable[bytes]], world: World) -> None:
        self._api, self._world = api, world

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = AGENT_PAGE.fullmatch(environ["PATH_INFO"])
        if found is None:
            return self._api(environ, start_response)
        start_response("302 Found", [("Location", f"{self._world.url}/demo?ticket={found[1]}")])
        return []


@contextmanager
def _listening(app: Callable[..., Iterable[bytes]], port: int) -> Iterator[str]:
    """Backstop's own server on loopback, in a thread; return its address."""
    server = Server(app, "127.0.0.1", port, THREADS)
    thread = threading.Thread(target=server.run, name="server", daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join()


def _close(server: Any) -> None:
    server.shutdown()
    server.server_close()


def is_free(port: int) -> bool:
    """Return whether we may listen there."""
    with socket.socket() as probe:
        return not port or probe.connect_ex(("127.0.0.1", port)) != 0


def checked(port: int) -> int:
    """Return the port. Raises ConfigError where somebody listens already."""
    if not is_free(port):
        raise ConfigError(f"port {port} is taken: choose another with --port N, or a free one with --port 0")
    return port
