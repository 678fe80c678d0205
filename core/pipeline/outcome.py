"""The outcome of a ticket once its calls are made: its state, and the escalation with its ladder."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from core import safety
from core.app import App
from core.automatic import CALM
from core.escalation import DAILY, TEAM, for_audience, ladder_for, next_due
from core.ledger import store
from core.ledger.rows import DecisionRow, TicketRow
from core.ledger.states import TAKEN_UP, Entry
from core.model import OVER, Author, Decision, Mode, Outcome, Priority, Ticket, TicketState
from core.notifications.alerts import alarm
from core.outgoing import human_touch
from core.pipeline import surges
from core.pipeline.batch import Batch
from core.pipeline.climbing import climb


def remember(
    app: App, ticket: Ticket, decision: DecisionRow, failures: list[str], batch: Batch, unsaid: str = ""
) -> None:
    """Have state, escalation, ladder and its first notices stored in one transaction with the end of the decision."""
    now, where = app.clock(), batch.where
    if failures:
        alarm(app, f"refused:{decision.key}", *where, f"a call was refused: {failures[0]}", now)

    def remembered(conn: Connection) -> dict[str, Any]:
        row = store.ticket(conn, *where)
        values = _become(app, ticket, decision, row, now, unsaid)
        store.finish_decision(conn, decision.key)
        for failed in failures:
            store.log(conn, where, now, Entry.FAILED, failed, key=decision.key)
        if row is not None and values.get("next_due_at") and surges.is_watched(app, ticket.desk, now):
            guess = (decision.intent, decision.confidence)
            values |= climb(app, conn, replace(row, **values), guess, now)
        batch.became = replace(row, **values) if row is not None else None
        return values

    batch.add(remembered)


def _become(
    app: App, ticket: Ticket, decision: DecisionRow, row: TicketRow | None, now: datetime, unsaid: str
) -> dict[str, Any]:
    guess = _guess(decision, row) | {
        "priority": decision.priority,
        "queue": decision.queue,
        "mode": decision.mode,
        "rules_version": decision.rules_version,
        "reason": decision.reason,
    }
    observed = decision.mode == Mode.OBSERVE
    if decision.outcome == Outcome.LEFT_ALONE:
        if row is not None and row.state in TAKEN_UP:
            return {"reescalated_at": now} if _helped_by_an_agent(ticket, decision, row) else {}
        over = {"closed_at": now} if ticket.status in OVER else {}
        return {"state": TicketState.LEFT_ALONE, "outcome": decision.outcome, **guess, **over}
    if observed:
        return {
            "state": TicketState.LEFT_ALONE,
            "outcome": decision.outcome,
            **guess,
            "reason": "observe mode: " + decision.reason,
        }
    if unsaid:
        touched = human_touch(ticket)
        if touched:
            return {
                **guess,
                "state": TicketState.LEFT_ALONE,
                "outcome": Outcome.LEFT_ALONE,
                "reason": touched,
            }
        instead = {
            "outcome": Outcome.GENERAL_QUEUE,
            "queue": app.rules[ticket.desk].general_queue,
            "reason": unsaid,
        }
        return {**guess, **_escalated(app, ticket, decision, row, now), **instead}
    if decision.outcome == Outcome.AUTO_RESOLVED:
        check = "pending" if _sampled(app, decision.key) else ""
        return {
            **guess,
            "state": TicketState.AUTO_RESOLVED,
            "outcome": decision.outcome,
            "auto_resolved_at": now,
            "closed_at": None,
            "check_verdict": check,
        }
    if not decision.escalates:  # machine mail put in a queue
        return {**guess, "state": TicketState.LEFT_ALONE, "outcome": decision.outcome}
    return {**guess, **_escalated(app, ticket, decision, row, now)}


def _guess(decision: DecisionRow, row: TicketRow | None) -> dict[str, Any]:
    """Return the guess that the ticket was first answered or escalated by. A later message does not change it: all
    that is learned about the classifier compares this guess with the truth."""
    if keeps_its_guess(row):
        return {}
    return {name: getattr(decision, name) for name in ("intent", "confidence", "band", "model")}


def keeps_its_guess(row: TicketRow | None) -> bool:
    """Return whether the ticket was answered or escalated before, so that a later message leaves its intent as it is."""
    return row is not None and (row.auto_resolved_at is not None or row.escalated_at is not None)


def _helped_by_an_agent(ticket: Ticket, decision: DecisionRow, row: TicketRow | None) -> bool:
    """Return whether the customer wrote again after an automatic answer and an agent replied before us: the answer
    did not help."""
    if (
        row is None
        or row.auto_resolved_at is None
        or row.reescalated_at is not None
        or not human_touch(ticket)
    ):
        return False
    message = next((m for m in ticket.messages if m.id == decision.message_id), None)
    return message is not None and message.author is Author.CUSTOMER and not message.machine


def _escalated(
    app: App, ticket: Ticket, decision: DecisionRow, row: TicketRow | None, now: datetime
) -> dict[str, Any]:
    """Return the row of a ticket that waits for a human, with a snapshot of the ladder as configured now."""
    again = decision.outcome == Outcome.REESCALATED
    since = now if row is None or row.handled_at is None else min(row.handled_at, now)
    first = row.waiting_since if row is not None and row.waiting_since and not again else since
    promise_at = row.promise_at if row is not None and row.promise_at else now
    ladder = ladder_of(app, ticket.desk, decision, first, promise_at)
    values: dict[str, Any] = {
        "state": TicketState.REESCALATED if again else TicketState.ESCALATED,
        "waiting_since": first,
        "escalated_at": now,
        "ladder": ladder,
        "rung": 0,
        "next_due_at": next_due(ladder, 0),
        "claimed_at": None,
        "answered_at": None,
        "closed_at": None,
        "claimed_by": "",
    }
    first_outcome = row.outcome if row is not None else ""
    values["outcome"] = first_outcome if again and first_outcome else decision.outcome
    if again:
        values["reescalated_at"] = now
    return values


def ladder_of(
    app: App, desk: str, decision: Decision | DecisionRow, since: datetime, promise_at: datetime
) -> list[dict[str, Any]]:
    """Return the ladder of an escalation as configured now. For automatic mail only the team is notified."""
    priority = Priority(decision.priority)
    rungs = app.rungs(priority, decision.intent)
    if decision.rule == CALM:
        rungs = tuple(replace(one, every=one.every or DAILY) for one in rungs if one.notify == TEAM)
    hours = app.hours_of(desk)
    ladder = ladder_for(rungs, waiting_since=since, promise_at=promise_at, priority=priority, hours=hours)
    if decision.rule == safety.RULE and app.settings.safety.channels:
        ladder = for_audience(ladder, safety.AUDIENCE)
    return ladder


def escalated_again(
    app: App, ticket: Ticket, decision: DecisionRow, row: TicketRow, now: datetime
) -> dict[str, Any]:
    """Return the row of a ticket that we answered by `decision` and that needs a human after all, without a new message."""
    again = replace(decision, outcome=Outcome.REESCALATED, rule="returned")
    return _escalated(app, ticket, again, row, now)


def _sampled(app: App, key: str) -> bool:
    """Return whether this automatic answer is sampled for review: by its key, so that a repetition decides alike."""
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32
    return share < app.settings.classifier.sample
