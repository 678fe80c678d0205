"""One write as the one call that it is: names become ids here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.helpscout import writing
from connectors.helpscout.directory import Directory
from connectors.helpscout.writing import Call
from connectors.kit.values import text, whole
from core.errors import Refused
from core.model import (
    Action,
    AddNote,
    AddTags,
    Assign,
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

if TYPE_CHECKING:
    from connectors.helpscout.settings import Settings


def call_of(
    ticket_id: str, ticket: Ticket, write: Write, directory: Directory, settings: Settings
) -> Call | None:
    """Return method, path and body; None when there is nothing left to do.

    A write whose message was taken out (a guard refused it) still does the rest of it.
    """
    for action in write.actions:
        if isinstance(action, RunAction):
            path = f"/workflows/{directory.workflow(action.name)}/run"
            return "POST", path, {"conversationIds": [int(ticket_id)]}
    below = _spoken(ticket, write, directory) or _silent(ticket, write.actions, directory, settings)
    return (below[0], f"/conversations/{ticket_id}{below[1]}", below[2]) if below else None


def _spoken(ticket: Ticket, write: Write, directory: Directory) -> Call | None:
    match write.spoken:
        case Reply() as reply:
            if not whole(ticket.customer.id):
                raise Refused(f"conversation {ticket.id} has no customer to reply to")
            return writing.reply_call(ticket, write.actions, reply, _holder(write.actions, directory))
        case AddNote() as note:
            return writing.note_call(ticket, write.actions, note)
        case _:
            return None


def _holder(actions: Sequence[Action], directory: Directory) -> str:
    """Return whom a reply hands the conversation to: a user or a team, by id."""
    for action in actions:
        if isinstance(action, Assign):
            return directory.user_id(action.agent)
        if isinstance(action, SetQueue):
            return directory.queue(action.queue)[1]
    return ""


def _silent(
    ticket: Ticket, actions: Sequence[Action], directory: Directory, settings: Settings
) -> Call | None:
    """Return the call for a write without a message; its first action decides which."""
    match next(iter(actions), None):
        case AddTags() | SetPriority():
            return writing.tags_call(ticket, actions, settings.tag_prefix)
        case SetFields() as filled:
            listed = directory.fields(text(ticket.raw.get("mailbox")))
            return writing.fields_call(ticket, filled, settings.fields(), listed)
        case SetQueue() as queue:
            kind, one = directory.queue(queue.queue)
            move = kind == "mailbox"
            path = "/mailboxId" if move else "/assignTo"
            return writing.patch("move" if move else "replace", path, int(one))
        case Assign() as assign:
            return writing.patch("replace", "/assignTo", int(directory.user_id(assign.agent)))
        case Solve():
            return writing.patch("replace", "/status", "closed")
        case Reopen():
            return writing.patch("replace", "/status", "active")
        case _:
            return None
