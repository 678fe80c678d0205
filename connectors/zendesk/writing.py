"""From actions to the fewest PUTs, and whether a PUT of ours is there already. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never

from connectors.kit.text import counted
from connectors.kit.values import Row, row, rows, stamp
from connectors.zendesk.api import text
from connectors.zendesk.reading import MARK
from core.errors import HeldByAI, Refused, Unsupported
from core.model import (
    Action,
    AddNote,
    AddTags,
    Assign,
    Author,
    Receipt,
    Reopen,
    Reply,
    RunAction,
    SetFields,
    SetPriority,
    SetQueue,
    Solve,
    Ticket,
    Write,
)

SUPPORTS: frozenset[type[Action]] = frozenset(
    {AddTags, SetQueue, SetPriority, SetFields, AddNote, Reply, Solve, Reopen, Assign}
)
SLACK = timedelta(seconds=60)  # between their clock and ours
PAST = "1970-01-01T00:00:00Z"  # a lock that fits no ticket
CLOSED = "closed prevents ticket update"
READ_ONLY = re.compile(r"read[- ]?only", re.IGNORECASE)
AGAIN = timedelta(minutes=5)  # between two tries at a ticket that its AI agent still has


def stop_if_read_only(ticket_id: str, err: Refused) -> None:
    """Raise HeldByAI where an update is refused because an AI agent still has the ticket."""
    if READ_ONLY.search(str(err)):
        raise HeldByAI(f"ticket {ticket_id}: {err}", status=err.status, wait=AGAIN) from err


@dataclass(frozen=True)
class Account:
    """What a body needs to know of the account."""

    me: str
    group_id: Callable[[str], str]
    solving_group: Callable[[str], str]  # of the groups we belong to, the given one if it is among them
    intent_field: str = ""
    confidence_field: str = ""
    outcome_field: str = ""
    last_handled_field: str = ""
    tagger: frozenset[str] = field(default_factory=frozenset)  # those of our fields that are drop-downs
    prefix: str = "ai_"


def writes_of(actions: Sequence[Action], key: str) -> tuple[Write, ...]:
    """Return one PUT for everything: an update takes one comment, so a note and a reply make two.

    Order: the note goes first, with the queue, the tags and the fields. What an acknowledgment promises, the team must be
    able to keep: cut off after the first call, a specialist has the ticket and the customer waits for a courtesy;
    the other way round the customer holds a promise that nobody knows of. What tells of a reply goes with it, a solve too.
    """
    for action in actions:
        if type(action) not in SUPPORTS:
            raise Unsupported(f"Zendesk cannot run {action}: its API only previews macros")
    spoken = [a for a in actions if isinstance(a, AddNote)] + [a for a in actions if isinstance(a, Reply)]
    silent = [a for a in actions if not isinstance(a, AddNote | Reply)]
    if not spoken:
        return (Write(f"{key}:update", tuple(silent)),) if silent else ()
    last = spoken[-1]
    solving = (
        [a for a in silent if isinstance(a, Solve) or (isinstance(a, AddTags) and a.says == last.purpose)]
        if isinstance(last, Reply)
        else []
    )
    others = [a for a in silent if a not in solving]
    return tuple(
        Write(
            _name(key, spoken, n),
            (*(others if n == 0 else ()), one, *(solving if n == len(spoken) - 1 else ())),
        )
        for n, one in enumerate(spoken)
    )


def _name(key: str, spoken: Sequence[Action], n: int) -> str:
    kind = "reply" if isinstance(spoken[n], Reply) else "note"
    before = sum(1 for other in spoken[:n] if type(other) is type(spoken[n]))
    return counted(f"{key}:{kind}", before)


def body_of(ticket: Ticket, write: Write, account: Account) -> dict[str, Any]:
    """Return the `ticket` object of the PUT. The mark and the lock go along with everything."""
    body: dict[str, Any] = {"metadata": {MARK: write.key}}
    fields = {account.last_handled_field: write.key} if account.last_handled_field else {}
    for action in write.actions:
        body |= _part(action, account)
        fields |= _fields(account, action) if isinstance(action, SetFields) else {}
    if body.get("status") == "solved":
        _own(body, ticket, account)
    elif (
        ticket.assignee is not None
        and ticket.assignee.id == account.me
        and {"status", "group_id"} & set(body)
    ):
        # held by us it would be missing from every list of unassigned tickets
        body.setdefault("assignee_id", None)
    if fields:
        body["custom_fields"] = [
            {"id": int(one), "value": int(value) if value.isdigit() else value}
            for one, value in fields.items()
        ]
    tags = [tag_of(name) for action in write.actions if isinstance(action, AddTags) for name in action.tags]
    if tags:
        body["tags"] = _tags(ticket, tags, fields, account)
    if ticket.version:
        body |= {"safe_update": True, "updated_stamp": ticket.version}
    return body


def _part(action: Action, account: Account) -> dict[str, Any]:
    """Return what one action adds to the body; tags and fields are gathered over all of them."""
    match action:
        case AddTags() | SetFields():
            return {}
        case SetQueue(queue):
            return {"group_id": int(account.group_id(queue))}
        case SetPriority(priority):
            return {"priority": priority.value}
        case AddNote() | Reply():
            # Left out, `public` is inherited from the first comment: a note would be mailed to the customer.
            return {"comment": {"body": action.text, "public": isinstance(action, Reply)}}
        case Solve():
            return {"status": "solved"}
        case Reopen():
            return {"status": "open"}
        case Assign(agent):
            return {"assignee_id": int(agent)} if agent.isdigit() else {"assignee_email": agent}
        case RunAction():
            raise Unsupported(f"Zendesk cannot run {action}: its API only previews macros")
        case _:
            assert_never(action)


def _own(body: dict[str, Any], ticket: Ticket, account: Account) -> None:
    """Without an assignee a solve is refused, and with it the reply: we take the ticket ourselves."""
    if ticket.assignee is not None or "assignee_id" in body or "assignee_email" in body:
        return
    body["assignee_id"] = int(account.me)
    wanted = str(body.get("group_id", "")) or ticket.queue
    group = account.solving_group(wanted)
    if group:
        body["group_id"] = int(group)


def tag_of(name: str) -> str:
    """Return a tag as Zendesk keeps it: a space would make two."""
    return re.sub(r"\s+", "_", name.strip().lower())


def _fields(account: Account, action: SetFields) -> dict[str, str]:
    """Return our three fields, those that are configured. A drop-down's option is a tag, unique over all fields."""
    percent = str(action.confidence)
    named = (
        (account.intent_field, action.intent, f"{account.prefix}intent_{action.intent}"),
        (account.confidence_field, percent, percent),
        (account.outcome_field, action.outcome, f"{account.prefix}outcome_{action.outcome}"),
    )
    return {
        one: tag_of(tag) if one in account.tagger else plain for one, plain, tag in named if one and plain
    }


def _tags(ticket: Ticket, ours: Sequence[str], fields: Mapping[str, str], account: Account) -> list[str]:
    """Return all tags that the ticket has, and ours. An option that is replaced takes its tag away with it."""
    replaced = {ticket.fields.get(one, "") for one in fields if one in account.tagger} - set(fields.values())
    return sorted((ticket.tags - replaced - _copied(ticket, account.prefix)) | set(ours))


def _copied(ticket: Ticket, prefix: str) -> frozenset[str]:
    """Return our tags of the closed ticket that a follow-up copies: they are untrue of it until we have spoken in it."""
    spoken = ticket.written or any(message.author is Author.BOT for message in ticket.messages)
    if not ticket.follow_up_of or not prefix or spoken:
        return frozenset()
    return frozenset(tag for tag in ticket.tags if tag.startswith(prefix))


def without_refused(body: Mapping[str, Any], words: str) -> dict[str, Any] | None:
    """Return the same PUT without what a 422 complains about and nobody waits for; None when nothing can be left out.

    A field that must be filled before solving, or an option that somebody deleted, must not cost the customer's reply.
    """
    if body.get("status") == "solved" and re.search(r"solv|assignee|required|group", words, re.IGNORECASE):
        return {
            name: value for name, value in body.items() if name not in {"status", "assignee_id", "group_id"}
        }
    if "custom_fields" in body:
        return {name: value for name, value in body.items() if name != "custom_fields"}
    return None


def receipt_of(answer: Row, detail: str = "") -> Receipt:
    """Return what an update came to: the comment's id and the lock for the next one."""
    ticket, said = row(answer.get("ticket")), _comment(row(answer.get("audit")))
    tags = frozenset(map(str, ticket["tags"])) if isinstance(ticket.get("tags"), list) else None
    return Receipt(text(said.get("id")), str(ticket.get("updated_at") or ""), detail=detail, tags=tags)


def found_at(audits: Sequence[Row], write: Write, me: str, since: datetime) -> int | None:
    """Return which of the audits is our write's: by its mark, else by author, text and time where the marks are not
    shown."""
    ours = (n for n, one in enumerate(audits) if _mark(one) == write.key or _spoken(one, write, me, since))
    return next(ours, None)


def found(audits: Sequence[Row], n: int) -> Receipt:
    """Return the receipt of a write found by looking.

    `version` is the audit's own time, and only while it is the last one: whoever came after us must be read first.
    """
    last = str(audits[n].get("created_at") or "") if n == len(audits) - 1 else PAST
    return Receipt(id=text(_comment(audits[n]).get("id")), version=last, detail="found by looking")


def _mark(audit: Row) -> str:
    return text(row(row(audit.get("metadata")).get("custom")).get(MARK))


def _spoken(audit: Row, write: Write, me: str, since: datetime) -> bool:
    spoken, at, comment = write.spoken, stamp(audit.get("created_at")), _comment(audit)
    if (
        spoken is None
        or _mark(audit)
        or at is None
        or at < since - SLACK
        or text(audit.get("author_id")) != me
    ):
        return False
    same = normal(str(comment.get("plain_body") or comment.get("body") or "")) == normal(spoken.text)
    return same and comment.get("public") is isinstance(spoken, Reply)


def _comment(audit: Row) -> Row:
    return next((one for one in rows(audit.get("events")) if one.get("type") == "Comment"), {})


def normal(words: str) -> str:
    """Return text as it may come back: other spaces, other forms of the same letters, Markdown's marks gone."""
    plain = unicodedata.normalize("NFKC", words)
    return re.sub(r"[\s\\*_`>#-]+", " ", plain).strip().casefold()
