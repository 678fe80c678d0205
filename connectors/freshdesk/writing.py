"""From actions to the fewest calls, and whether a call of ours is there already. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, assert_never

from connectors.freshdesk.reading import STRUCTURED, plain, tags_of
from connectors.kit.text import as_html, counted, squeezed
from connectors.kit.values import Row, stamp
from core.errors import Unsupported
from core.model import (
    Action,
    AddNote,
    AddTags,
    Assign,
    Priority,
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
TAG_LENGTH = 32  # a longer tag refuses the whole update
PRIORITY = {Priority.LOW: 1, Priority.NORMAL: 2, Priority.HIGH: 3, Priority.URGENT: 4}
OPEN, SOLVED, CLOSED = 2, 4, 5
SLACK = timedelta(seconds=60)  # between their clock and ours


def writes_of(actions: Sequence[Action], key: str) -> tuple[Write, ...]:
    """Return one PUT for all that is set, one call for each note and reply.

    Order: what hurts least when it is cut off. An automatic answer goes out before the ticket is resolved (an answered
    open ticket is harmless, a resolved unanswered one is not). What is set comes last, too, where a tag says that a reply was sent;
    otherwise the ticket is put where a human finds it first, then explained.
    """
    for action in actions:
        if type(action) not in SUPPORTS:
            raise Unsupported(f"Freshdesk cannot run {action}: its API only reads scenario automations")
    set_, notes, replies = _sorted(actions)
    update = [Write(f"{key}:update", tuple(set_))] if set_ else []
    spoken = [
        *(Write(counted(f"{key}:note", n), (note,)) for n, note in enumerate(notes)),
        *(Write(counted(f"{key}:reply", n), (reply,)) for n, reply in enumerate(replies)),
    ]
    solving = any(isinstance(action, Solve) for action in actions)
    if solving:
        return (*reversed(spoken), *update)
    marked = replies and any(isinstance(action, AddTags) and action.says for action in actions)
    return (*spoken, *update) if marked else (*update, *spoken)


def _sorted(actions: Sequence[Action]) -> tuple[list[Action], list[AddNote], list[Reply]]:
    notes = [a for a in actions if isinstance(a, AddNote)]
    replies = [a for a in actions if isinstance(a, Reply)]
    return [a for a in actions if not isinstance(a, AddNote | Reply)], notes, replies


def short_tag(tag: str) -> str:
    """Return a tag within Freshdesk's 32 characters; our own longest ones lose their end."""
    return tag[:TAG_LENGTH]


def properties(
    ticket: Ticket,
    actions: Iterable[Action],
    *,
    group_id: Callable[[str], str],
    agent_id: Callable[[str], str],
    fields: Mapping[str, str],
) -> dict[str, Any]:
    """Return the body of the PUT. `fields`: our names (intent, confidence, outcome) → the account's names of them."""
    body: dict[str, Any] = {}
    for action in actions:
        match action:
            case AddTags():
                body["tags"] = _united(
                    body.get("tags") or tags_of(ticket.raw) or sorted(ticket.tags), action.tags
                )
            case SetQueue():
                body["group_id"] = int(group_id(action.queue))
            case SetPriority():
                body["priority"] = PRIORITY[action.priority]
            case SetFields():
                body |= _custom(action, fields)
            case Solve():
                body["status"] = SOLVED
            case Reopen():
                body["status"] = OPEN
            case Assign():
                body["responder_id"] = int(agent_id(action.agent))
            case AddNote() | Reply():
                continue  # their own calls
            case RunAction():
                raise Unsupported("Freshdesk's API only reads scenario automations")
            case _:
                assert_never(action)
    return body


def _united(there: Iterable[str], ours: Iterable[str]) -> list[str]:
    """Return their tags and ours: the array that is sent replaces the whole set."""
    return list(dict.fromkeys([*there, *(short_tag(tag) for tag in ours)]))


def receipt_of(done: Row, asked: Mapping[str, object], detail: str) -> Receipt:
    """Return what an update came to. `asked`: the ticket as it should be if nobody has changed it since it was read."""
    ours = bool(done) and all(done.get(name) == asked.get(name) for name in ("responder_id", "status"))
    at = done.get("updated_at")
    return Receipt(version=str(at or ""), detail=detail, changed_at=stamp(at) if ours else None)


def without_refused(body: Mapping[str, Any], words: str) -> dict[str, Any]:
    """Return the update without what a 400 names, so that the rest is set; {} when nothing is left or the queue is
    refused.

    A form may demand fields before a ticket is resolved (it then stays open), a role may not make new tags, a
    field may have been deleted. Without its queue the update is worth nothing: somebody must decide again.
    """
    named = set(re.findall(r'"field"\s*:\s*"(?:custom_fields\.)?([^"]+)"', words))
    if "missing_field" in words and "status" in body:
        named.add("status")
    custom = {name: value for name, value in (body.get("custom_fields") or {}).items() if name not in named}
    rest = {name: value for name, value in body.items() if name not in named | {"custom_fields"}}
    rest |= {"custom_fields": custom} if custom and "custom_fields" not in named else {}
    return {} if rest == dict(body) or "group_id" in named else rest


def _custom(action: SetFields, fields: Mapping[str, str]) -> dict[str, Any]:
    ours = {"intent": action.intent, "confidence": action.confidence, "outcome": action.outcome}
    custom = {fields[name]: value for name, value in ours.items() if fields.get(name)}
    return {"custom_fields": custom} if custom else {}


def spoken_call(ticket: Ticket, spoken: Reply | AddNote, from_email: str) -> tuple[str, dict[str, Any]]:
    """Return the path below the ticket and the body of a reply's or a note's call."""
    if isinstance(spoken, AddNote):
        return "notes", {"body": as_html(spoken.text), "private": True}
    if ticket.raw.get("source") in STRUCTURED:
        content = [{"type": "text", "data": {"content": spoken.text}}]
        return "reply", {"structured_body": {"body_contents": content}}
    return "reply", {"body": as_html(spoken.text), **({"from_email": from_email} if from_email else {})}


def said_already(conversations: Iterable[Row], spoken: Reply | AddNote, bot: str, since: datetime) -> str:
    """Return the id of our own conversation with this text since then, "" when it is not there."""
    ours = squeezed(spoken.text)
    for row in conversations if ours else ():
        at = stamp(row.get("created_at"))
        if str(row.get("user_id")) != bot or at is None or at < since - SLACK:
            continue
        if bool(row.get("private")) is not isinstance(spoken, AddNote):
            continue
        if squeezed(plain(row, "body_text", "body", "structured_body")).startswith(ours):
            return str(row.get("id"))
    return ""


def holds(raw: Row, body: Mapping[str, Any]) -> bool:
    """Return whether the ticket already shows everything that an update wanted to set."""
    return all(_holds(raw, name, value) for name, value in body.items())


def _holds(raw: Row, name: str, value: Any) -> bool:
    if name == "tags":
        return set(value) <= set(tags_of(raw))
    if name == "custom_fields":
        there = raw.get("custom_fields") or {}
        return all(there.get(one) == wanted for one, wanted in value.items())
    if name == "status" and value == SOLVED:
        return raw.get("status") in {SOLVED, CLOSED}  # a rule of the account's may have closed it since
    return bool(raw.get(name) == value)
