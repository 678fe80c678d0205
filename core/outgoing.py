"""May this customer-visible message go out? One guard for every answer and acknowledgment. Pure.

Public ticket forms are abused to mail strangers, and two robots can answer each other without end; so each
message is checked here, however sure the classifier was.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from core.mail.machine import nobody_reads
from core.mail.said import said_in
from core.mailboxes import mailbox_of
from core.model import Author, Message, Reply, Status, Ticket

FREELY = 30  # automatic messages to one mailbox within a week
ECHO = 40  # a run of this many characters of the customer's own words is an echo


@dataclass(frozen=True)
class Sent:
    """What went out automatically in the last hour, by the ledger; caps from `[limits]`. 0 = no cap."""

    to_address: int = 0
    in_a_week: int = 0  # to that address
    last: timedelta = timedelta.max  # since the last one to that address
    to_all: int = 0
    address_cap: int = 10
    total_cap: int = 600


@dataclass(frozen=True)
class Full:
    """Why a cap allows no more. `brake`: it is the one for all customers together, so an acknowledgment is owed;
    `loop`: a machine seems to answer."""

    why: str
    brake: bool = False
    loop: bool = False


def too_much(sent: Sent) -> Full | None:
    """Return which cap is reached; None while there is room for one more message."""
    if sent.address_cap and sent.to_address >= sent.address_cap:
        return Full(f"{sent.to_address} automatic messages went to this address within an hour")
    if sent.address_cap and sent.last < pause(sent.in_a_week):
        return Full(f"{sent.in_a_week} automatic messages went to this address within a week", loop=True)
    if sent.total_cap and sent.to_all >= sent.total_cap:
        return Full(f"{sent.to_all} automatic messages went out within an hour: the brake holds", brake=True)
    return None


def pause(in_a_week: int) -> timedelta:
    """Return how long nothing is said to a mailbox after so many automatic messages within a week: nothing up to
    `FREELY`, then an hour, doubled with each further one. So two machines that answer each other stop, however
    fast they write."""
    return timedelta(hours=2 ** min(in_a_week - FREELY, 8)) if in_a_week >= FREELY else timedelta()


def human_touch(ticket: Ticket, after: Message | None = None) -> str:
    """Return why the ticket is in a human's hands ("" if it is not); `after`: only what came after that message."""
    return held(ticket) or answered(ticket, after)


def held(ticket: Ticket) -> str:
    """Return who of the company's holds the ticket, as a reason; "" when nobody does."""
    holder = ticket.assignee
    return f"{holder.name or 'an agent'} holds the ticket" if holder is not None and holder.human else ""


def answered(ticket: Ticket, after: Message | None = None) -> str:
    """That a person of the company's has answered, as a reason; "" when nobody has. `after`: since that message."""
    since = ticket.messages.index(after) + 1 if after in ticket.messages else 0
    by_agent = any(m.author is Author.AGENT and m.public for m in ticket.messages[since:])
    return "an agent has answered" if by_agent else ""


def refusal(
    ticket: Ticket,
    reply: Reply,
    sent: Sent,
    *,
    answers: str,
    own_addresses: Collection[str] = (),
    late: bool = False,
) -> str:
    """Return why the message must not go out; "" when it may. `answers`: id of the customer message it answers;
    `late`: it is an acknowledgment that is owed, which only an answer makes needless."""
    full = too_much(sent)
    checks = (
        _unreachable(ticket),
        _machine(ticket, answers),
        _stranger(ticket.customer.email, own_addresses),
        _overtaken(ticket, answers, late),
        full.why if full else "",
        _echo(ticket, reply),
    )
    return next((why for why in checks if why), "")


def _unreachable(ticket: Ticket) -> str:
    if ticket.status in {Status.CLOSED, Status.SPAM, Status.DELETED}:
        return f"the ticket is {ticket.status}"
    if ticket.locked:
        return f"nothing can be added to the ticket: {ticket.locked}"
    if not ticket.replyable:
        return f"a public reply does not reach the customer on this channel ({ticket.channel})"
    if ticket.customer.is_staff or ticket.opened_by is Author.AGENT:
        return "the company's own people opened it"
    return ""


def _machine(ticket: Ticket, answers: str) -> str:
    message = next((m for m in ticket.messages if m.id == answers), None)
    if message is not None and message.machine is not None:
        return f"a machine wrote the message: {message.machine.reason}"
    return ""


def _stranger(email: str, own_addresses: Collection[str]) -> str:
    if email and mailbox_of(email) in {mailbox_of(own) for own in own_addresses if own}:
        return "the address is one of our own"
    if nobody_reads(email.strip().lower()):
        return "the address belongs to no person"
    return ""


def _overtaken(ticket: Ticket, answers: str, late: bool) -> str:
    ids = [m.id for m in ticket.messages]
    after = ticket.messages[ids.index(answers) + 1 :] if answers in ids else ()
    if any(m.author is Author.AGENT and m.public and not m.draft for m in after):
        return "an agent has answered meanwhile"
    if late:
        return "the ticket is solved meanwhile" if ticket.status is Status.SOLVED else ""
    if any(m.draft and m.author is Author.AGENT for m in ticket.messages):
        return "an agent is writing an answer"
    if ticket.assignee is not None and ticket.assignee.human:
        return "an agent has taken the ticket meanwhile"
    return ""


def _echo(ticket: Ticket, reply: Reply) -> str:
    """The customer's own words never go out again: that is how ticket forms become spam relays. Words of ours that the
    customer quotes are no echo, so only what is new in a message counts."""
    sent = _squash(reply.text)
    for message in ticket.messages:
        if message.author is not Author.CUSTOMER or not _repeated(f"{ticket.subject} {message.text}", sent):
            continue
        said = said_in(ticket, message)
        if _repeated(f"{ticket.subject} {said.words if said.new else ''}", sent):
            return "the text repeats the customer's own words"
    return ""


def _repeated(text: str, sent: str) -> bool:
    words = _squash(text[:20_000])
    return any(words[i : i + ECHO] in sent for i in range(0, max(0, len(words) - ECHO), ECHO // 2))


def _squash(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()
