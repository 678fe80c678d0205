"""An account of Zendesk's as its answers are recorded, for the tests of its quirks."""

from __future__ import annotations

import json
from datetime import timedelta

from connectors.zendesk.settings import Settings
from connectors.zendesk.vendor import VENDOR
from tests.connectors.conftest import NOON, Tokens

BASE = "https://acme.zendesk.com"
API = f"{BASE}/api/v2"
VECTOR = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
ME = {
    "id": 77,
    "name": "Bot",
    "email": "bot@acme.example",
    "role": "admin",
    "default_group_id": 1,
    "active": True,
}
MIA = {"id": 9, "name": "Mia", "email": "mia@example.com", "role": "end-user", "locale": "de"}
ANN = {"id": 88, "name": "Ann", "email": "ann@acme.example", "role": "agent"}
TICKET = {
    "id": 5,
    "subject": "Charge",
    "raw_subject": "Charge",
    "description": "There is a charge",
    "status": "new",
    "priority": None,
    "requester_id": 9,
    "submitter_id": 9,
    "assignee_id": None,
    "group_id": None,
    "tags": ["vip"],
    "custom_fields": [{"id": 31, "value": "red"}],
    "via": {"channel": "email", "source": {"from": {}, "to": {}, "rel": None}},
    "created_at": "2026-11-24T10:00:00Z",
    "updated_at": "2026-11-24T10:00:00Z",
    "from_messaging_channel": False,
    "comment_count": 1,
}


def said(number: int, author: int = 9, text: str = "There is a charge", **more: object) -> dict[str, object]:
    """A comment, by default one of the customer's; the first one is as old as the ticket."""
    at = (NOON - timedelta(minutes=121 - number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": number,
        "type": "Comment",
        "author_id": author,
        "body": text,
        "plain_body": text,
        "public": True,
        "html_body": f"<p>{text}</p>",
        "created_at": at,
        "via": {"channel": "email"},
        "metadata": {},
        **more,
    }


def desk(tokens: Tokens | None = None, **settings: object):
    table = {
        "vendor": "zendesk",
        "base_url": BASE,
        "client_id": "c",
        "client_secret": "s",
        "webhook_secret": VECTOR,
    }
    return VENDOR.make(
        "support",
        Settings(**{**table, **settings}),
        tokens=tokens or Tokens(),
        clock=lambda: NOON,
        on_call=lambda *_: None,
    )


def shows(mock, comments=(), users=(MIA, ANN, ME), **ticket):
    """The ticket as the account shows it; several comments are in a list of their own."""
    listed = list(comments) or [said(1)]
    raw = {**TICKET, "comment_count": len(listed), **ticket}
    audit = {
        "id": 3,
        "ticket_id": 5,
        "author_id": listed[0]["author_id"],
        "created_at": listed[0]["created_at"],
        "metadata": listed[0]["metadata"],
        "via": listed[0]["via"],
        "events": [{k: v for k, v in listed[0].items() if k not in {"created_at", "via", "metadata"}}],
    }
    mock.get(f"{API}/tickets/5.json", json={"ticket": raw, "users": list(users), "last_audits": [audit]})
    page = {"comments": listed[::-1], "users": list(users), "meta": {"has_more": False}}
    mock.get(f"{API}/tickets/5/comments.json", json=page)


def put(mock, status=200, body=None):
    """What an update is answered with."""
    answer = {
        "ticket": {**TICKET, "updated_at": "2026-11-24T12:00:01Z"},
        "audit": {"id": 4, "events": [said(50)]},
    }
    mock.put(f"{API}/tickets/5.json", status=status, json=answer if body is None else body)


def sent(mock, n=-1):
    """The `ticket` object of the n-th update."""
    bodies = [json.loads(c.request.body)["ticket"] for c in mock.calls if c.request.method == "PUT"]
    return bodies[n]


def invalid(words, key="base"):
    return {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {key: [{"description": words, "error": None}]},
    }
