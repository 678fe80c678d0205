"""From Zendesk's ticket, its people, comments and audits to a `Ticket`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.kit.places import Placing
from connectors.kit.values import Row, row, rows, stamp
from connectors.zendesk.api import text
from connectors.zendesk.channels import channel_of, reached
from connectors.zendesk.places import follow_up_of, place_ids
from core.model import Assignee, Author, Customer, Message, Status, Ticket, by_desk

MARK = "backstop"  # the name under `metadata` in which each write of ours keeps its key
AI_TICKET = "ai_agent"  # of `support_type`: read-only until it is escalated, then it becomes "agent"
SYSTEM = "-1"  # the system user, as whom an AI agent answers mail
MOST_COMMENTS = 5000  # a ticket takes no more
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STAFF = {"agent", "admin"}
STATUS = {
    "new": Status.NEW,
    "open": Status.OPEN,
    "pending": Status.PENDING,
    "hold": Status.PENDING,
    "on-hold": Status.PENDING,
    "solved": Status.SOLVED,
    "closed": Status.CLOSED,
    "archived": Status.CLOSED,
    "deleted": Status.DELETED,
    "scrubbed": Status.DELETED,
}
# The merge note on the source, as the agent interface words it; other languages only differ around the number.
_MERGED = re.compile(r"merged into (?:request|ticket) #(\d+)", re.IGNORECASE)
_NUMBERED = re.compile(r"#(\d+)")


@dataclass(frozen=True)
class Known:
    """What the connector knows of its account."""

    desk: str
    base_url: str
    me: str  # our own user's id
    bots: frozenset[str] = frozenset()  # other robots, by id or e-mail address, case-folded
    places: Placing = lambda _: {}

    def robot(self, user_id: str, user: Row) -> bool:
        """Return whether this user is a robot other than us."""
        return user_id in self.bots or str(user.get("email") or "").casefold() in self.bots


def is_staff(user: Row) -> bool:
    """Return whether a user is one of the company's."""
    return str(user.get("role")) in STAFF


def people_of(*lists: Iterable[Row]) -> dict[str, Row]:
    """Return users by id."""
    return {text(user.get("id")): user for users in lists for user in users}


def only_comment(answer: Row) -> Row | None:
    """Return the first comment from the audit that came along with a one-comment ticket; None when it must be asked for.

    No public text says whether `comment_count` counts private notes, so the count alone proves nothing: the audit must
    be the ticket's birth, by its time and by its author (a ticket's submitter wrote its first comment).
    """
    ticket = row(answer.get("ticket"))
    if ticket.get("comment_count") != 1:
        return None
    for audit in [
        *rows(answer.get("last_audits")),
        *rows(answer.get("audits")),
        *rows(ticket.get("last_audits")),
    ]:
        said = [event for event in rows(audit.get("events")) if event.get("type") == "Comment"]
        if said and _is_birth(audit, ticket):
            return {**_of_audit(audit), **said[0]}
    return None


def _is_birth(audit: Row, ticket: Row) -> bool:
    """Return whether an audit is the one that made the ticket."""
    born = stamp(ticket.get("created_at"))
    theirs = text(audit.get("ticket_id")) in {text(ticket.get("id")), ""}
    author = text(ticket.get("submitter_id") or ticket.get("requester_id"))
    return (
        theirs
        and born == stamp(audit.get("created_at")) is not None
        and text(audit.get("author_id")) == author
    )


def _of_audit(audit: Row) -> dict[str, object]:
    return {name: audit.get(name) for name in ("author_id", "created_at", "via", "metadata")}


def described(raw: Row) -> Row:
    """Return the first message of a ticket that shows no comments: a ticket's submitter is always its author."""
    said = {"id": None, "author_id": raw.get("submitter_id") or raw.get("requester_id"), "public": True}
    return {
        **said,
        "body": raw.get("description"),
        "created_at": raw.get("created_at"),
        "via": raw.get("via"),
    }


def strangers(ticket: Row, comments: Iterable[Row], people: Mapping[str, Row]) -> set[int]:
    """Return ids of those whose role decides something and who did not come along."""
    ids = [ticket.get("requester_id"), ticket.get("assignee_id"), *(one.get("author_id") for one in comments)]
    return {one for one in ids if isinstance(one, int) and one > 0 and text(one) not in people}


def ticket_of(
    raw: Row, comments: Sequence[Row], people: Mapping[str, Row], groups: Mapping[str, str], known: Known
) -> Ticket:
    """Return the ticket with who said what."""
    requester = text(raw.get("requester_id"))
    messages = tuple(_message(one, raw, n == 0, people, known) for n, one in enumerate(comments))
    queue = text(raw.get("group_id"))
    customer = _customer(requester, people.get(requester, {}))
    return Ticket(
        desk=known.desk,
        id=text(raw.get("id")),
        subject=str(raw.get("subject") or raw.get("raw_subject") or ""),
        messages=messages,
        customer=customer,
        status=status_of(raw),
        created_at=stamp(raw.get("created_at")) or EPOCH,
        updated_at=stamp(raw.get("updated_at")) or EPOCH,
        tags=frozenset(tags_of(raw)),
        queue=queue,
        queue_name=groups.get(queue, ""),
        assignee=assignee_of(raw, people, known),
        priority=str(raw.get("priority") or ""),
        version=str(raw.get("updated_at") or ""),
        url=f"{known.base_url.rstrip('/')}/agent/tickets/{text(raw.get('id'))}",
        channel=channel_of(raw),
        opened_by=_opened_by(raw, messages),
        replyable=reached(raw, customer.email) and raw.get("support_type") != AI_TICKET,
        locked=_locked(raw),
        follow_up_of=follow_up_of(raw),
        fields=fields_of(raw),
        read_only=raw.get("support_type") == AI_TICKET,
        places=known.places(place_ids(raw)),
        raw={"custom_fields": fields_of(raw), "requester_id": requester},
    )


def tags_of(raw: Row) -> list[str]:
    """Return the tags; older payloads hold them in one string."""
    given = raw.get("tags")
    return (
        given.split()
        if isinstance(given, str)
        else [str(tag) for tag in given]
        if isinstance(given, list)
        else []
    )


def status_of(raw: Row) -> Status:
    """Return the status in our words; an unknown one is open, so that somebody looks.

    A scrubbed ticket keeps only the words SCRUBBED and X, which a customer can write too: the status must fit.
    """
    status = STATUS.get(str(raw.get("status") or "").lower(), Status.OPEN)
    scrubbed = raw.get("subject") == "SCRUBBED" and raw.get("description") == "X"
    return Status.DELETED if scrubbed and status is Status.CLOSED else status


def fields_of(raw: Row) -> dict[str, str]:
    """Return a mapping, custom field id → value as text."""
    given = rows(raw.get("custom_fields")) or rows(raw.get("fields"))
    return {text(one.get("id")): "" if one.get("value") is None else str(one["value"]) for one in given}


def assignee_of(raw: Row, people: Mapping[str, Row], known: Known) -> Assignee | None:
    """Who holds the ticket. Our own solving, and other robots', is no claim; nor is that of an agent who is suspended, or
    deleted and so not `active` (developer.zendesk.com/api-reference/ticketing/users/users/#json-format)."""
    holder = text(raw.get("assignee_id"))
    if not holder:
        return None
    user = people.get(holder, {})
    gone = user.get("suspended") is True or user.get("active") is False
    human = holder != known.me and not known.robot(holder, user) and not gone
    return Assignee(holder, str(user.get("name") or ""), human=human, email=str(user.get("email") or ""))


def merged_into(raw: Row, comments: Sequence[Row]) -> str:
    """Return the ticket that this one was merged into, from the note that the merge left; "" when it cannot be told.

    The requester's own words name no target: anybody can write "merged into request #1".
    """
    requester = raw.get("requester_id")
    for comment in reversed(comments):
        by_merge = row(row(comment.get("via")).get("source")).get("rel") == "merge"
        if not by_merge and comment.get("author_id") == requester:
            continue
        body = str(comment.get("plain_body") or comment.get("body") or "")
        found = _MERGED.search(body) or (_NUMBERED.search(body) if by_merge else None)
        if found:
            return found.group(1)
    return ""


def author_of(comment: Row, requester: str, people: Mapping[str, Row], known: Known) -> tuple[Author, str]:
    """Return who wrote a comment, and why we think so if it was a machine. The subject and text are not looked at
    here."""
    author = text(comment.get("author_id"))
    user = people.get(author, {})
    via = row(comment.get("via"))
    if author == known.me:
        return Author.BOT, ""
    if not author or author.startswith("-"):
        return Author.MACHINE, "Zendesk itself wrote it"
    if known.robot(author, user):
        return Author.MACHINE, f"{user.get('name') or author} is one of the configured bots"
    if str(via.get("channel") or "").lower() == "rule":
        return Author.MACHINE, "a trigger or automation wrote it"
    if "merge" in {str(via.get("channel")), str(row(via.get("source")).get("rel"))}:
        return Author.MACHINE, "a merge of two tickets wrote it"
    if is_staff(user) and author != requester:
        return Author.AGENT, ""
    return Author.CUSTOMER, ""


def _message(comment: Row, raw: Row, first: bool, people: Mapping[str, Row], known: Known) -> Message:
    author, why = author_of(comment, text(raw.get("requester_id")), people, known)
    if author is Author.MACHINE and _by_ai(comment, raw):
        author = Author.AI
    user = people.get(text(comment.get("author_id")), {})
    body = str(comment.get("plain_body") or comment.get("body") or "")
    # A reply's own subject is not shown: only the first message may be judged by the ticket's.
    subject = str(raw.get("raw_subject") or raw.get("subject") or "") if first else ""
    return Message(
        id=text(comment.get("id")),
        author=author,
        at=stamp(comment.get("created_at")) or stamp(raw.get("created_at")) or EPOCH,
        text=body,
        html=str(comment.get("html_body") or ""),
        public=comment.get("public") is not False,
        author_id=text(comment.get("author_id")),
        author_name=str(user.get("name") or ""),
        author_email=str(user.get("email") or ""),
        subject=subject,
        flags=_flags(comment) if author is Author.CUSTOMER else (),
        machine=by_desk(why) if author is Author.MACHINE else None,
    )


def _by_ai(comment: Row, raw: Row) -> bool:
    """Return whether it is an AI agent's answer to a mail. No rule or merge speaks to the customer as the system
    user."""
    said = text(comment.get("author_id")) == SYSTEM and comment.get("public") is not False
    via = str(row(comment.get("via")).get("channel") or "").lower()
    return said and channel_of(raw) == "email" and via not in {"rule", "merge"}


def _flags(comment: Row) -> tuple[str, ...]:
    """Return why a comment's flags say that a machine wrote it. Flag 4: automatically generated, mailed to nobody."""
    flags = row(comment.get("metadata")).get("flags")
    return (
        ("Zendesk flagged it as automatically generated",) if isinstance(flags, list) and 4 in flags else ()
    )


def _customer(requester: str, user: Row) -> Customer:
    return Customer(
        requester,
        email=str(user.get("email") or ""),
        name=str(user.get("name") or ""),
        is_staff=is_staff(user),
        locale=str(user.get("locale") or ""),
    )


def _opened_by(raw: Row, messages: Sequence[Message]) -> Author:
    """Return who opened the ticket, by its first message: a form posts as the API's user, in the customer's name."""
    if str(row(raw.get("via")).get("channel") or "").lower() == "rule":
        return Author.MACHINE
    return messages[0].author if messages else Author.CUSTOMER


def _locked(raw: Row) -> str:
    if status_of(raw) is Status.CLOSED:
        return "Zendesk closed the ticket: nothing can be added any more"
    count = raw.get("comment_count")
    if isinstance(count, int) and count >= MOST_COMMENTS:
        return f"the ticket holds {count} comments, the most that Zendesk takes"
    return ""
