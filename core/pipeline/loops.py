"""Conversations of machines: known by what comes again and again from one mailbox, at whatever tempo.

What another program answers to our messages differs in numbers and hardly otherwise. The third time it is not written to any
more, and people see it as they see all that looks automatic; from the fifth time on nobody is called, and one notice says so.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import datetime, timedelta

from core.app import App
from core.ledger import repeats
from core.ledger.db import reading
from core.mail import phrases
from core.mailboxes import mailbox_of
from core.model import Author, Evidence, Grade, MachineKind, Ticket
from core.notifications.alerts import alarm
from core.pipeline import authors
from core.pipeline.case import Case, address_of

LOOK_BACK = timedelta(days=30)
TWICE, OFTEN = 2, 4  # times that the same words came before
ALIKE = 0.85  # share of the words that two texts have in common
LEAST = 8  # different words; a shorter text is no evidence
_NAMED = re.compile(r"\S*\d\S*|\S+@\S+")  # numbers, tickets' ids and addresses differ from round to round


def noticed(app: App, case: Case, now: datetime) -> Case:
    """Return the case, with the evidence where nearly the same words came before."""
    words = _words(case.words)
    newest = case.messages[-1] if case.messages else None
    if newest is None or newest.author is not Author.CUSTOMER or len(words) < LEAST or _trusted(app, case):
        return case
    times = _times(app, case.ticket, words, now)
    if times < TWICE or authors.surely_a_machine(newest):
        return case
    why = f"the same words came {times + 1} times from this address within {LOOK_BACK.days} days"
    found = Evidence(Grade.LIKELY, MachineKind.LOOP, why, whole=times >= OFTEN)
    ticket = authors.exchanged(case.ticket, [replace(one, machine=found) for one in case.messages])
    return replace(case, ticket=ticket, messages=authors.same(ticket, case.messages))


def announce(app: App, case: Case, now: datetime) -> None:
    """Alarm our people when a message no longer pages anybody because it is a repetition."""
    found = case.messages[-1].machine if case.messages else None
    if found is not None and found.kind is MachineKind.LOOP and found.whole:
        tell(app, case.ticket, found.reason, now)


def tell(app: App, ticket: Ticket, why: str, now: datetime) -> None:
    """Alarm our people, once a week, about a mailbox that no more automatic messages are sent to."""
    address = address_of(ticket)
    year, week, _ = now.isocalendar()
    name = hashlib.sha256(mailbox_of(address).encode()).hexdigest()[:12]
    words = (
        f"{ticket.desk}: {why}: a machine seems to answer ours. Nothing more is said to it automatically, and its tickets wait "
        f"in their queue. If it is people, name the address in desks.{ticket.desk}.people"
    )
    alarm(app, f"loop:{ticket.desk}:{name}:{year}-{week}", ticket.desk, ticket.id, words, now)


def _trusted(app: App, case: Case) -> bool:
    """Return whether the admin has listed the sender as people."""
    known = {one.strip().lower() for one in authors.people_of(app, case.ticket.desk)}
    return case.ticket.customer.email.lower() in known


def _times(app: App, ticket: Ticket, words: frozenset[str], now: datetime) -> int:
    """Return how many earlier messages of this mailbox have nearly the same text."""
    with reading(app.engine) as conn:
        said = repeats.said_lately(conn, ticket.desk, ticket.customer.email, now - LOOK_BACK, ticket.id)
    return sum(_alike(words, _words(one)) for one in said)


def _words(text: str) -> frozenset[str]:
    return frozenset(phrases.tokens(_NAMED.sub(" ", phrases.fold(text[:2_000]))))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(other) and len(one & other) >= ALIKE * len(one | other)
