"""Who wrote what is new on a ticket: each message of a customer's with the evidence that a machine did. Pure.

Connectors hand over what their desk shows (headers, flags, senders); what it means is decided here, alike for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from core.mail.machine import evidence
from core.mail.said import said_in
from core.mail.thanks import is_thanks
from core.model import Author, Message, Ticket


def judged(ticket: Ticket, fresh: Iterable[Message], people: Collection[str]) -> Ticket:
    """The ticket with its new messages judged. `people`: senders and lists that are people by the admin's word."""
    return exchanged(ticket, [_judged(ticket, one, people) for one in fresh])


def with_headers(
    ticket: Ticket, message: Message, headers: Mapping[str, str], people: Collection[str]
) -> Ticket:
    """The ticket with one of its messages judged anew, now that its mail's headers are known."""
    return exchanged(ticket, [_judged(ticket, replace(message, headers=headers), people)])


def same(ticket: Ticket, messages: Iterable[Message]) -> tuple[Message, ...]:
    """These messages as the ticket has them now."""
    ids = {one.id for one in messages}
    return tuple(one for one in ticket.messages if one.id in ids)


def exchanged(ticket: Ticket, messages: Iterable[Message]) -> Ticket:
    """The ticket with these messages in the place of those with the same ids."""
    new = {one.id: one for one in messages}
    return replace(ticket, messages=tuple(new.get(one.id, one) for one in ticket.messages))


def _judged(ticket: Ticket, message: Message, people: Collection[str]) -> Message:
    if message.author is not Author.CUSTOMER:
        return message
    said = said_in(ticket, message)
    words = said.words or message.text
    found = evidence(
        message.subject, words, message.author_email, message.headers, flags=message.flags, people=people
    )
    return replace(message, machine=found, thanks=found is None and not said.cut and is_thanks(said.words))
