"""Webhooks: whose they are and what they report.

Freshdesk signs nothing and numbers no delivery, so a request proves itself by a secret header, and nothing but
the ticket's id is believed. A reply's id is never sent: such a report is a LOOK, and the ticket is read.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from connectors.kit.decoding import decoded, form_of
from connectors.kit.signing import check_token
from core.errors import BadPayload
from core.model import EventKind, TicketEvent, WebhookRequest, created_key, look_key

HEADER = "x-backstop-token"

# The advanced layout: our own JSON, so the word is ours (see provision.py) or an admin's who wrote it by hand.
EVENTS = {
    "created": EventKind.CREATED,
    "create": EventKind.CREATED,
    "new": EventKind.CREATED,
    "reply": EventKind.LOOK,
    "replied": EventKind.LOOK,
    "note": EventKind.LOOK,
    "updated": EventKind.LOOK,
    "update": EventKind.LOOK,
    "reopened": EventKind.LOOK,
    "assigned": EventKind.CLAIM,
    "claim": EventKind.CLAIM,
    "agent_reply": EventKind.CLAIM,
    "deleted": EventKind.GONE,
    "merged": EventKind.GONE,
    "spam": EventKind.GONE,
}
# The simple layout: `triggered_event` as Freshdesk writes it, which is no JSON and holds only the first match.
TRIGGERED = {
    ("ticket_action", "created"): EventKind.CREATED,
    ("ticket_action", "deleted"): EventKind.GONE,
    ("ticket_action", "marked_as_spam"): EventKind.GONE,
    ("ticket_action", "spam"): EventKind.GONE,
    ("ticket_action", "update"): EventKind.LOOK,
    ("reply_sent", ""): EventKind.LOOK,
    ("note_type", ""): EventKind.LOOK,
    ("status", ""): EventKind.LOOK,  # may hide the reply that reopened the ticket
    ("responder_id", ""): EventKind.CLAIM,
    ("agent", ""): EventKind.CLAIM,
}
_IDS = ("ticket_id", "id", "display_id")
_RAW_ID = re.compile(
    rb"""ticket[ _-]?id(?: type="\w+")?['"\]\s]{0,6}(?:[:=>]|&gt;)\s{0,4}['"]?\s{0,4}#?(\d{1,20})(?!\d)""",
    re.I,
)
_RAW_URL = re.compile(rb"/(?:a|helpdesk|support)/tickets/(\d{1,20})(?!\d)", re.I)
_TRIGGERED = re.compile(r"^[{\s\"']*([a-z_]+)[\s\"']*:\s*[\"']?([a-z_]*)", re.I)


def verify(tokens: Iterable[str], request: WebhookRequest) -> None:
    """Raise BadSignature unless the secret header, or HTTP Basic's password, is one of the secrets."""
    check_token(tokens, request.headers, HEADER)


def parse(desk: str, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
    """Return the event in a genuine request; a damaged body still yields a LOOK at the ticket it names."""
    fields = _fields(request)
    kind = _kind(fields) if fields else EventKind.LOOK
    if kind is None:
        return ()
    ticket_id = next((found for name in _IDS if (found := _id(fields.get(name)))), "")
    if not ticket_id:
        ticket_id, kind = _from_raw(request.body), EventKind.LOOK
    return (TicketEvent(desk, _key(desk, ticket_id, kind), kind, ticket_id, now),)


def _key(desk: str, ticket_id: str, kind: EventKind) -> str:
    """Return a random nonce: two replies make two equal bodies, and a repeated look costs only a read."""
    nonce = secrets.token_hex(8)
    match kind:
        case EventKind.CREATED:
            return created_key(desk, ticket_id)
        case EventKind.CLAIM | EventKind.GONE:
            return f"{desk}:{ticket_id}:{kind.value}:{nonce}"
        case _:
            return look_key(desk, ticket_id, nonce)


def _fields(request: WebhookRequest) -> Mapping[str, Any]:
    """Return the body's names and values, whichever of JSON and form it is; empty when it is neither."""
    try:
        body = decoded(request.body)
    except ValueError:
        return _form(request.body)
    if isinstance(body, dict):
        inner = body.get("freshdesk_webhook")
        return inner if isinstance(inner, dict) else body
    return {}


def _form(body: bytes) -> dict[str, str]:
    """`freshdesk_webhook[ticket_id]=4&…` or plain names; the plain word counts, not its wrapping."""
    try:
        pairs = form_of(body)
    except ValueError:
        return {}
    return {re.sub(r"^freshdesk_webhook\[(\w+)\]$", r"\1", name): value for name, value in pairs}


def _kind(fields: Mapping[str, Any]) -> EventKind | None:
    """Return the event's kind; None for one that we do not use, LOOK where the request does not say what happened."""
    event = fields.get("event")
    if isinstance(event, str) and event.strip():
        return EVENTS.get(event.strip().lower())
    triggered = fields.get("triggered_event")
    match = _TRIGGERED.match(triggered.strip()) if isinstance(triggered, str) else None
    if not match:
        return EventKind.LOOK
    name, value = match[1].lower(), match[2].lower()
    return TRIGGERED.get((name, value)) or TRIGGERED.get((name, ""))


def _id(value: Any) -> str:
    """Return a ticket's id, from a number or a string ("4711", " #4711 "); "" for anything else."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip().removeprefix("#") if isinstance(value, int | str) else ""
    return text.lstrip("0") if text.isascii() and text.isdigit() and len(text) <= 20 else ""


def _from_raw(body: bytes) -> str:
    """Return the id out of a body that nobody can parse any more: broken quoting, XML, half a request."""
    for text in (body, unquote_to_bytes(body)):
        for pattern in (_RAW_ID, _RAW_URL):
            match = pattern.search(text)
            if match and (found := _id(match[1].decode())):
                return found
    raise BadPayload(
        "there is no ticket id in the webhook's body: the rule's content must hold {{ticket.id}}"
    )


def probe(secret: str, _now: datetime) -> WebhookRequest:
    """Return a genuine request about no ticket, to try a receiver with: it is answered with 200."""
    return WebhookRequest(
        {HEADER: secret, "content-type": "application/json"}, b'{"event": "backstop_probe"}'
    )
