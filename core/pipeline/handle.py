"""One reported event, from look to settled: fetch, decide, write, remember.

Everything here may run twice. A decision is stored before the first call; each call is claimed, made, and marked
done; a call found open on a repeat is looked up at the desk before it is made again. So a process may die on any
line, and what others see happens once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from core import demoted, policy
from core.app import App
from core.errors import (
    Conflict,
    Gone,
    HeldByAI,
    Moved,
    NotAllowed,
    Refused,
    TryLater,
    UnknownOutcome,
    VendorError,
    said_of,
)
from core.ledger import pausing, store
from core.ledger.db import reading
from core.ledger.rows import EventRow, TicketRow
from core.ledger.states import UNSETTLED, Entry, EventState
from core.model import Author, Message, Outcome, Ticket, TicketState, look
from core.notifications.alerts import alarm
from core.pipeline import authors, owed, scoping, second_word, surge_text, with_ai
from core.pipeline.batch import Batch
from core.pipeline.case import Past
from core.pipeline.claims import notice_claim
from core.pipeline.decide import decide
from core.pipeline.returned import take_up
from core.pipeline.write import carry_out, make_up
from core.queue import report

log = logging.getLogger(__name__)

FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=10), timedelta(minutes=30)
SHORTEST = timedelta(seconds=5)
PERMISSION_WAIT = timedelta(minutes=5)
DOWN_WAIT = timedelta(minutes=5)  # at most: the first sweep that succeeds ends it
SPREAD = 5  # seconds, so that a backlog does not come all at once
NOW, LOOKS = timedelta(0), 2  # tries at a call's own pace before the pauses grow
UNAUTHORISED, TOO_MANY = 401, 429


@dataclass(frozen=True)
class Dealt:
    """How an event was handled: its state now, its ticket, and that ticket's row where a decision was carried out."""

    state: str
    where: tuple[str, str] | None = None
    row: TicketRow | None = None


def handle(app: App, key: str) -> str:
    """Handle one stored event and return its state. Raises nothing: a failure is retried, or becomes a dead letter."""
    return deal(app, key).state


def deal(app: App, key: str) -> Dealt:
    """Handle one stored event and return its state, its ticket and that ticket's row."""
    with reading(app.engine) as conn:
        event, on_hold, kept = store.opening(conn, key, demoted.DEMOTED)
    if event is None or event.state in {EventState.SETTLED, EventState.DEAD}:
        return Dealt(event.state if event is not None else "unknown")
    if on_hold:
        return Dealt(_held(app, event, app.clock() + pausing.LOOK_AGAIN))
    demoted.follow(app, kept or {})
    batch = Batch(app, event.desk, event.ticket_id)
    return Dealt(_dealt_with(app, event, batch), batch.where, batch.became)


def _dealt_with(app: App, event: EventRow, batch: Batch) -> str:
    try:
        with batch:
            outcome, reason = settle_ticket(app, event, batch)
            now = app.clock()
            batch.add(lambda conn: store.settle(conn, event.key, outcome, reason, now))
    except Moved as err:
        return _settled(app, event, *_moved(app, event, err))
    except Gone:
        return _settled(app, event, *_gone(app, event))
    except NotAllowed as err:
        # a broken credential stops everything and is repaired by a person: such tries do not count
        return _later(
            app,
            event,
            f"{store.NO_ENTRY if err.status == UNAUTHORISED else 'the desk does not let us in:'} {err}",
            PERMISSION_WAIT,
            counts=err.status != UNAUTHORISED,
        )
    except Refused as err:
        return _dead(app, event, f"the desk refuses: {err}")
    except UnknownOutcome as err:
        wait = max(app.desks[event.desk].patience, _back_off(event, err) if event.attempts > LOOKS else NOW)
        return _later(app, event, str(err), wait, counts=not _is_down(app, event.desk))
    except HeldByAI as err:  # nothing has failed: the desk's own AI has it
        return _later(app, event, str(err), max(err.wait, SHORTEST), counts=False)
    except (TryLater, Conflict) as err:
        wait, counts = _wait_after(app, event, err)
        return _later(app, event, str(err), wait, counts=counts)
    except Exception as err:  # an unexpected error must not lose the ticket: it is tried again, then alarmed
        log.exception("unhandled exception while handling %s", event.key)
        return _later(app, event, f"unexpected error: {said_of(err)}", _back_off(event, err))
    return _counted(app, event, outcome, now)


def settle_ticket(app: App, event: EventRow, batch: Batch) -> tuple[str, str]:
    """Fetch the ticket, carry out what is due on it, and return outcome and reason."""
    desk = app.desks[event.desk]
    ticket = desk.fetch(event.ticket_id)
    now = app.clock()
    batch.where = (event.desk, ticket.id)
    if why := scoping.not_ours(app, ticket, now):
        return Outcome.LEFT_ALONE, why
    past = _past(app, batch)
    if past.ticket is not None and _changed(app, ticket, past.ticket, now):
        past = _past(app, batch)
    pending = past.pending
    if pending is None and (why := with_ai.leave(app, ticket, past.ticket, now)):
        return Outcome.LEFT_ALONE, why
    if pending is not None:
        carry_out(app, ticket, pending, batch)
        batch.flush()
    if pending is not None or with_ai.has_been(ticket):
        past = _past(app, batch)
    row = past.ticket
    if past.decisions:
        second_word.plan(app, ticket, row, now)
        surge_text.plan(app, ticket, row, now)
        ticket = _left_made(app, ticket, batch)
    messages = unhandled(ticket, past.handled, row.handled_at if row else None)
    if not messages and row is not None and (past.handled or past.begun):
        return Outcome.LEFT_ALONE, "nothing new from the customer"
    if messages and past.about(messages[-1].id) and (why := policy.set_aside(ticket, store.history_of(row))):
        return Outcome.LEFT_ALONE, why
    ticket = authors.judged(ticket, messages, authors.people_of(app, event.desk))
    decided = decide(app, ticket, authors.same(ticket, messages), past, event, batch)
    carry_out(app, ticket, decided.row, batch, decided.calls)
    surge_text.follow(app, ticket, now, batch)
    return decided.row.outcome, decided.row.reason


def _changed(app: App, ticket: Ticket, row: TicketRow, now: datetime) -> bool:
    """Learn from a ticket just fetched what has become of it; return whether that changes its row."""
    if not take_up(app, ticket, row, now):
        return notice_claim(app, ticket, row, now)
    with reading(app.engine) as conn:
        taken_up = store.ticket(conn, row.desk, row.ticket_id)
    if taken_up is not None:
        notice_claim(app, ticket, taken_up, now)
    return True


def _left_made(app: App, ticket: Ticket, batch: Batch) -> Ticket:
    """Make the calls that were left over; return the ticket with its new version."""
    with reading(app.engine) as conn:
        left = store.any_left(conn, *batch.where)
    return owed.pay(app, make_up(app, ticket, batch), batch) if left else ticket


def _past(app: App, batch: Batch) -> Past:
    with reading(app.engine) as conn:
        return Past(store.ticket(conn, *batch.where), tuple(store.decisions_on(conn, *batch.where)))


def unhandled(ticket: Ticket, handled_id: str, handled_at: datetime | None) -> tuple[Message, ...]:
    """Return the customer messages since the newest one that was handled, oldest first."""
    ids = [m.id for m in ticket.messages]
    start = ids.index(handled_id) + 1 if handled_id in ids else 0
    fresh = ticket.messages[start:]
    if handled_id and handled_id not in ids and handled_at is not None:  # redacted, or merged away
        fresh = tuple(m for m in fresh if m.at > handled_at)
    return tuple(m for m in fresh if m.author in {Author.CUSTOMER, Author.MACHINE} and not m.draft)


# --- how an event ends ----------------------------------------------------------------------


def _settled(app: App, event: EventRow, outcome: str, reason: str) -> str:
    now = app.clock()
    with app.engine.begin() as conn:
        store.settle(conn, event.key, outcome, reason, now)
    return _counted(app, event, outcome, now)


def _counted(app: App, event: EventRow, outcome: str, now: datetime) -> str:
    app.counters.settled(event.desk, outcome, max(0.0, (now - event.received_at).total_seconds()))
    return EventState.SETTLED


def _held(app: App, event: EventRow, until: datetime) -> str:
    """Keep the event of a paused desk until the pause is over."""
    with app.engine.begin() as conn:
        store.wait(conn, event.key, until, pausing.REASON, counts=False)
    return EventState.WAITING


def _later(app: App, event: EventRow, reason: str, wait: timedelta, *, counts: bool = True) -> str:
    """Store a due time, at which the next pass takes the event up; no thread waits."""
    if counts and event.attempts + 1 >= app.settings.limits.tries:
        return _dead(app, event, reason)
    with app.engine.begin() as conn:
        store.wait(conn, event.key, app.clock() + wait, reason, counts=counts)
    return EventState.WAITING


def give_up(app: App, key: str, reason: str) -> str:
    """Make an event that cannot settle a dead letter, and return its state. Called from outside the workflow."""
    with reading(app.engine) as conn:
        event = store.event(conn, key)
    if event is None:
        return "unknown"
    return _dead(app, event, reason) if event.state in UNSETTLED else str(event.state)


def _dead(app: App, event: EventRow, reason: str) -> str:
    now, where = app.clock(), (event.desk, event.ticket_id)
    with app.engine.begin() as conn:
        store.bury(conn, event.key, reason, now)
        row = store.ticket(conn, *where)
        if row is None or row.state == TicketState.RECEIVED:
            store.put_ticket(conn, where, now, state=TicketState.DEAD_LETTER, reason=reason)
        store.log(conn, where, now, Entry.DEAD_LETTER, reason, key=event.key)
    app.counters.settled(event.desk, Outcome.DEAD_LETTER, 0.0)
    alarm(app, f"dead:{event.key}", event.desk, event.ticket_id, f"given up: {reason}", now)
    return EventState.DEAD


def _wait_after(app: App, event: EventRow, err: VendorError) -> tuple[timedelta, bool]:
    """Return how long to wait, and whether it counts as a try. A rate limit and a desk that is down are no failure of this
    ticket; the first sweep that succeeds takes all of them up again."""
    asked = err.wait if isinstance(err, TryLater) else NOW
    if err.status == TOO_MANY:
        return asked + timedelta(seconds=crc32(event.key.encode()) % SPREAD), False
    if _is_down(app, event.desk):
        return max(asked, DOWN_WAIT), False
    return max(asked, _back_off(event, err)), True


def _is_down(app: App, desk: str) -> bool:
    """Return whether the desk's last sweep failed. No event becomes a dead letter because of that."""
    with reading(app.engine) as conn:
        row = store.desk(conn, desk)
    return row is not None and bool(row.trouble)


def _back_off(event: EventRow, err: Exception) -> timedelta:
    if isinstance(err, Conflict):
        return timedelta(seconds=2)
    return min(FIRST_BACK_OFF * int(2 ** min(event.attempts, 8)), LONGEST_BACK_OFF)


def _gone(app: App, event: EventRow) -> tuple[str, str]:
    now, where = app.clock(), (event.desk, event.ticket_id)
    reason = "the ticket is deleted, or out of our sight"
    with app.engine.begin() as conn:
        row = store.ticket(conn, *where)
        values: dict[str, Any] = {"next_due_at": None, "closed_at": now, "reason": reason}
        if row is None or row.state == TicketState.RECEIVED:
            values["state"] = TicketState.LEFT_ALONE
        store.put_ticket(conn, where, now, **values)
        store.log(conn, where, now, Entry.GONE, reason)
    return Outcome.LEFT_ALONE, reason


def _moved(app: App, event: EventRow, err: Moved) -> tuple[str, str]:
    """Merged: the customer's words are in the other ticket now, so we look there."""
    outcome, _ = _gone(app, event)
    if err.target:
        there = look(event.desk, err.target, f"merged-{event.ticket_id}", app.clock())
        report(app, [there], "manual")
    return outcome, f"merged into {err.target or 'another ticket'}"
