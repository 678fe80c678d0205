"""From actions to the fewest calls, each call's body, and whether a call of ours is there already. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.helpscout.directory import options, queue_in
from connectors.helpscout.reading import holder_of, tags_of
from connectors.helpscout.threads import by_machine, kind_of
from connectors.kit.text import as_html, counted, squeezed, words_in
from connectors.kit.values import Row, row, rows, stamp, text
from core.model import (
    Action,
    AddNote,
    AddTags,
    Assign,
    Priority,
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
    {AddTags, SetQueue, SetPriority, SetFields, AddNote, Reply, Solve, Reopen, Assign, RunAction}
)
SLACK = timedelta(seconds=60)  # between their clock and ours
Call = tuple[str, str, Any]  # method, path below the conversation, body


def writes_of(
    ticket: Ticket, actions: Sequence[Action], key: str, *, fields: bool = False
) -> tuple[Write, ...]:
    """Return what moves it, notes, and the reply with the final status and assignee in it. Tags and fields come
    before, or behind the reply when a tag tells of it.

    Cut off anywhere before the reply, the conversation is active and visible, and nobody was promised anything.
    `fields`: whether any of our fields are configured; filling them is a call of its own here.
    """
    notes: list[list[Action]] = [[a] for a in actions if isinstance(a, AddNote)]
    replies: list[list[Action]] = [[a] for a in actions if isinstance(a, Reply)]
    alone: list[Action] = []
    for action in actions:
        match action:
            case Solve():
                _join(action, replies[-1:] or notes[-1:], alone)
            case Reopen():
                _join(action, notes[:1] or replies[:1], alone)
            case SetQueue() | Assign() if replies and assigns(ticket, action):
                replies[-1].append(action)
            case SetQueue() | Assign() if not _there(ticket, action):
                alone.append(action)
    marks: list[Action] = [
        a for a in actions if isinstance(a, AddTags) or (isinstance(a, SetPriority) and _word(a))
    ]
    set_ = [("tags", marks), *(_part("fields", a) for a in actions if isinstance(a, SetFields) and fields)]
    run = [_part("action", a) for a in actions if isinstance(a, RunAction)]  # may tag: never before our tags
    late = bool(replies) and any(isinstance(a, AddTags) and a.says for a in actions)
    parts: list[tuple[str, list[Action]]] = [
        *([] if late else set_),
        *(_part("move", a) for a in alone if isinstance(a, SetQueue) and not assigns(ticket, a)),
        *([] if late else run),
        *(("note", one) for one in notes),
        *(_part("assign", a) for a in alone if isinstance(a, SetQueue | Assign) and assigns(ticket, a)),
        *(_part("status", a) for a in alone if isinstance(a, Solve | Reopen)),
        *(("reply", one) for one in replies),
        *([*set_, *run] if late else []),
    ]
    return _named([part for part in parts if part[1]], key)


def _part(kind: str, action: Action) -> tuple[str, list[Action]]:
    return kind, [action]


def _join(action: Action, carriers: list[list[Action]], alone: list[Action]) -> None:
    """Into the call of a message where there is one."""
    (carriers[0] if carriers else alone).append(action)


def _named(parts: Sequence[tuple[str, list[Action]]], key: str) -> tuple[Write, ...]:
    seen: Counter[str] = Counter()
    writes = []
    for kind, actions in parts:
        writes.append(Write(counted(f"{key}:{kind}", seen[kind]), tuple(actions)))
        seen[kind] += 1
    return tuple(writes)


def _queues(ticket: Ticket) -> Mapping[str, Mapping[str, str]]:
    return {kind: row(names) for kind, names in row(ticket.raw.get("queues")).items()}


def assigns(ticket: Ticket, action: SetQueue | Assign) -> bool:
    """Return whether it changes who holds the conversation, which a reply can do too. An inbox is a move, and an unknown
    name shall fail in a call of its own."""
    if isinstance(action, Assign):
        return True
    found = queue_in(_queues(ticket), action.queue)
    return found is not None and found[0] == "team"


def _there(ticket: Ticket, action: SetQueue | Assign) -> bool:
    """Return whether the conversation is there already."""
    if isinstance(action, Assign):
        return False
    found = queue_in(_queues(ticket), action.queue)
    return found in {("team", ticket.raw.get("holder")), ("mailbox", ticket.raw.get("mailbox"))}


def _word(action: SetPriority) -> str:
    return action.priority.value if action.priority in {Priority.URGENT, Priority.HIGH} else ""


def wanted_tags(actions: Iterable[Action], prefix: str) -> list[str]:
    """Return our tags, lower case as Help Scout keeps them; the priority is one of them, for there is no field for
    it."""
    names: list[str] = []
    for action in actions:
        if isinstance(action, AddTags):
            names += action.tags
        if isinstance(action, SetPriority) and (word := _word(action)):
            names.append(f"{prefix}{word}")
    return list(dict.fromkeys(name.lower() for name in names))


def tags_call(ticket: Ticket, actions: Iterable[Action], prefix: str) -> Call | None:
    """Return all tags, theirs first: the list that is sent becomes the whole set. None when nothing is new."""
    kept = ticket.raw.get("tags")
    there = [text(tag) for tag in kept] if isinstance(kept, list) else sorted(ticket.tags)
    known = {tag.casefold() for tag in there}
    new = [tag for tag in wanted_tags(actions, prefix) if tag.casefold() not in known]
    return ("PUT", "/tags", {"tags": [*there, *new]}) if new else None


def fields_call(
    ticket: Ticket, action: SetFields, names: Mapping[str, str], listed: Sequence[Row]
) -> Call | None:
    """Return all custom fields, ours exchanged. `names`: our names → the account's, by name or id. None when nothing
    fits."""
    ours = {"intent": action.intent, "confidence": str(action.confidence), "outcome": action.outcome}
    new: dict[str, str] = {}
    for one, name in names.items():
        called = name.casefold()
        found = next(
            (f for f in listed if called in (text(f.get("id")), text(f.get("name")).casefold())), None
        )
        if found is not None and (value := _field_value(found, ours[one])):
            new[text(found.get("id"))] = value
    kept = {text(f.get("id")): text(f.get("value")) for f in rows(ticket.raw.get("custom_fields"))}
    if all(kept.get(one) == value for one, value in new.items()):
        return None
    merged = {one: value for one, value in {**kept, **new}.items() if value}
    return "PUT", "/fields", {"fields": [{"id": int(one), "value": value} for one, value in merged.items()]}


def _field_value(field: Row, value: str) -> str:
    """Return a field's value: for a drop-down the id of an option, None for a value that is not among its options."""
    if text(field.get("type")).lower() == "dropdown":
        return options(field).get(value.casefold(), "")
    return value[:255]


def note_call(ticket: Ticket, actions: Sequence[Action], note: AddNote) -> Call:
    """Return the call of a note. It names the status, since a note without one may make a closed conversation active."""
    status = text(ticket.raw.get("status")) or "active"
    if any(isinstance(a, Reopen) for a in actions):
        status = "active"
    if any(isinstance(a, Solve) for a in actions):
        status = "closed"
    return "POST", "/notes", {"text": as_html(note.text), "status": status}


def reply_call(ticket: Ticket, actions: Sequence[Action], reply: Reply, holder: str) -> Call:
    """Return a reply to the conversation's customer, with whoever else wrote last in copy; always with a status.

    Others in copy are left out: a second help desk among them would answer, and so on for ever.
    """
    body: dict[str, Any] = {
        "customer": {"id": int(ticket.customer.id)},
        "text": as_html(reply.text),
        "status": "closed" if any(isinstance(a, Solve) for a in actions) else "active",
    }
    if holder:
        body["assignTo"] = int(holder)
    writer = row(ticket.raw.get("writer"))
    if writer.get("id") and writer["id"] != ticket.customer.id and writer.get("email"):
        body["cc"] = [text(writer["email"])]
    return "POST", "/reply", body


def patch(op: str, path: str, value: Any) -> Call:
    """Return one operation in one object: a list of them is refused or half done."""
    return "PATCH", "", {"op": op, "path": path, "value": value}


def team_in(call: Call, actions: Iterable[Action]) -> str:
    """Return the id of the team that a call gives the conversation to, "" when it gives it to none."""
    body = row(call[2])
    given = body.get("assignTo") or (body.get("value") if body.get("path") == "/assignTo" else "")
    return text(given) if any(isinstance(a, SetQueue) for a in actions) else ""


def said_already(threads: Iterable[Row], spoken: Reply | AddNote, bot: str, since: datetime) -> str:
    """Return the id of our own thread with this text since then, "" when it is not there. `threads`: newest first."""
    ours, kind = squeezed(spoken.text), "note" if isinstance(spoken, AddNote) else "message"
    for one in threads if ours else ():
        at = stamp(one.get("createdAt"))
        if at is not None and at < since - SLACK:
            return ""
        mine = text(row(one.get("createdBy")).get("id")) == bot and kind_of(one) == kind
        if mine and squeezed(words_in(text(one.get("body")))).startswith(ours):
            return text(one.get("id"))
    return ""


def ran_already(threads: Iterable[Row], bot: str, since: datetime) -> str:
    """Return the id of the line item that our run of a manual workflow left, "" when it is not there."""
    for one in threads:
        at = stamp(one.get("createdAt"))
        if at is not None and at < since - SLACK:
            return ""
        if (
            kind_of(one) == "lineitem"
            and text(row(one.get("action")).get("type")).lower() == "manual-workflow"
        ):
            creator = row(one.get("createdBy"))
            if text(creator.get("id")) == bot or by_machine(one, lambda user: text(user.get("id")) == "1"):
                return text(one.get("id"))
    return ""


def holds(
    raw: Row,
    actions: Iterable[Action],
    prefix: str,
    queue: Callable[[str], tuple[str, str]],
    user: Callable[[str], str],
) -> bool:
    """Return whether the conversation shows already what a silent write wanted to set."""
    actions = list(actions)
    tags = {tag.casefold() for tag in tags_of(raw)}
    status = text(raw.get("status")).lower()
    there: list[bool] = [set(wanted_tags(actions, prefix)) <= tags]
    for action in actions:
        match action:
            case SetQueue():
                kind, one = queue(action.queue)
                there.append(one == (holder_of(raw)[1] if kind == "team" else text(raw.get("mailboxId"))))
            case Assign():
                there.append(user(action.agent) == holder_of(raw)[1])
            case Solve():
                there.append(status == "closed")
            case Reopen():
                there.append(status == "active")
            case SetFields():
                there.append(False)  # filling them twice does no harm
            case _:
                continue
    return all(there)
