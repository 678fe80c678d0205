"""A help desk of each vendor over real HTTP: the sandbox's tickets, the vendor's fake, our connector."""

from __future__ import annotations

import importlib
import json
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import responses

from connectors import DESKS, FOLDERS, vendor_of
from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.server import FaultyApp, serving
from core.model import Ticket, WebhookRequest
from core.ports import Token

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
VENDORS = list(DESKS)
CASES = sorted(
    (path.parent.name, path.name.removesuffix(".body.json")) for path in FIXTURES.glob("*/*.body.json")
)


class Tokens:
    """A token store in memory; `minted` counts what was saved."""

    def __init__(self) -> None:
        self.kept: dict[str, Token] = {}
        self.minted = 0
        self._lock = threading.Lock()

    def load(self, desk: str) -> Token | None:
        return self.kept.get(desk)

    def save(self, desk: str, token: Token) -> None:
        self.kept[desk] = token
        self.minted += 1

    @contextmanager
    def lock(self, desk: str):
        with self._lock:
            yield


@dataclass
class World:
    """One account of a vendor's, the connector for it, and the clock of both."""

    vendor: str
    now: datetime = NOON
    tokens: Tokens = field(default_factory=Tokens)
    calls: list[tuple[str, str]] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)
    desk: SandboxDesk = field(init=False)
    fake: Any = field(init=False)
    app: FaultyApp = field(init=False)
    ours: Any = field(init=False)
    url: str = ""

    def start(self, settings: dict[str, Any], options: dict[str, Any]) -> World:
        self.desk = SandboxDesk(lambda: self.now)
        self.billing = self.desk.add_queue("Billing")
        self.ann = self.desk.add_person("Ann", "ann@desk.example", "agent")
        fakes = importlib.import_module(f"{FOLDERS[self.vendor]}.fake")
        self.fake = fakes.make_fake(self.desk, **options)
        self.app = FaultyApp(self.fake.app)
        self.url = self.stack.enter_context(serving(self.app))
        self.ours = self.connect(**settings)
        return self

    def connect(self, **settings: Any) -> Any:
        """Another process's connector for the same account."""
        vendor = vendor_of(self.vendor)
        table = {**self.fake.settings(self.url), **settings}
        return vendor.make(
            "support",
            vendor.settings(**table),
            tokens=self.tokens,
            clock=lambda: self.now,
            on_call=lambda operation, outcome: self.calls.append((operation, outcome)),
        )

    def later(self, **delta: float) -> datetime:
        """Move the clock of both."""
        self.now += timedelta(**delta)
        return self.now

    def do(self, ticket: Ticket, *actions: Any, key: str = "k") -> list[Any]:
        """All the writes that the actions need, chained as the workflow does."""
        from dataclasses import replace

        receipts = []
        for write in self.ours.writes(ticket, actions, key):
            receipts.append(self.ours.send(ticket, write))
            ticket = replace(ticket, version=receipts[-1].version or ticket.version)
        return receipts

    def customer(self, body: str, **more: Any) -> str:
        """A customer writes; return the ticket's id."""
        return str(self.desk.customer_writes(body, **more).id)

    def changes(self, cursor: str, start: datetime) -> tuple[list[Any], str]:
        """All pages since the cursor."""
        found: list[Any] = []
        for _ in range(50):
            page = self.ours.changed_since(cursor, start, self.now)
            found += page.changed_tickets
            cursor = page.cursor
            if not page.more:
                return found, cursor
        raise AssertionError("the list of changes does not end")


@pytest.fixture
def world():
    """Makes worlds: `world("zendesk", {settings…}, option=…)`."""
    made: list[World] = []

    def start(vendor: str, settings: dict[str, Any] | None = None, **options: Any) -> World:
        made.append(World(vendor).start(settings or {}, options))
        return made[-1]

    yield start
    for one in made:
        one.stack.close()


@pytest.fixture
def zendesk():
    """A Zendesk account with scripted answers; the token, our user and a group are there already."""
    from tests.connectors.zendesk_account import API, BASE, ME

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        token = {"access_token": "t", "token_type": "bearer", "scope": "read write", "expires_in": 1800}
        mock.post(f"{BASE}/oauth/tokens", json=token)
        mock.get(f"{API}/users/me.json", json={"user": ME})
        mock.get(
            f"{API}/groups.json", json={"groups": [{"id": 1, "name": "Support"}], "meta": {"has_more": False}}
        )
        mock.get(f"{API}/users/77/group_memberships.json", json={"group_memberships": [{"group_id": 1}]})
        mock.get(f"{API}/triggers", json={"triggers": [], "meta": {"has_more": False}})
        yield mock


@pytest.fixture
def heard():
    """A receiver that keeps what it is sent: its URL and the list."""
    got: list[WebhookRequest] = []

    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        headers |= {"content-type": environ.get("CONTENT_TYPE", "")}
        got.append(WebhookRequest(headers, body))
        start_response("202 Accepted", [])
        return [b""]

    with serving(app) as url:
        yield f"{url}/hooks/support", got


def recorded(vendor: str, case: str) -> tuple[WebhookRequest, Any]:
    """A fixture: the request, and the events that it becomes (or the error)."""
    base = FIXTURES / vendor
    body = (base / f"{case}.body.json").read_bytes()
    headers = json.loads((base / f"{case}.headers.json").read_text())
    wanted = json.loads((base / f"{case}.events.json").read_text())
    return WebhookRequest({name.lower(): value for name, value in headers.items()}, body), wanted


@pytest.fixture
def fixture_of():
    """Reads a fixture."""
    return recorded


def pytest_generate_tests(metafunc):
    """`vendor` runs over the help desks, `recorded_case` over the fixtures of those that are built."""
    if "recorded_case" in metafunc.fixturenames:
        built = [c for c in CASES if (ROOT / "connectors" / c[0] / "connector.py").exists()]
        metafunc.parametrize("recorded_case", built, ids=[f"{v}-{c}" for v, c in built])
    own = [
        name
        for mark in metafunc.definition.iter_markers("parametrize")
        for name in str(mark.args[0]).split(",")
    ]
    if "vendor" in metafunc.fixturenames and "vendor" not in own:
        metafunc.parametrize("vendor", VENDORS)
