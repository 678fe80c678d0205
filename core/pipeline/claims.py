"""Somebody takes a ticket: in the desk, by a click, or by a link. All three are one claim.

Taken outside the desk, the ticket is first given to that person there: while the desk does not know, everybody else may
take it, too. Only then the ledger says so, and the ladder falls silent until the promise.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime

from core.errors import Gone, Moved, Refused, UnknownOutcome, Unsupported, VendorError
from core.ledger import store
from core.model import Assign, Assignee, Claim, Mode, Ticket
from core.pipeline import reminders
from core.ports import HelpDesk, Knowing
from core.wiring import App

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of it, in words for the person who clicked."""

    done: bool
    words: str


def claim_by_person(
    app: App, desk: str, ticket_id: str, email: str, via: str, now: datetime, *, name: str = ""
) -> Outcome:
    """Give the ticket to the agent with this e-mail address, in the desk and in the ledger."""
    if desk not in app.desks:
        return Outcome(False, f"There is no desk called {desk} here.")
    if not email:
        return Outcome(
            False,
            "We do not know your e-mail address, so we cannot tell the desk who you are. Take it there.",
        )
    try:
        ticket = app.desks[desk].fetch(ticket_id)
        held = _holder(app.desks[desk], ticket, email)
        written = bool(held) or _assigned(app, desk, ticket, email, now)
    except (Gone, Moved) as err:
        return Outcome(False, f"Ticket {ticket_id} is not there any more: {err}")
    except Refused as err:
        return Outcome(
            False, f"The desk does not give ticket {ticket_id} to {email}: {err}. Take it in the desk."
        )
    except VendorError as err:
        log.warning("a claim of %s:%s could not be written: %s", desk, ticket_id, err)
        return Outcome(False, "The desk does not answer. Nothing was taken; please try again in a minute.")
    if held and held.casefold() != email.casefold():
        return Outcome(False, f"Ticket {ticket_id} is taken already, by {held}.")
    with app.engine.begin() as conn:
        row = store.ticket(conn, desk, ticket_id)
    if row is not None and row.state in reminders.AWAITED:
        reminders.learn(app, row, Claim(ticket_id, name or email, email, via, now), now)
    aside = "" if written else " Please assign it to yourself in the desk, too: here it is only noted."
    return Outcome(True, f"Ticket {ticket_id} is yours, {name or email}.{aside}")


def _holder(at: HelpDesk, ticket: Ticket, email: str) -> str:
    """The human who has it already; the person's own address where that is who asks."""
    who = ticket.assignee
    if who is None or not who.human:
        return ""
    if who.email.casefold() == email.casefold() or _same(at, who, email):
        return email
    return who.name or who.email or "somebody"


def _same(at: HelpDesk, who: Assignee, email: str) -> bool:
    """By the desk's own id: it may not show the holder's address on a ticket, or show another one."""
    try:
        return isinstance(at, Knowing) and at.agent_id(email) == who.id
    except Refused:
        return False


def _assigned(app: App, desk: str, ticket: Ticket, email: str, now: datetime) -> bool:
    """Write the assignment to the desk. False where we may not, or the desk cannot say it."""
    at = app.desks[desk]
    if app.rules[desk].mode is Mode.OBSERVE:
        return False
    whose = hashlib.sha256(email.casefold().encode()).hexdigest()[:12]
    try:
        planned = at.writes(
            ticket, [Assign(email)], f"{desk}:{ticket.id}:claim:{whose}:{int(now.timestamp())}"
        )
    except Unsupported:
        return False
    for one in planned:
        try:
            at.send(ticket, one)
        except UnknownOutcome:
            if _holder(at, at.fetch(ticket.id), email) != email:
                raise  # the desk does not have it: the person is told to try again
    return True
