"""Mark what a desk's own AI agents wrote and hold, so that it counts neither as a person's nor as ours."""

from __future__ import annotations

from dataclasses import replace

from core.model import Author, Message, Ticket


def seen(ticket: Ticket, agents: frozenset[str]) -> Ticket:
    """Return the ticket with messages and assignment of AI agents marked. `agents`: their ids or addresses, in lower case."""
    if not agents:
        return ticket
    holder = ticket.assignee
    held = holder is not None and bool({holder.id, holder.email.casefold()} & agents)
    messages = tuple(_by_ai(one) if _is(one, agents) else one for one in ticket.messages)
    return replace(ticket, messages=messages, held_by_ai=held)


def _is(message: Message, agents: frozenset[str]) -> bool:
    known = {message.author_id, message.author_email.casefold()} - {""}
    return message.author not in {Author.CUSTOMER, Author.BOT} and bool(known & agents)


def _by_ai(message: Message) -> Message:
    return replace(message, author=Author.AI, machine=None)
