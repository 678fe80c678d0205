"""A webhook of Zendesk's → what it says about which ticket.

Two kinds reach us: event subscriptions (a fixed envelope; ids are strings, enums in capitals) and trigger bodies (the
template that `install` makes, or an admin's own). The envelope proves the event only as far as its ids go; all else is
fetched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.kit.decoding import decoded
from connectors.kit.signing import check_fresh, check_signature, hmac_base64, raw_bytes
from connectors.kit.values import Row, row, stamp
from connectors.zendesk.api import text
from core.errors import BadPayload
from core.model import EventKind, TicketEvent, WebhookRequest, created_key, look_key, reply_key

WINDOW = timedelta(minutes=10)  # the stamp is set anew for each attempt
SIGNATURE, STAMP = "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"
INVOCATION = "x-zendesk-webhook-invocation-id"  # the same for all attempts of one delivery
TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105  # public: signs tests of hooks not yet saved
TYPES = ("zen:event-type:ticket.", "zen:event-type:messaging_ticket.")
AT_ONCE = timedelta(seconds=60)  # the first comment's event carries the ticket's own age
# Where a damaged body still names the ticket. Repeats are bounded: a sender who knows the secret may send any body.
_GAP = rb"\s{0,20}"
_DIGITS = rb'["\']?' + _GAP + rb"[:=]" + _GAP + rb'["\']?(\d{1,18})(?!\d)'
_TRACES = tuple(
    map(
        re.compile,
        (
            rb"zen:ticket:(\d{1,18})(?!\d)",
            rb'["\']?\bticket_?id' + _DIGITS,
            rb"/tickets/(\d{1,18})(?!\d)",
            rb'["\']?\bticket["\']?' + _GAP + rb"[:=]" + _GAP + rb"\{" + _GAP + rb'["\']?id' + _DIGITS,
        ),
    )
)
_XML = re.compile(rb"<ticket[-_]?id[^<>]{0,200}>" + _GAP + rb"(\d{1,18})" + _GAP + rb"<")
_DETAIL = re.compile(rb'"detail"' + _GAP + rb":" + _GAP + rb"\{")
_INNER = re.compile(rb"\{[^{}]*\}")  # an object within the detail has an id of its own
_OWN_ID = re.compile(rb'"id' + _DIGITS)
DETAIL = 20_000  # bytes of a detail in which its id is looked for


def verify(secrets: Sequence[str], request: WebhookRequest, now: datetime) -> None:
    """base64(HMAC-SHA256(secret, timestamp + raw body)), and a timestamp of within ten minutes."""
    given = request.headers.get(STAMP, "")
    payload = raw_bytes(given) + request.body
    check_signature(secrets, payload, request.headers.get(SIGNATURE))
    check_fresh(given, now, WINDOW)


def parse(desk: str, me: str, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
    """Return the events in a genuine request. `me` is our own user's id, "" while it is not known."""
    told = _json(request.body)
    kind = told.get("type")
    if isinstance(kind, str) and kind.startswith("zen:event-type:") and not kind.startswith(TYPES):
        return ()
    maker = _Maker(desk, request, now, _ticket_id(told, request.body))
    if isinstance(kind, str) and kind.startswith(TYPES):
        return _envelope(maker, told, kind.rpartition(".")[2], me)
    return _trigger(maker, told, me)


def _json(body: bytes) -> Row:
    """Return the JSON object in the body; an empty one for anything else, whose ticket is then looked for in the
    bytes."""
    try:
        return row(decoded(body))
    except ValueError:
        return {}


def _ticket_id(told: Row, body: bytes) -> str:
    subject = told.get("subject")
    named = subject.removeprefix("zen:ticket:") if isinstance(subject, str) else ""
    ticket = told.get("ticket")
    given = (
        named,
        row(told.get("detail")).get("id"),
        told.get("ticket_id"),
        row(ticket).get("id"),
        ticket,
        told.get("id"),
    )
    found = next((plain for one in given if _is_id(plain := text(one))), "")
    found = found or _traced(body)
    if not found:
        raise BadPayload("no ticket id in the request: does the webhook's body name {{ticket.id}}?")
    return found


def _traced(body: bytes) -> str:
    """Return the ticket's id in a body that is no JSON any more; "" when nothing names one."""
    hits = (pattern.search(body) for pattern in _TRACES)
    if hit := next(filter(None, hits), None) or _in_detail(body) or _XML.search(body):
        return hit.group(1).decode()
    return ""


def _in_detail(body: bytes) -> re.Match[bytes] | None:
    """Return the id of the first `detail`, not that of an object inside of it."""
    begin = _DETAIL.search(body)
    if begin is None:
        return None
    flat = _INNER.sub(b"", body[begin.end() : begin.end() + DETAIL])
    return _OWN_ID.search(flat.partition(b"}")[0])


def _is_id(plain: str) -> bool:
    return plain.isascii() and plain.isdigit() and len(plain) <= 18


class _Maker:
    """Makes events of one request. `once` identifies a delivery, the same for all attempts of it."""

    def __init__(self, desk: str, request: WebhookRequest, now: datetime, ticket_id: str) -> None:
        self.desk, self.ticket_id, self.now = desk, ticket_id, now
        delivery = request.headers.get(INVOCATION, "")
        self.once = hashlib.sha256(request.body + raw_bytes(delivery)).hexdigest()[:16]

    def event(self, kind: EventKind, key: str, at: Any = None) -> tuple[TicketEvent, ...]:
        return (TicketEvent(self.desk, key, kind, self.ticket_id, stamp(at) or self.now),)

    def created(self, at: Any = None) -> tuple[TicketEvent, ...]:
        return self.event(EventKind.CREATED, created_key(self.desk, self.ticket_id), at)

    def reply(self, message_id: str, at: Any = None) -> tuple[TicketEvent, ...]:
        return self.event(EventKind.REPLY, reply_key(self.desk, self.ticket_id, message_id), at)

    def look(self, at: Any = None) -> tuple[TicketEvent, ...]:
        return self.event(EventKind.LOOK, look_key(self.desk, self.ticket_id, self.once), at)

    def claim(self, at: Any = None) -> tuple[TicketEvent, ...]:
        return self.event(EventKind.CLAIM, f"{self.desk}:{self.ticket_id}:claim:{self.once}", at)

    def gone(self, at: Any = None) -> tuple[TicketEvent, ...]:
        return self.event(EventKind.GONE, f"{self.desk}:{self.ticket_id}:gone:{self.once}", at)


def _envelope(make: _Maker, told: Row, kind: str, me: str) -> tuple[TicketEvent, ...]:
    """Return the events of one report; () for kinds that we do not use."""
    maker = _KINDS.get(kind)
    return maker(make, told, me) if maker else ()


def _created(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    return make.created(row(told.get("detail")).get("created_at") or told.get("time"))


def _comment(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    """Return a customer's reply, private ones of strangers too; an agent's public comment shows a claim."""
    comment = row(row(told.get("event")).get("comment"))
    author = row(comment.get("author"))
    if me and me in {text(author.get("id")), text(row(told.get("detail")).get("actor_id"))}:
        return ()
    if author.get("is_staff") is True and text(author.get("id")) != _requester(told):
        return make.claim(told.get("time")) if comment.get("is_public") is not False else ()
    if _is_first(told, comment):
        return make.created(row(told.get("detail")).get("created_at"))
    message_id = text(comment.get("id"))
    return make.reply(message_id, told.get("time")) if _is_id(message_id) else make.look(told.get("time"))


def _requester(told: Row) -> str:
    return text(row(told.get("detail")).get("requester_id")) or "nobody"


def _is_first(told: Row, comment: Row) -> bool:
    """Return whether this is the first comment of a new ticket, which is also reported as created: its text is the description."""
    detail = row(told.get("detail"))
    born = stamp(detail.get("created_at"))
    said = stamp(told.get("time")) or stamp(detail.get("updated_at"))
    if born is None or said is None or not timedelta(0) <= said - born + timedelta(seconds=2) <= AT_ONCE:
        return False
    return _words(detail.get("description")) == _words(comment.get("body"))


def _words(value: Any) -> list[str]:
    return str(value or "").split()


def _assigned(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    """Return the claim by an assignment; () for our own (to solve it) and for a release."""
    holder = text(row(told.get("event")).get("current"))
    return make.claim(told.get("time")) if holder and holder != me else ()


def _status(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    actor = text(row(told.get("detail")).get("actor_id"))
    now_is = text(row(told.get("event")).get("current")).lower()
    return make.claim(told.get("time")) if now_is in {"solved", "closed"} and not (me and actor == me) else ()


def _gone(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    return make.gone(told.get("time"))


def _back(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    """Return a LOOK at a ticket that was restored from the trash or from spam."""
    return make.look(told.get("time"))


def _chat(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    """Return a LOOK at the ticket: a message of a conversation is no comment."""
    actor = row(row(told.get("event")).get("actor"))
    return make.look(told.get("time")) if text(actor.get("type")).lower() == "end_user" else ()


_KINDS: dict[str, Callable[[_Maker, Row, str], tuple[TicketEvent, ...]]] = {
    "created": _created,
    "comment_added": _comment,
    "agent_assignment_changed": _assigned,
    "status_changed": _status,
    "merged": _gone,
    "soft_deleted": _gone,
    "permanently_deleted": _gone,
    "marked_as_spam": _gone,
    "undeleted": _back,
    "message_added": _chat,
}


def _trigger(make: _Maker, told: Row, me: str) -> tuple[TicketEvent, ...]:
    """A trigger's body. What it does not say is looked up: placeholders may render empty."""
    actor = text(told.get("actor_id") or told.get("actor"))
    if me and actor == me:
        return ()
    event, comment = text(told.get("event")).lower(), text(told.get("comment_id"))
    if event in {"created", "create", "new"}:
        return make.created()
    if event in {"reply", "comment", "updated", "change"} and _is_id(comment):
        return make.reply(comment)
    if event in {"claim", "assigned"}:
        return make.claim()
    return make.look()


def probe(secret: str, now: datetime) -> WebhookRequest:
    """Return a genuine request about no ticket, to try a receiver with: it is answered with 200."""
    body, at = b'{"type": "zen:event-type:backstop.probe"}', now.isoformat()
    signature = hmac_base64(secret, at.encode() + body)
    return WebhookRequest({SIGNATURE: signature, STAMP: at, "content-type": "application/json"}, body)
