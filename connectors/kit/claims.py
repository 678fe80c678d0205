"""Keep a ticket with the person it is assigned to: checked by every connector before it writes."""

from __future__ import annotations

from dataclasses import replace

from core.model import SetQueue, Ticket, Write


def unmoved(ticket: Ticket, write: Write) -> tuple[Write, str]:
    """Return the write without its change of queue while a person holds the ticket, and why.

    At every vendor a change of queue can unassign an agent who is not in the new queue.
    """
    rest = tuple(action for action in write.actions if not isinstance(action, SetQueue))
    if ticket.assignee is None or not ticket.assignee.human or rest == write.actions:
        return write, ""
    return replace(write, actions=rest), f"left in its queue: {_named(ticket)} holds it"


def _named(ticket: Ticket) -> str:
    return (ticket.assignee.name or ticket.assignee.id) if ticket.assignee else ""
