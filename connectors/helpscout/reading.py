"""From Help Scout's JSON to ours: a ticket with who said what. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.helpscout.api import embedded
from connectors.helpscout.directory import full_name
from connectors.helpscout.threads import (
    EPOCH,
    Robot,
    from_customer,
    handed_out,
    in_order,
    is_said,
    message_of,
    unsent,
)
from connectors.kit.places import Placing
from connectors.kit.values import Row, row, rows, stamp, text
from core.model import Assignee, Author, Customer, Message, Status, Ticket

# "closed" is not final here: it can be written, and a customer's reply makes it active again.
STATUS = {
    "active": Status.OPEN,
    "pending": Status.PENDING,
    "closed": Status.SOLVED,
    "spam": Status.SPAM,
    "deleted": Status.DELETED,
}
CHANNEL = {"email": "email", "chat": "chat", "phone": "phone"}
SOURCE = {
    "beacon": "web",
    "docs": "web",
    "web": "web",
    "api": "api",
    "coreapi": "api",
    "zendesk": "api",
    "desk": "api",
    "uservoice": "api",
    "csv": "api",
    "chat": "chat",
    "channel": "social",
    "consumer": "social",
    "heymarket": "social",
    "mobile": "email",
    "jira": "other",
    "internal": "other",
    "notification": "other",
}
UNREACHABLE = frozenset({"channel", "chat", "consumer", "heymarket", "internal", "jira", "notification"})
"""Sources of conversations where a mailed reply would not arrive at the customer: social networks, chat, text messages,
and what other programs wrote for the team."""
FULL = 99  # threads: Help Scout takes no hundredth one
SYSTEM_WEB = "https://secure.helpscout.net/conversation"


@dataclass(frozen=True)
class Known:
    """What a reader must know besides the conversation itself."""

    desk: str
    bot: str
    robot: Robot
    staff: frozenset[str] = frozenset()  # addresses of the company's own people, lower case
    queues: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # kind → id → name
    prefix: str = "ai_"
    places: Placing = lambda _: {}


def status_of(raw: Row) -> Status:
    """Return the status; an unknown word counts as open, so that somebody looks."""
    if text(raw.get("state")).lower() == "deleted":
        return Status.DELETED
    return STATUS.get(text(raw.get("status")).lower(), Status.OPEN)


def tags_of(raw: Row) -> list[str]:
    """Return the tags in the desk's order. The name's key is `tag`."""
    listed = raw.get("tags")
    names = [
        text(one.get("tag") or one.get("name")) if isinstance(one, dict) else text(one)
        for one in (listed if isinstance(listed, list) else [])
    ]
    return [name for name in names if name]


def threads_of(raw: Row) -> list[Row]:
    """Return the threads that came along with the conversation."""
    return embedded(raw, "threads")


def holder_of(raw: Row) -> tuple[str, str]:
    """("user" or "team", id) of who has it; ("", "") when nobody has."""
    assignee = row(raw.get("assignee"))
    one = text(assignee.get("id"))
    return (text(assignee.get("type")).lower() or "user", one) if one else ("", "")


def queue_of(raw: Row, threads: Sequence[Row] = ()) -> tuple[str, str]:
    """("team", id) of the team that holds it, or from which a user took it; else ("mailbox", id).

    A conversation has one holder: once a user has it, only the thread remembers the team.
    """
    kind, holder = holder_of(raw)
    if kind == "user":
        held = [row(one.get("assignedTo")) for one in in_order(threads)]
        teams = [text(one.get("id")) for one in held if text(one.get("type")).lower() == "team"]
        kind, holder = ("team", teams[-1]) if teams else ("", "")
    return (kind, holder) if kind == "team" else ("mailbox", text(raw.get("mailboxId")))


def place_ids(raw: Row, threads: Sequence[Row]) -> dict[str, list[object]]:
    """Return a mapping, kind of place → what a conversation says of it. A channel is named by our word, its type and its
    source's."""
    kind, queue = queue_of(raw, threads)
    source = text(row(raw.get("source")).get("type")).lower()
    return {
        "mailboxes": [text(raw.get("mailboxId"))],
        "groups": [queue] if kind == "team" else [],
        "channels": [channel_of(raw), text(raw.get("type")).lower(), source],
    }


def assignee_of(raw: Row, threads: Sequence[Row], known: Known) -> Assignee | None:
    """Return who holds it. A team, we ourselves, a robot, and whoever a workflow gave it to have not claimed it."""
    kind, one = holder_of(raw)
    if not one:
        return None
    person = row(raw.get("assignee"))
    human = kind == "user" and one != known.bot and not known.robot(person)
    human = human and not handed_out(threads, one, known.robot)
    name = full_name(person) or known.queues.get("team", {}).get(one, "")
    return Assignee(one, name, human, text(person.get("email")))


def priority_of(tags: Sequence[str], prefix: str) -> str:
    """Return the priority that our tag names: Help Scout has none itself."""
    lower = {tag.casefold() for tag in tags}
    return next((word for word in ("urgent", "high") if f"{prefix}{word}".casefold() in lower), "")


def customer_of(raw: Row, known: Known) -> Customer:
    """Return the conversation's own customer; one of the company's when a user has that address."""
    person = row(raw.get("primaryCustomer")) or row(raw.get("customer"))
    email = text(person.get("email"))
    return Customer(
        id=text(person.get("id")),
        email=email,
        name=full_name(person),
        is_staff=email.casefold() in known.staff if email else False,
    )


def waiting_since(raw: Row) -> datetime | None:
    """Return since when the customer waits; None when a user wrote last."""
    waiting = row(raw.get("customerWaitingSince"))
    if text(waiting.get("latestReplyFrom")).lower() == "user":
        return None
    return stamp(waiting.get("time"))


def touched_at(raw: Row) -> datetime | None:
    """Return the newest time that a conversation tells of itself: not later than its last change, which v2 does not
    show."""
    told = [
        stamp(raw.get("createdAt")),
        stamp(raw.get("closedAt")),
        stamp(raw.get("userUpdatedAt")),
        stamp(row(raw.get("customerWaitingSince")).get("time")),
        *(stamp(one.get("createdAt")) for one in threads_of(raw) if not unsent(one)),
    ]
    return max((at for at in told if at), default=None)


def ticket_of(raw: Row, threads: Sequence[Row], known: Known) -> Ticket:
    """Return the whole ticket."""
    subject, tags = text(raw.get("subject")), tags_of(raw)
    said = [one for one in in_order(threads) if is_said(one)]
    messages = tuple(
        message_of(one, subject if n == 0 else "", known.bot, known.robot) for n, one in enumerate(said)
    )
    created = stamp(raw.get("createdAt")) or (messages[0].at if messages else EPOCH)
    queue_kind, queue = queue_of(raw, threads)
    customer = customer_of(raw, known)
    return Ticket(
        desk=known.desk,
        id=text(raw.get("id")),
        subject=subject,
        messages=messages,
        customer=customer,
        status=status_of(raw),
        created_at=created,
        updated_at=touched_at(raw) or created,
        tags=frozenset(tags),
        queue=queue,
        queue_name=known.queues.get(queue_kind, {}).get(queue, ""),
        assignee=assignee_of(raw, threads, known),
        priority=priority_of(tags, known.prefix),
        url=url_of(raw),
        channel=channel_of(raw),
        opened_by=opened_by(raw, messages),
        replyable=_replyable(raw, customer),
        locked=_locked(raw, said),
        fields={
            text(f.get("id")): text(f.get("text") or f.get("value")) for f in rows(raw.get("customFields"))
        },
        waiting_since=waiting_since(raw),
        places=known.places(place_ids(raw, threads)),
        raw=_kept(raw, tags, threads, known),
    )


def _kept(raw: Row, tags: list[str], threads: Sequence[Row], known: Known) -> dict[str, Any]:
    """Return what writing needs, so that nothing is read again."""
    newest = next((one for one in reversed(in_order(threads)) if from_customer(one)), {})
    writer = row(newest.get("customer")) or row(newest.get("createdBy"))
    return {
        "tags": tags,
        "status": text(raw.get("status")).lower(),
        "mailbox": text(raw.get("mailboxId")),
        "holder": holder_of(raw)[1],
        "seen": [text(one.get("id")) for one in threads],
        "custom_fields": [
            {"id": f.get("id"), "value": text(f.get("value"))} for f in rows(raw.get("customFields"))
        ],
        "writer": {"id": text(writer.get("id")), "email": text(writer.get("email"))},
        "queues": {kind: dict(names) for kind, names in known.queues.items()},
    }


def url_of(raw: Row) -> str:
    """Return the conversation's page."""
    link = text(row(row(raw.get("_links")).get("web")).get("href"))
    return link or f"{SYSTEM_WEB}/{text(raw.get('id'))}/{text(raw.get('number'))}/"


def channel_of(raw: Row) -> str:
    """Return how it came in: the type says chat and phone; for mail the source says it."""
    kind = text(raw.get("type")).lower()
    source = text(row(raw.get("source")).get("type")).lower()
    return CHANNEL.get(kind, "other") if kind != "email" else SOURCE.get(source, "email")


def opened_by(raw: Row, messages: Sequence[Message]) -> Author:
    """Return who began it: by the first thread where it is there, for staff write to customers first, too."""
    if messages:
        return messages[0].author
    creator = text(row(raw.get("createdBy")).get("type")).lower()
    return Author.AGENT if creator == "user" else Author.CUSTOMER


def _replyable(raw: Row, customer: Customer) -> bool:
    """Return whether a reply reaches the customer: only by mail; it is not documented for chats."""
    source = text(row(raw.get("source")).get("type")).lower()
    return text(raw.get("type")).lower() == "email" and source not in UNREACHABLE and bool(customer.email)


def _locked(raw: Row, said: Sequence[Row]) -> str:
    counted = raw.get("threads")
    count = max(counted if isinstance(counted, int) else 0, len(said))
    if count >= FULL:
        return f"it has {count} threads, and Help Scout takes no more than a hundred"
    return "marked as spam" if status_of(raw) is Status.SPAM else ""
