"""Somebody takes a ticket: in the desk, by a click, or by a link. All three are one claim.

Taken outside the desk, the ticket is first given to that person there: while the desk does not know, everybody else may
take it, too. Only then the ledger says so, and the ladder falls silent until the promise.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import escalation
from core.app import App
from core.errors import Gone, Moved, NotAllowed, Refused, UnknownOutcome, Unsupported, VendorError
from core.ledger import store
from core.ledger.db import reading
from core.ledger.pausing import paused
from core.ledger.rows import TicketRow
from core.ledger.states import Entry
from core.model import OVER, Assign, Assignee, Author, Claim, Mode, Priority, Status, Ticket, TicketState
from core.notifications import routing
from core.notifications import rows as notice_rows
from core.pipeline import presence, scoping
from core.ports import AgentDirectory, HelpDesk

log = logging.getLogger(__name__)

AWAITED = {TicketState.ESCALATED, TicketState.REESCALATED, TicketState.CLAIMED}


def claim_of(ticket: Ticket, since: datetime | None) -> Claim:
    """Return the claim of a fetched ticket: the first human assignee or human public reply since the wait began."""
    said = [m for m in ticket.messages if m.author is Author.AGENT and m.public and not m.draft]
    said = [m for m in said if since is None or m.at >= since]
    over = ticket.status in OVER
    who = ticket.assignee if ticket.assignee is not None and ticket.assignee.human else None
    if said:
        name, email = said[0].author_name or said[0].author_id, said[0].author_email
        return Claim(ticket.id, name, email, "reply", said[0].at, True, said[0].at, over)
    if who is not None:
        touched = _touched(ticket, who, since)
        return Claim(
            ticket.id,
            who.name or who.id,
            who.email,
            "assignee",
            closed=over,
            by_id=who.id,
            touched_at=touched,
        )
    return Claim(ticket.id, closed=over)


def _touched(ticket: Ticket, who: Assignee, since: datetime | None) -> datetime | None:
    """Return when the holder first wrote something that the customer does not see, a half-written answer too, or set
    the ticket pending."""
    theirs = (m.at for m in ticket.messages if m.author is Author.AGENT and m.author_id == who.id)
    wrote = next((at for at in theirs if since is None or at >= since), None)
    return wrote or (ticket.updated_at if ticket.status is Status.PENDING else None)


def notice_claim(app: App, ticket: Ticket, row: TicketRow, now: datetime) -> bool:
    """Learn from a ticket just fetched what humans did with it; return whether its row was changed."""
    return row.state in AWAITED and learn(app, row, claim_of(ticket, row.waiting_since), now)


def learn(app: App, row: TicketRow, claim: Claim, now: datetime) -> bool:
    """Update an awaited ticket's row from the desk's claim; return whether it was changed."""
    if scoping.out_of_scope(app, row, claim):
        scoping.let_go(app, row, now)
        return True
    claim, absent = presence.present(app, row, claim, now)
    values, what, detail = _learned(app, row, claim, absent, now)
    if values:
        with app.engine.begin() as conn:
            store.put_ticket(conn, (row.desk, row.ticket_id), now, **values)
            store.log(conn, (row.desk, row.ticket_id), now, what, detail)
            if what != Entry.LET_GO:
                notice_rows.close_incidents(conn, routing.of(app), row.desk, row.ticket_id, claim.by, now)
    return bool(values)


def _learned(
    app: App, row: TicketRow, claim: Claim, absent: str, now: datetime
) -> tuple[dict[str, Any], Entry, str]:
    """Return what the claim changes in the row ({} for nothing), with the line of the ticket's history. `absent`: why
    somebody who holds it does not count."""
    values: dict[str, Any] = {}
    what, detail = Entry.CLAIMED, ""
    other = bool(row.claimed_by_id and claim.by_id and claim.by_id != row.claimed_by_id)
    if claim.answered:
        values = {"state": TicketState.ANSWERED, "answered_at": claim.answered_at or now, "next_due_at": None}
        what, detail = Entry.ANSWERED, f"by {claim.by}"
        if row.claimed_at is None:
            values |= {"claimed_at": claim.at or now, "claimed_by": claim.by, "claimed_via": claim.via}
    elif claim.closed:
        values = {"state": TicketState.ANSWERED, "closed_at": now, "next_due_at": None}
        what, detail = Entry.CLOSED, "somebody closed it without a public answer"
    elif claim.by and (row.state != TicketState.CLAIMED or other):
        values = {
            "state": TicketState.CLAIMED,
            "claimed_at": claim.at or now,
            "claimed_by": claim.by,
            "claimed_via": claim.via,
            "claimed_by_id": claim.by_id,
            **_waits(app, row, claim, claim.at or now, now),
        }
        what, detail = Entry.CLAIMED, f"by {claim.by} ({claim.via})"
    elif claim.by and claim.touched_at and row.touched_at is None and row.claimed_via == "assignee":
        values = _waits(app, row, claim, row.claimed_at or now, now)
        what, detail = Entry.CLAIMED, f"{claim.by} works on it"
    elif not claim.by and row.state == TicketState.CLAIMED and row.claimed_via == "assignee":
        ladder = escalation.resume(row.ladder or [], row.rung, now)
        state = TicketState.REESCALATED if row.reescalated_at else TicketState.ESCALATED
        values = {"state": state, "claimed_at": None, "claimed_by": "", "claimed_by_id": "", "ladder": ladder}
        values |= {"next_due_at": escalation.next_due(ladder, row.rung), "touched_at": None}
        what, detail = Entry.LET_GO, f"{absent or 'no person who works there holds it'}: the ladder goes on"
    return values, what, detail


def _waits(app: App, row: TicketRow, claim: Claim, claimed_at: datetime, now: datetime) -> dict[str, Any]:
    """Return the ladder while somebody holds the ticket. Who was given it and has not touched it has half of the
    promise."""
    since, promise_at, hours = row.waiting_since or now, row.promise_at or now, app.hours_of(row.desk)
    priority = Priority(row.priority or Priority.NORMAL)
    idle = claim.via == "assignee" and claim.touched_at is None
    ladder = escalation.after_claim(
        row.ladder or [],
        row.rung,
        waiting_since=since,
        promise_at=promise_at,
        claimed_at=claimed_at,
        hours=hours,
        idle_at=escalation.half_of(since, promise_at, priority, hours) if idle else None,
    )
    return {
        "ladder": ladder,
        "next_due_at": escalation.next_due(ladder, row.rung),
        "touched_at": claim.touched_at,
    }


@dataclass(frozen=True)
class Outcome:
    """Return the result in words for the person who clicked. `refused`: the desk did not assign it to this person."""

    done: bool
    words: str
    refused: bool = False


def claim_by_person(
    app: App, desk: str, ticket_id: str, email: str, via: str, now: datetime, *, name: str = ""
) -> Outcome:
    """Assign the ticket to the agent with this e-mail address, in the desk and in the ledger."""
    if desk not in app.desks:
        return Outcome(False, f"There is no desk called {desk} here.")
    if not email:
        return Outcome(
            False,
            "We do not know your e-mail address, so we cannot tell the desk who you are. Take it there.",
        )
    try:
        ticket = app.desks[desk].fetch(ticket_id)
        held = _holder(app, ticket, email, now)
        written = bool(held) or _assigned(app, desk, ticket, email, now)
    except VendorError as err:
        log.warning("%s:%s was not assigned to the person who claimed it: %s", desk, ticket_id, err)
        return _not_given(ticket_id, email, err)
    if held and held.casefold() != email.casefold():
        return Outcome(False, f"Ticket {ticket_id} is taken already, by {held}.")
    with app.engine.begin() as conn:
        row = store.ticket(conn, desk, ticket_id)
    if row is not None and row.state in AWAITED:
        learn(app, row, Claim(ticket_id, name or email, email, via, now), now)
    aside = "" if written else " Please assign it to yourself in the desk, too: here it is only noted."
    return Outcome(True, f"Ticket {ticket_id} is yours, {name or email}.{aside}")


def _not_given(ticket_id: str, email: str, err: VendorError) -> Outcome:
    """In our words: a vendor's own are for the log."""
    if isinstance(err, Gone | Moved):
        return Outcome(
            False, f"Ticket {ticket_id} is not there any more: it was deleted, or merged into another one."
        )
    if isinstance(err, NotAllowed):
        return Outcome(False, f"The desk does not let us assign ticket {ticket_id}. Take it in the desk.")
    if isinstance(err, Refused):
        words = f"The desk does not assign ticket {ticket_id} to {email}: no agent has the address there, or may not take it."
        return Outcome(False, words, refused=True)
    return Outcome(False, "The desk does not answer. Nothing was taken; please try again in a minute.")


def seen_by(app: App, desk: str, ticket_id: str, who: str, now: datetime) -> Outcome:
    """Note that somebody who cannot take the ticket has seen it: the next rung is left out, and the ticket still waits."""
    with app.engine.begin() as conn:
        row = store.ticket(conn, desk, ticket_id)
        if row is None or row.state not in AWAITED - {TicketState.CLAIMED}:
            return Outcome(True, f"Ticket {ticket_id} no longer waits.")
        ladder = escalation.after_seen(row.ladder or [], row.rung)
        due = escalation.next_due(ladder, row.rung)
        store.put_ticket(conn, (desk, ticket_id), now, ladder=ladder, next_due_at=due)
        store.log(
            conn,
            (desk, ticket_id),
            now,
            Entry.SEEN,
            f"by {who}: the next rung is left out, the ticket still waits",
        )
    return Outcome(
        True,
        f"Noted: {who} has seen ticket {ticket_id}. The next reminder is left out; it still waits for an agent.",
    )


def _holder(app: App, ticket: Ticket, email: str, now: datetime) -> str:
    """Return the human who holds the ticket, by the claimer's own address where both are the same person; empty when the
    ticket is unassigned or its holder is absent."""
    who, at = ticket.assignee, app.desks[ticket.desk]
    if who is None or not who.human:
        return ""
    with reading(app.engine) as conn:
        row = store.ticket(conn, ticket.desk, ticket.id)
    theirs = Claim(ticket.id, who.name or who.id, who.email, "assignee", by_id=who.id)
    if row is not None and presence.present(app, row, theirs, now)[1]:
        return ""
    if who.email.casefold() == email.casefold() or _same(at, who, email):
        return email
    return who.name or who.email or "somebody"


def _same(at: HelpDesk, who: Assignee, email: str) -> bool:
    """Compare by the desk's own id: a ticket may show no address of its holder, or another one."""
    try:
        return isinstance(at, AgentDirectory) and at.agent_id(email) == who.id
    except Refused:
        return False


def _assigned(app: App, desk: str, ticket: Ticket, email: str, now: datetime) -> bool:
    """Write the assignment to the desk. Return False where the mode or a hold forbids it, or the desk cannot express it."""
    at = app.desks[desk]
    if app.rules[desk].mode is Mode.OBSERVE or paused(app.engine, desk):
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
            if _holder(app, at.fetch(ticket.id), email, now) != email:
                raise  # not written: the claimer is asked to try again
    return True
