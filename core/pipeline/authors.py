"""Who wrote the new messages of a ticket: each customer message with the evidence that a machine wrote it.

Connectors hand over what their desk shows (headers, flags, senders); what it means is decided here, alike for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from core.app import App
from core.mail.machine import evidence
from core.mail.said import said_in
from core.mail.thanks import is_thanks
from core.model import Author, Grade, MachineKind, Message, Ticket

PROVABLE = {MachineKind.BOUNCE, MachineKind.RECEIPT}  # reports of mail servers


def judged(ticket: Ticket, fresh: Iterable[Message], people: Collection[str]) -> Ticket:
    """Return the ticket with its new messages judged. `people`: senders and lists that the admin declared to be people."""
    return exchanged(ticket, [_judged(ticket, one, people) for one in fresh])


def by_headers(app: App, ticket: Ticket, fresh: Sequence[Message], *, speaks: bool) -> Ticket | None:
    """Return the ticket with its newest message judged by its mail's headers; None where there is nothing to ask or
    to learn.

    They are read before we write to the customer, and where the text looks like a mail server's: its headers prove that.
    """
    newest = next((one for one in reversed(fresh) if one.author is Author.CUSTOMER), None)
    if newest is None or not (speaks or (newest.machine is not None and newest.machine.kind in PROVABLE)):
        return None
    headers = app.desks[ticket.desk].mail_headers(ticket, newest.id)
    return (
        judged(ticket, [replace(newest, headers=headers)], people_of(app, ticket.desk)) if headers else None
    )


def people_of(app: App, desk: str) -> tuple[str, ...]:
    """Return the senders and lists that the admin declared to be people."""
    return tuple(app.desk_settings[desk].people)


def surely_a_machine(message: Message) -> bool:
    """Return whether it is proven that no person wrote it."""
    return message.machine is not None and message.machine.grade is Grade.PROVEN


def same(ticket: Ticket, messages: Iterable[Message]) -> tuple[Message, ...]:
    """These messages as the ticket has them now."""
    ids = {one.id for one in messages}
    return tuple(one for one in ticket.messages if one.id in ids)


def exchanged(ticket: Ticket, messages: Iterable[Message]) -> Ticket:
    """Return the ticket with these messages in the place of those with the same ids."""
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
