"""A Help Scout account that only `responses` knows, for the tests of the connector's quirks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import requests
import responses

from connectors.helpscout.settings import Settings
from connectors.helpscout.vendor import VENDOR
from core.ports import Token
from tests.connectors.conftest import Tokens

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BASE = "https://api.helpscout.net"
API = f"{BASE}/v2"
SECRET = "helpscout-webhook-secret"
ME = {"id": 77, "firstName": "Back", "lastName": "Stop", "email": "bot@acme.example", "role": "user"}
ANN = {"id": 88, "type": "user", "first": "Ann", "last": "Lee", "email": "ann@acme.example"}
BOT = {"id": 77, "type": "user", "first": "Back", "last": "Stop", "email": "bot@acme.example"}
CLEVER = {"id": 99, "type": "user", "first": "Clever", "last": "AI", "email": "ai@acme.example"}
SYSTEM = {"id": 1, "type": "user", "first": "Help", "last": "Scout", "email": "none@nowhere.com"}
MIA = {"id": 9, "type": "customer", "first": "Mia", "last": "Berg", "email": "mia@example.com"}
JON = {"id": 10, "type": "customer", "first": "Jon", "last": "", "email": "jon@example.com"}
TEAM = {"id": 30, "type": "team", "first": "Billing", "last": "", "email": ""}
CONVERSATION = {
    "id": 5,
    "number": 12,
    "threads": 1,
    "type": "email",
    "status": "active",
    "state": "published",
    "subject": "Charge",
    "mailboxId": 40,
    "createdBy": MIA,
    "createdAt": "2026-11-24T10:00:00Z",
    "userUpdatedAt": "2026-11-24T10:00:00Z",
    "customerWaitingSince": {"time": "2026-11-24T10:00:00Z", "friendly": "2 hours ago"},
    "source": {"type": "email", "via": "customer"},
    "tags": [{"id": 1, "color": "#929499", "tag": "vip"}],
    "primaryCustomer": MIA,
    "customFields": [],
    "_links": {"web": {"href": "https://secure.helpscout.net/conversation/5/12/"}},
}

FIELDS = [
    {"id": 60, "name": "AI intent", "type": "dropdown", "options": [{"id": 601, "label": "billing"}]},
    {"id": 61, "name": "AI confidence", "type": "single_line"},
]


def said(number: int, body: str, by: dict = MIA, kind: str = "", **more: object) -> dict[str, object]:
    """A thread, by default one of the customer's."""
    at = (NOW - timedelta(minutes=120 - number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    kind = kind or ("customer" if by["type"] == "customer" else "message")
    base = {
        "id": number,
        "type": kind,
        "status": "active",
        "state": "published",
        "body": body,
        "createdBy": by,
        "customer": by if by["type"] == "customer" else MIA,
        "createdAt": at,
        "source": {"type": "email" if by["type"] == "customer" else "web", "via": by["type"]},
    }
    return {**base, **more}


FIRST = said(0, "There is a charge")


def desk(tokens: Tokens | None = None, clock=lambda: NOW, **settings: object):
    """A connector for an account that only `responses` knows."""
    table = {
        "vendor": "helpscout",
        "client_id": "app",
        "client_secret": "shh",
        "webhook_secret": SECRET,
        **settings,
    }
    if tokens is None:
        tokens = Tokens()
        tokens.kept["support"] = Token("t", NOW + timedelta(days=9))
    return VENDOR.make("support", Settings(**table), tokens=tokens, clock=clock, on_call=lambda *_: None)


def listed(name: str, rows: list[dict]) -> dict[str, object]:
    page = {"size": 25, "totalElements": len(rows), "totalPages": 1, "number": 1}
    return {"page": page} | ({"_embedded": {name: rows}} if rows else {})


@contextmanager
def account() -> Iterator[responses.RequestsMock]:
    """An account with a bot, an agent, two teams and two inboxes."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{API}/users/me", json=ME)
        mock.get(f"{API}/users", json=listed("users", [ME, {"id": 88, "email": "ann@acme.example"}]))
        mock.get(
            f"{API}/teams", json=listed("teams", [{"id": 30, "name": "Billing"}, {"id": 31, "name": "Care"}])
        )
        mock.get(
            f"{API}/mailboxes",
            json=listed("mailboxes", [{"id": 40, "name": "Support"}, {"id": 41, "name": "Shop"}]),
        )
        yield mock


def show(web: responses.RequestsMock, found: list[dict] | None = None, /, **conversation: object) -> None:
    found = [FIRST] if found is None else found
    shown = {**CONVERSATION, "threads": len(found), **conversation, "_embedded": {"threads": found[::-1]}}
    web.get(f"{API}/conversations/5", json=shown)


def last_write(web: responses.RequestsMock) -> requests.PreparedRequest:
    return [call.request for call in web.calls if call.request.method != "GET"][-1]


def last_json(web: responses.RequestsMock) -> dict[str, object]:
    return json.loads(last_write(web).body)


def writing(web: responses.RequestsMock) -> None:
    """Every write is taken."""
    for path in ("reply", "notes"):
        web.post(f"{API}/conversations/5/{path}", status=201, headers={"Resource-ID": "900"})
    for path in ("tags", "fields"):
        web.put(f"{API}/conversations/5/{path}", status=204)
    web.patch(f"{API}/conversations/5", status=204)


def send_all(web: responses.RequestsMock, ours, *actions: object, ticket=None) -> list[tuple[str, dict]]:
    """All writes of the actions as (path, body)."""
    ticket = ticket or ours.fetch("5")
    sent = []
    for write in ours.writes(ticket, actions, "k"):
        ours.send(ticket, write)
        request = last_write(web)
        sent.append(
            (f"{request.method} {request.path_url.removeprefix('/v2/conversations/5')}", last_json(web))
        )
    return sent
