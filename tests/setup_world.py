"""A first user at a desk with history: the set-up's pages over a vendor's fake, without a browser."""

from __future__ import annotations

import html
import importlib
import re
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import webhook_app
from connectors.sandbox.desk import Case, SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from core import queue, settings, wiring
from core.admin.setup.context import Setup
from core.admin.setup.kept import Kept
from core.admin.setup.pages import create_app
from core.admin.setup.pages.guard import Guard
from core.app import App
from core.commands.setup import kit
from core.ledger.schema import events
from core.pipeline.handle import handle

PAST = (  # what a customer wrote, and the queue in which people left it
    *[(f"Where is my order 47{n}? It has not arrived yet.", "Orders") for n in range(11, 17)],
    *[
        (f"There is a charge of {n} euros on my card that I did not make. I dispute it.", "Billing")
        for n in range(4)
    ],
    ("Wo bleibt meine Bestellung 4711? Sie ist noch nicht angekommen.", "Orders"),
    ("Je n'arrive pas à me connecter, mon mot de passe est refusé.", "Support"),
    ("¿Dónde está mi pedido 4712? Todavía no ha llegado.", "Orders"),
    ("Dov'è il mio ordine 4713? Non è ancora arrivato.", "Orders"),
    ("purple seventeen umbrella the quick moon", "Support"),
)
DISPUTE = "There is a charge of 89 euros on my card that I did not make. I dispute it."
SECRET = {"zendesk": "client_secret", "freshdesk": "api_key", "helpscout": "client_secret"}
FIELD = re.compile(r'<(?:input|button)[^>]*>|<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', re.S)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Newcomer:
    """A desk with a past, and a person who sets Backstop up for it."""

    def __init__(self, vendor: str, home: Path, stack: ExitStack, **options: Any) -> None:
        self.vendor, self.home = vendor, home
        self.desk = SandboxDesk()
        self.queues = {name: self.desk.add_queue(name) for name in ("Support", "Orders", "Billing")}
        self.ann = self.desk.add_person("Ann Agent", "ann@desk.example", "agent")
        self.fake = importlib.import_module(f"connectors.{vendor}.fake").make_fake(self.desk, **options)
        self.api = FaultyApp(self.fake.app)
        self.url = stack.enter_context(serving(self.api))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.public = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.file = home / "backstop.toml"
        self.start()

    def start(self) -> None:
        """`backstop setup`, by the same parts as the command."""
        self.setup = Setup(kit(), self.file, Kept(self.file), address="http://localhost:8765")
        self.guard = Guard()
        self.app = create_app(self.setup, self.guard)
        self.client = self.app.test_client()

    def lives(self, past: Any = PAST) -> None:
        """Tickets that people handled before Backstop was connected."""
        begun = datetime.now(UTC) - timedelta(days=1)
        for number, (words, name) in enumerate(past):
            self.desk.clock = lambda at=begun + timedelta(minutes=7 * number): at  # type: ignore[misc]
            who = {"email": f"customer{number}@example.com", "name": "Carla"}
            case = self.desk.customer_writes(words, subject=f"Question {number}", **who)
            self.desk.agent_sets(case.id, self.ann.id, queue_id=self.queues[name].id)
            self.desk.agent_says(case.id, self.ann.id, "Hello, this is Ann.")
        self.desk.clock = lambda: datetime.now(UTC)

    def first_ticket(self, stack: ExitStack) -> tuple[App, Case]:
        """`backstop serve` on what the set-up wrote, while `stack` lasts, and a customer who disputes a charge."""
        queue.close()
        app = wiring.build(settings.load(self.file))
        stack.enter_context(serving(webhook_app.create_app(app), int(self.public.rpartition(":")[2])))
        if self.vendor == "freshdesk":  # its rules are clicked by hand, as the last page says
            self.fake.subscribe(f"{self.public}/hooks/support")
            self.fake.state.secret = app.desk_settings["support"].secrets()[0]
        case = self.desk.customer_writes(DISPUTE, subject="A charge", email="carla@example.com", name="Carla")
        with app.engine.begin() as conn:
            keys = [row.key for row in conn.execute(events.select()) if row.state == "received"]
        assert [handle(app, key) for key in keys] == ["settled"]
        return app, case

    def enters(self) -> Any:
        """The one-time link."""
        return self.client.get(f"/enter?key={self.guard.key}")

    def page(self, name: str) -> str:
        found = self.client.get(f"/setup/{name}")
        assert found.status_code == 200, (
            name,
            found.status_code,
            found.headers.get("Location"),
            found.text[-800:],
        )
        return found.text

    def answers(self, name: str, **given: Any) -> Any:
        """The step's form as it stands, with what is typed or picked; return the answer."""
        form = {**prefilled(self.page(name)), **given}
        return self.client.post(f"/setup/{name}", data={k: v for k, v in form.items() if v is not None})

    def credentials(self) -> dict[str, str]:
        own = self.fake.settings(self.url)
        asked = self.setup.kit.settings(self.vendor).ASKED
        return {"base_url": self.url, **{key: own[key] for key in asked}}

    def waits(self, job: str) -> None:
        """Until a job of the set-up has ended."""
        end = time.monotonic() + 240
        while job in self.setup.jobs and self.setup.jobs[job].running:
            assert time.monotonic() < end
            time.sleep(0.02)

    def goes_to(self, last: str, **given: dict[str, Any]) -> None:
        """The quickest way up to a step, with every choice as it is proposed."""
        self.enters()
        begin = {"desk": {"vendor": self.vendor, "public_url": self.public}, "connect": self.credentials()}
        hours = {"hours": {"timezone": "Europe/Berlin"}}
        start = {"start": {"login": "ada", "password": "correct horse battery"}}
        for name in (
            "desk",
            "connect",
            "part",
            "tickets",
            "intents",
            "people",
            "hours",
            "backtest",
            "review",
            "start",
        ):
            if name == last:
                return
            found = self.answers(name, **{**begin, **hours, **start}.get(name, {}) | given.get(name, {}))
            assert found.status_code in (200, 303), (
                name,
                found.status_code,
                re.findall(r'role="alert">(.*?)</div>', found.text, re.S),
            )
            if name in ("part", "hours"):
                self.waits({"part": "read", "hours": "backtest"}[name])


def prefilled(page: str) -> dict[str, Any]:
    """What a browser would send of an unchanged form."""
    body = page.partition("<form")[2]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input\b[^>]*>", body):
        name, value = _attribute(tag, "name"), _attribute(tag, "value")
        kind = _attribute(tag, "type") or "text"
        if kind not in {"checkbox", "radio"} or " checked" in tag:
            found[name] = value
    for name, options in re.findall(r'<select[^>]*\bname="([^"]+)"[^>]*>(.*?)</select>', body, re.S):
        chosen = re.search(r"<option([^>]*) selected[^>]*>([^<]*)", options) or re.search(
            r"<option([^>]*)>([^<]*)", options
        )
        assert chosen
        explicit = re.search(r'value="([^"]*)"', chosen[0])
        found[name] = html.unescape(explicit[1] if explicit else chosen[2])
    return found


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""
