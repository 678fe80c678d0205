"""From Freshdesk's JSON to ours: a ticket with who said what. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.kit.text import words_in
from connectors.kit.values import Row, stamp, whole
from core.model import Assignee, Author, Customer, Message, Status, Ticket, by_desk
from core.scope import Places

EMBEDDED = 10  # `include=conversations` shows the ten oldest and nothing says whether there are more
FIRST = "description"  # the first message has no id of its own
OUTBOUND = 10  # source: an agent wrote first

STATUS = {
    2: Status.OPEN,
    3: Status.PENDING,
    4: Status.SOLVED,
    5: Status.CLOSED,
    6: Status.PENDING,
    7: Status.PENDING,
}
PRIORITY = {1: "low", 2: "normal", 3: "high", 4: "urgent"}
SOURCES = {
    1: ("email", "email"),
    2: ("web", "portal"),
    3: ("phone", "phone"),
    5: ("social", "twitter"),
    6: ("social", "facebook"),
    7: ("chat", "chat"),
    8: ("chat", "mobihelp"),
    9: ("web", "feedback widget"),
    10: ("email", "outbound email"),
    11: ("other", "e-commerce"),
}
"""Freshdesk's number of a source → our channel, and the vendor's own name."""
CHANNEL = {number: channel for number, (channel, _) in SOURCES.items()}
SOURCE_NAME = {number: name for number, (_, name) in SOURCES.items()}
STRUCTURED = frozenset({7, 8})  # web chat and mobile SDK take `structured_body` instead of `body`
UNREACHABLE = frozenset({3, 5, 6, 11})
"""Sources of tickets that a reply does not lead back to: phone (3: an agent's record of a call), Twitter and Facebook (5, 6:
the reply call does not post there), shops' message centres (11)."""
SURVEY, FORWARDED = 6, 8  # sources of a conversation


@dataclass(frozen=True)
class Known:
    """What a reader must know besides the ticket itself."""

    desk: str
    base_url: str
    bot: str
    human: Mapping[str, bool]  # responder id → whether it is a person
    names: Mapping[str, Assignee]
    queue_name: str = ""
    places: Places = field(default_factory=dict)


def numbered(value: Any, table: Mapping[int, Any], default: Any) -> Any:
    """A lookup that survives null, strings and numbers that only this account knows."""
    try:
        return table.get(int(value), default)
    except (TypeError, ValueError, OverflowError):
        return default


def plain(row: Row, text: str, html: str, structured: str) -> str:
    """Return the text of a message in whichever of the three forms it comes."""
    if row.get(text):
        return str(row[text]).strip()
    said = _structured(row.get(structured))
    if said:
        return said
    return words_in(str(row.get(html) or ""))


def _structured(body: Any) -> str:
    parts = body.get("body_contents") if isinstance(body, dict) else None
    data = [part.get("data") for part in parts or () if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(str(one["content"]) for one in data if isinstance(one, dict) and one.get("content"))


def status_of(raw: Row, wrote_at: datetime | None) -> Status:
    """Return the status as the rest of the program means it.

    Closed is final elsewhere; here a closed ticket can be written and its customer may have answered without
    Freshdesk reopening it (its reopening rule can be deleted, and skips what it takes for thanks). Such a ticket
    counts as solved, so that the answer is looked at. Numbers of an account's own statuses count as open.
    """
    if raw.get("deleted"):
        return Status.DELETED
    if raw.get("spam"):
        return Status.SPAM
    status: Status = numbered(raw.get("status"), STATUS, Status.OPEN)
    if status is Status.CLOSED and wrote_at:
        stats = _stats(raw)
        shut = stamp(stats.get("closed_at")) or stamp(stats.get("status_updated_at"))
        if shut and wrote_at > shut:
            return Status.SOLVED
    return status


def _stats(raw: Row) -> Row:
    stats = raw.get("stats")
    return stats if isinstance(stats, dict) else {}


def customer_replied_at(raw: Row) -> datetime | None:
    """Return when the customer last wrote after the first message, by `include=stats`; None where that is the only one."""
    return stamp(_stats(raw).get("requester_responded_at"))


def customer_wrote_at(raw: Row) -> datetime | None:
    """Return when the customer wrote last, by `include=stats`: the reply's time, else the ticket's own."""
    if replied := customer_replied_at(raw):
        return replied
    outbound = numbered(raw.get("source"), {OUTBOUND: True}, False)
    return None if outbound else stamp(raw.get("created_at"))


def in_order(conversations: Iterable[Row]) -> list[Row]:
    """Return oldest first, each once; the order of Freshdesk's list is not promised."""
    once = {_text(row.get("id")): row for row in conversations}
    return sorted(once.values(), key=lambda row: (str(row.get("created_at")), whole(row.get("id"))))


def ticket_of(raw: Row, conversations: Sequence[Row], known: Known) -> Ticket:
    """Return the whole ticket."""
    requester = raw.get("requester") if isinstance(raw.get("requester"), dict) else {}
    customer = _customer(raw, requester or {}, conversations, known)
    messages = (
        _first(raw, customer, known),
        *(_message(row, raw, customer, known) for row in in_order(conversations)),
    )
    said = [m.at for m in messages if m.author is Author.CUSTOMER]
    source = whole(raw.get("source"))
    created = stamp(raw.get("created_at")) or messages[0].at
    status = status_of(raw, max(said, default=None))
    return Ticket(
        desk=known.desk,
        id=str(raw.get("id", "")),
        subject=str(raw.get("subject") or ""),
        messages=messages,
        customer=customer,
        status=status,
        created_at=created,
        updated_at=stamp(raw.get("updated_at")) or created,
        tags=frozenset(tags_of(raw)),
        queue=_text(raw.get("group_id")),
        queue_name=known.queue_name,
        assignee=_assignee(raw, known),
        priority=str(numbered(raw.get("priority"), PRIORITY, "")),
        version=_text(raw.get("updated_at")),
        url=f"{known.base_url}/a/tickets/{raw.get('id')}",
        channel=CHANNEL.get(source, "other"),
        opened_by=messages[0].author,
        replyable=source not in UNREACHABLE and bool(customer.email or source in STRUCTURED),
        locked="marked as spam" if status is Status.SPAM else "",
        fields={str(k): _text(v) for k, v in _dict(raw.get("custom_fields")).items()},
        waiting_since=_waiting_since(messages),
        places=known.places,
        raw={
            "tags": tags_of(raw),
            "group_id": raw.get("group_id"),
            "priority": raw.get("priority"),
            "status": raw.get("status"),
            "source": source,
            "custom_fields": _dict(raw.get("custom_fields")),
        },
    )


def place_ids(raw: Row) -> dict[str, list[object]]:
    """Return a mapping, kind of place → what a ticket says of it. A mail that no mailbox of the account's is named for goes by the
    addresses that it was sent to; a source by its number, its name and our word."""
    source, addresses = whole(raw.get("source")), raw.get("to_emails")
    sent_to: list[object] = [_address(str(one)) for one in addresses] if isinstance(addresses, list) else []
    return {
        "brands": [raw.get("product_id")],
        "mailboxes": [raw["email_config_id"]] if raw.get("email_config_id") else sent_to,
        "groups": [raw.get("group_id")],
        "channels": [source, SOURCE_NAME.get(source), CHANNEL.get(source, "other")],
    }


def tags_of(raw: Row) -> list[str]:
    """Return the tags in the desk's order."""
    tags = raw.get("tags")
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _customer(raw: Row, requester: Row, conversations: Iterable[Row], known: Known) -> Customer:
    """Return the requester; one of the company's own when an answer of the company's bears the same id."""
    one = _text(raw.get("requester_id") or requester.get("id"))
    staff = {_text(row.get("user_id")) for row in conversations if not row.get("incoming")}
    return Customer(
        id=one,
        email=_text(requester.get("email")),
        name=_text(requester.get("name")),
        is_staff=bool(one) and (one in staff or one == known.bot or one in known.names),
        locale=_text(requester.get("language")),
    )


def _assignee(raw: Row, known: Known) -> Assignee | None:
    one = _text(raw.get("responder_id"))
    if not one:
        return None
    named = known.names.get(one, Assignee(one))
    return Assignee(one, named.name, known.human.get(one, True), named.email)


def _first(raw: Row, customer: Customer, known: Known) -> Message:
    """Return the ticket's own first message: `description`, which no list of conversations repeats."""
    text = plain(raw, "description_text", "description", "structured_description")
    author = Author.CUSTOMER
    if customer.id == known.bot:
        author = Author.BOT
    elif whole(raw.get("source")) == OUTBOUND or customer.is_staff:
        author = Author.AGENT
    return Message(
        id=FIRST,
        author=author,
        at=stamp(raw.get("created_at")) or _EPOCH,
        text=text,
        html=_text(raw.get("description")),
        author_id="" if author is Author.AGENT and not customer.is_staff else customer.id,
        author_name=customer.name,
        author_email=customer.email,
        subject=_text(raw.get("subject")),
    )


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _message(row: Row, raw: Row, customer: Customer, known: Known) -> Message:
    text = plain(row, "body_text", "body", "structured_body")
    author, why = _author(row, customer, known)
    own = _text(row.get("user_id")) == customer.id
    named = known.names.get(_text(row.get("user_id")), Assignee(""))
    sender = _address(_text(row.get("from_email"))) if row.get("incoming") else ""
    return Message(
        id=_text(row.get("id")),
        author=author,
        at=stamp(row.get("created_at")) or _EPOCH,
        text=text,
        html=_text(row.get("body")),
        public=not row.get("private") and row.get("source") != FORWARDED,
        author_id=_text(row.get("user_id")),
        author_name=customer.name if own else named.name,
        author_email=sender or (customer.email if own else named.email),
        machine=by_desk(why) if author is Author.MACHINE else None,
    )


def _author(row: Row, customer: Customer, known: Known) -> tuple[Author, str]:
    """Return who wrote a conversation, and why we think that no person did."""
    user = _text(row.get("user_id"))
    if user and user == known.bot:
        return Author.BOT, ""
    if row.get("source") == SURVEY:
        return Author.MACHINE, "a satisfaction survey"
    if not row.get("incoming") or (user in known.names and user != customer.id):
        if not user:
            return Author.MACHINE, "an automation rule of the desk"
        if not known.human.get(user, True):
            return Author.MACHINE, "an AI agent of the desk"
        return Author.AGENT, ""
    return Author.CUSTOMER, ""


def _address(text: str) -> str:
    """Return the bare address of `"Name" <address>`."""
    match = re.search(r"<([^<>]+)>", text)
    return (match[1] if match else text).strip()


def _waiting_since(messages: Sequence[Message]) -> datetime | None:
    """Return the customer's oldest message since the last public answer of the company's."""
    waiting: datetime | None = None
    for one in messages:
        if one.author is Author.CUSTOMER:
            waiting = waiting or one.at
        elif one.public and one.author in {Author.AGENT, Author.BOT}:
            waiting = None
    return waiting
