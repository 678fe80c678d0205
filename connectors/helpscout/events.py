"""Webhooks: whose they are and what they report.

A delivery has no id, so two are distinguished by their content: the same bytes are the same delivery sent again,
unless they say so little that two different replies would look alike.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connectors.helpscout.reading import threads_of
from connectors.helpscout.threads import from_customer, in_order, is_said, unsent
from connectors.kit.decoding import decoded
from connectors.kit.signing import check_signature, hmac_base64
from connectors.kit.values import Row, row, rows, text
from core.errors import BadPayload
from core.model import EventKind, TicketEvent, WebhookRequest, created_key, look_key, reply_key

SIGNATURE, EVENT = "x-helpscout-signature", "x-helpscout-event"
EVENTS = {
    "convo.created": EventKind.CREATED,
    "convo.customer.reply.created": EventKind.REPLY,
    "convo.agent.reply.created": EventKind.CLAIM,
    "convo.assigned": EventKind.CLAIM,
    "convo.merged": EventKind.LOOK,  # names the survivor, which now holds the other one's messages
    "convo.deleted": EventKind.GONE,
}
# of convo.status; active and pending say nothing new
STATUSES = {"spam": EventKind.GONE, "closed": EventKind.CLAIM}

_LINK = re.compile(rb"\\?/conversations?\\?/(\d{1,20})(?!\d)")
_NAMED = re.compile(rb"\"conversation_?id\"\s*:\s*\"?(\d{1,20})(?!\d)", re.IGNORECASE)
_FIRST = re.compile(rb"^[^\w]{0,40}id\"?\s*:\s*\"?(\d{1,20})(?!\d)")  # a conversation begins with its own id


def verify(secrets: Iterable[str], request: WebhookRequest) -> None:
    """base64(HMAC-SHA1(raw body)): parsed and written again, the body would never fit (slashes come escaped)."""
    check_signature(secrets, request.body, request.headers.get(SIGNATURE), algorithm="sha1")


def parse(desk: str, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
    """Return the event in a genuine request; a damaged body still yields a LOOK at the conversation it names."""
    name = request.headers.get(EVENT, "").strip().lower()
    body = _body(request.body)
    kind = _kind(name, body)
    if kind is None:
        return ()
    ticket_id = _id_in(body) if body else ""
    if not ticket_id:
        ticket_id, kind = _from_raw(request.body), EventKind.LOOK
    kind, key = _key(desk, ticket_id, kind, body, _nonce(name, request.body, body, now))
    return (TicketEvent(desk, key, kind, ticket_id, now),)


def _body(raw: bytes) -> Row:
    """Return the body as an object; empty when it is none any more."""
    try:
        return row(decoded(raw))
    except ValueError:
        return {}


def _kind(name: str, body: Row) -> EventKind | None:
    """Return the event's kind; None for one that we do not use, LOOK where a proxy removed the header."""
    if not name:
        return EventKind.LOOK
    if name == "convo.status":
        return STATUSES.get(text(body.get("status")).lower()) if body else EventKind.LOOK
    if name == "convo.assigned" and text(row(body.get("assignee")).get("type")).lower() == "team":
        return None  # a team's hand is no claim, and mostly we put it there ourselves
    return EVENTS.get(name)


def _key(desk: str, ticket_id: str, kind: EventKind, body: Row, nonce: str) -> tuple[EventKind, str]:
    match kind:
        case EventKind.CREATED:
            return kind, created_key(desk, ticket_id)
        case EventKind.CLAIM | EventKind.GONE:
            return kind, f"{desk}:{ticket_id}:{kind.value}:{nonce}"
        case EventKind.REPLY if newest := _newest_reply(body):
            return kind, reply_key(desk, ticket_id, newest)
        case _:
            return EventKind.LOOK, look_key(desk, ticket_id, nonce)


def _newest_reply(body: Row) -> str:
    """Return the reply's id, where all threads came along: with some of them missing, the newest one shown may be an
    old one."""
    threads = [one for one in in_order(threads_of(body)) if is_said(one) and not unsent(one)]
    counted = body.get("threads")
    if not isinstance(counted, int) or len(threads) < max(counted, 2):
        return ""
    said = [text(one.get("id")) for one in threads[1:] if from_customer(one)]
    return said[-1] if said and said[-1].isdigit() else ""


def _nonce(name: str, raw: bytes, body: Row, now: datetime) -> str:
    """A repeated delivery has the same key; with nothing in it that changes from reply to reply, the time is mixed in."""
    telling = (
        isinstance(body.get("threads"), int) or bool(rows(body.get("threads"))) or bool(threads_of(body))
    )
    salt = b"" if telling else now.isoformat().encode()
    return hashlib.sha256(b"\0".join((name.encode("utf-8", "replace"), raw, salt))).hexdigest()[:16]


def _id_in(body: Mapping[str, Any]) -> str:
    """Return the conversation's id: a number or a string, at the top or one level down."""
    inner = row(body.get("conversation"))
    given = (inner.get("id"), body.get("conversationId"), body.get("id"))
    return next((found for one in given if (found := _id(one))), "")


def _id(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    said = str(value).strip() if isinstance(value, int | str) else ""
    return said.lstrip("0") if said.isascii() and said.isdigit() and len(said) <= 20 else ""


def _from_raw(body: bytes) -> str:
    """Return the id out of a body that nobody can parse any more, or of one that holds only a link."""
    for pattern in (_FIRST, _NAMED, _LINK):
        match = pattern.search(body)
        if match and (found := _id(match[1].decode())):
            return found
    raise BadPayload("there is no conversation id in the webhook's body: was the payload version V2?")


def probe(secret: str, _now: datetime) -> WebhookRequest:
    """Return a genuine request about no conversation, to try a receiver with: it is answered with 200."""
    body = b"{}"
    signature = hmac_base64(secret, body, "sha1")
    return WebhookRequest(
        {SIGNATURE: signature, EVENT: "backstop.probe", "content-type": "application/json"}, body
    )
