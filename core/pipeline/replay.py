"""What would have been decided about a past ticket: the same decision as in the pipeline, over the ticket as it was when
the customer wrote. Stores nothing, and asks the desk for nothing but the headers of a mail that would be answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from core import escalation
from core.app import App
from core.classify.whatif import night
from core.model import (
    DONE,
    Author,
    Decision,
    History,
    Message,
    Mode,
    Outcome,
    Priority,
    Reply,
    Status,
    Ticket,
    TicketState,
)
from core.notifications import routing
from core.notifications.delivery import is_noise
from core.notifications.routing import DESK
from core.pipeline import authors
from core.pipeline.decide import verdict
from core.pipeline.outcome import ladder_of

MOST = 500  # entries of one ladder that are looked at


@dataclass(frozen=True)
class Replayed:
    """What one past ticket would have come to, and what people really did with it."""

    desk: str
    ticket_id: str
    at: datetime  # when the customer first wrote
    outcome: str
    intent: str
    confidence: float
    priority: str
    queue: str
    reason: str
    url: str = ""
    said: tuple[tuple[str, str], ...] = ()  # purpose and exact words of what the customer would have got
    escalated_at: datetime | None = None
    promise_at: datetime | None = None
    came_back: bool = False  # the customer would have written again after an automatic answer
    answered_at: datetime | None = None  # when a person answered
    over_at: datetime | None = None  # when the ticket was closed without an answer
    final_queue: tuple[str, ...] = ()  # where people left it: id and name; () until it is looked up
    # who would have been notified, when, and whether at night
    pages: tuple[tuple[str, datetime, bool], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as the report's file keeps it."""
        return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in asdict(self).items()} | {
            "pages": [(who, at.isoformat(), dark) for who, at, dark in self.pages]
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Replayed:
        """Return what `as_json` wrote."""
        times = ("at", "escalated_at", "promise_at", "answered_at", "over_at")
        read = {name: datetime.fromisoformat(values[name]) for name in times if values.get(name)}
        told = tuple((who, datetime.fromisoformat(at), dark) for who, at, dark in values["pages"])
        said = tuple((purpose, text) for purpose, text in values["said"])
        return cls(
            **{**values, **read, "pages": told, "said": said, "final_queue": tuple(values["final_queue"])}
        )


@dataclass
class _So:
    """What has become of a ticket so far."""

    history: History = field(default_factory=History)
    first: Decision | None = None
    escalation: Decision | None = None
    escalated_at: datetime | None = None
    promise_at: datetime | None = None
    came_back: bool = False
    said: list[tuple[str, str]] = field(default_factory=list)


def _at(app: App, then: datetime) -> App:
    return replace(app, clock=lambda: then)


def acting(app: App) -> App:
    """Return the same program with every desk in mode `act`."""
    return replace(app, rules={name: replace(one, mode=Mode.ACT) for name, one in app.rules.items()})


def replay(app: App, ticket: Ticket, claimed_at: datetime | None = None) -> Replayed:
    """Decide about each of the customer's messages as if it had just come, until a person answered.

    `app`: over an empty store, so that no cap and no ticket of today plays a part. What Backstop itself left in the
    ticket does not count. `claimed_at`: when a person took it, where that is known; an answer ends the pages in any case.
    """
    people = authors.people_of(app, ticket.desk)
    clean = _without_us(ticket, app.rules[ticket.desk].tag_prefix)
    begins = next((m for m in clean.messages if _theirs(m)), None)
    answered_at = _answered(clean, begins)
    so = _So()
    for message in _before_the_answer(clean, answered_at):
        then = _as_it_was(clean, message, so)
        then = authors.judged(then, (then.messages[-1],), people)
        _step(_at(app, message.at), then, then.messages[-1:], so)
    if so.first is None:
        _step(_at(app, ticket.created_at), clean, (), so)
    return _result(app, ticket, so, begins.at if begins else ticket.created_at, answered_at, claimed_at)


def _step(app: App, ticket: Ticket, messages: tuple[Message, ...], so: _So) -> None:
    """One message: decided, and remembered as the ledger would."""
    now = app.clock()
    case, decision, promise_at = verdict(app, ticket, messages, so.history)
    if so.first is None or so.first.outcome is Outcome.LEFT_ALONE:
        so.first = decision
    spoken = [(a.purpose, a.text) for a in decision.actions if isinstance(a, Reply)]
    so.said += spoken
    so.came_back = so.came_back or decision.outcome is Outcome.REESCALATED
    if decision.outcome is Outcome.AUTO_RESOLVED:
        so.history = replace(so.history, state=TicketState.AUTO_RESOLVED, auto_answered=True)
    if decision.escalates:
        so.escalation, so.escalated_at = decision, so.escalated_at or now
        so.promise_at = so.promise_at or promise_at
        so.history = replace(so.history, state=TicketState.ESCALATED, escalated=True, auto_answered=False)
    if any(purpose == "acknowledgment" for purpose, _ in spoken):
        so.history = replace(so.history, acknowledged=True)
    if decision.outcome is not Outcome.LEFT_ALONE:
        so.history = replace(
            so.history, priority=decision.priority, intent=case.prediction.intent, queue=decision.queue
        )


def _result(
    app: App, ticket: Ticket, so: _So, at: datetime, answered_at: datetime | None, claimed_at: datetime | None
) -> Replayed:
    first = so.first
    assert first is not None  # noqa: S101 - `replay` has made a step
    last = so.escalation or first
    over_at = ticket.updated_at if ticket.status in DONE and answered_at is None else None
    came = min((one for one in (claimed_at, answered_at, over_at) if one), default=None)
    looked = answered_at is not None or over_at is not None
    return Replayed(
        desk=ticket.desk,
        ticket_id=ticket.id,
        at=at,
        outcome=first.outcome,
        intent=first.intent,
        confidence=round(first.confidence, 4),
        priority=last.priority,
        queue=last.queue,
        reason=first.reason,
        url=ticket.url,
        said=tuple(so.said),
        escalated_at=so.escalated_at,
        promise_at=so.promise_at,
        came_back=so.came_back,
        answered_at=answered_at,
        over_at=over_at,
        final_queue=tuple(q for q in (ticket.queue, ticket.queue_name) if q) if looked else (),
        pages=tuple(pages(app, ticket.desk, ticket.id, last, so, came)),
    )


def pages(
    app: App, desk: str, ticket_id: str, decision: Decision, so: _So, ended_at: datetime | None
) -> Iterator[tuple[str, datetime, bool]]:
    """Return who would have been notified of a ticket until a person took it; times by the desk's clock."""
    if so.escalated_at is None:
        return
    end = min(one for one in (ended_at, app.clock()) if one is not None)
    row = {
        "desk": desk,
        "ticket_id": ticket_id,
        "escalated_at": so.escalated_at,
        "waiting_since": so.escalated_at,
        "priority": decision.priority,
    }
    zone = app.hours_of(desk).zone
    for entry in _spoken(app, desk, decision, so.escalated_at, so.promise_at or so.escalated_at, end):
        at = datetime.fromisoformat(entry["at"])
        for notice in escalation.notices_for(row, [entry]):
            for place in routing.of(app).places(notice, at):
                if place.channel != DESK and not is_noise(notice, place):
                    yield place.person or place.channel, at.astimezone(zone), night(at, str(zone))


def _spoken(
    app: App, desk: str, decision: Decision, since: datetime, promise_at: datetime, end: datetime
) -> Iterator[dict[str, Any]]:
    """The entries of the ladder until the end, the last rung repeated."""
    ladder = ladder_of(app, desk, decision, since, promise_at)
    hours, priority = app.hours_of(desk), Priority(decision.priority)
    for done in range(MOST):
        if done == len(ladder):
            before = datetime.fromisoformat(ladder[-1]["at"])
            ladder = escalation.prolonged(ladder, done, before, hours, priority=priority, held=False)
        at = datetime.fromisoformat(ladder[done]["at"])
        if done and at >= end:
            return
        if ladder[done]["template"]:
            yield ladder[done]


# --- the ticket as it was -------------------------------------------------------------------


def _theirs(message: Message) -> bool:
    return message.author in {Author.CUSTOMER, Author.MACHINE} and not message.draft


def _without_us(ticket: Ticket, prefix: str) -> Ticket:
    """Return the ticket without our own messages and marks."""
    return replace(
        ticket,
        messages=tuple(m for m in ticket.messages if m.author is not Author.BOT),
        tags=frozenset(tag for tag in ticket.tags if not tag.startswith(prefix)),
    )


def _answered(ticket: Ticket, begins: Message | None) -> datetime | None:
    """Return when a person of the company's first answered the customer."""
    if begins is None:
        return None
    public = (m for m in ticket.messages if m.author is Author.AGENT and m.public and not m.draft)
    return next((m.at for m in public if m.at >= begins.at), None)


def _before_the_answer(ticket: Ticket, answered_at: datetime | None) -> Iterator[Message]:
    for message in ticket.messages:
        if answered_at is not None and message.at >= answered_at and message.author is Author.AGENT:
            return
        if _theirs(message):
            yield message


def _as_it_was(ticket: Ticket, message: Message, so: _So) -> Ticket:
    """Return the ticket as it was when this message arrived: unassigned, without later messages."""
    known = ticket.messages[: ticket.messages.index(message) + 1]
    status = Status.OPEN if so.first is not None else Status.NEW
    return replace(
        ticket,
        messages=known,
        status=status,
        assignee=None,
        queue="",
        queue_name="",
        priority="",
        locked="",
        updated_at=message.at,
    )
