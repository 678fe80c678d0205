"""One reported fact, from look to settled: fetch, decide, write, remember.

Everything here may run twice. A decision is stored before the first call; each call is claimed, made, and marked
done; a call found open on a repeat is looked up at the desk before it is made again. So a process may die on any
line, and what others see happens once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from core import outgoing, policy
from core.classify.text import customer_words
from core.errors import (
    Conflict,
    Gone,
    Moved,
    NotAllowed,
    Refused,
    TryLater,
    UnknownOutcome,
    Unsupported,
    VendorError,
)
from core.hours import promise
from core.learning import demotion
from core.ledger import store
from core.ledger.db import reading
from core.line.writing import carry_out
from core.model import (
    Author,
    Decision,
    EventKind,
    Message,
    Mode,
    Outcome,
    Prediction,
    Reply,
    Ticket,
    TicketEvent,
    Write,
    created_key,
    look_key,
    reply_key,
    whole_percent,
)
from core.setup import pausing
from core.wiring import App
from core.wording import BrokenTemplate, fill, language_of

log = logging.getLogger(__name__)

FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=10), timedelta(minutes=30)
PERMISSION_WAIT = timedelta(minutes=5)
DOWN_WAIT = timedelta(minutes=5)  # at most: the first sweep that succeeds ends it
SPREAD = 5  # seconds, so that a backlog does not come all at once
NOW, LOOKS = timedelta(0), 2  # tries at a call's own pace before the pauses grow
UNAUTHORISED, TOO_MANY = 401, 429


def handle(app: App, key: str) -> str:
    """Deal with one stored event; gives its state. Raises nothing: what fails waits, or becomes a dead letter."""
    with reading(app.engine) as conn:
        event = store.event(conn, key)
    if event is None or event.state in {"settled", "dead"}:
        return event.state if event is not None else "unknown"
    if held := pausing.held_until(app.engine, event.desk, app.clock()):
        return _held(app, event, held)
    demotion.honour(app)
    try:
        outcome, reason = settle_ticket(app, event)
    except Moved as err:
        outcome, reason = _moved(app, event, err)
    except Gone:
        outcome, reason = _gone(app, event)
    except NotAllowed as err:
        # a broken credential stops everything and is repaired by a person: such tries do not count
        return _later(
            app,
            event,
            f"the desk does not let us in: {err}",
            PERMISSION_WAIT,
            counts=err.status != UNAUTHORISED,
        )
    except Refused as err:
        return _dead(app, event, f"the desk refuses: {err}")
    except UnknownOutcome as err:
        wait = max(app.desks[event.desk].patience, _back_off(event, err) if event.attempts > LOOKS else NOW)
        return _later(app, event, str(err), wait, counts=not _is_down(app, event.desk))
    except (TryLater, Conflict) as err:
        wait, counts = _wait_after(app, event, err)
        return _later(app, event, str(err), wait, counts=counts)
    except Exception as err:  # a fault of ours must not lose the ticket: it is tried again, then told
        log.exception("a fault while handling %s", key)
        return _later(app, event, f"{type(err).__name__}: {err}"[:500], _back_off(event, err))
    return _settled(app, event, outcome, reason)


def settle_ticket(app: App, event: Any) -> tuple[str, str]:
    """Look at the ticket and do what is to be done; gives outcome and reason."""
    from core.line.watching import notice_claim  # what humans did meanwhile

    desk = app.desks[event.desk]
    ticket = desk.fetch(event.ticket_id)
    now = app.clock()
    where = (event.desk, ticket.id)
    notice_claim(app, ticket, now)
    with reading(app.engine) as conn:
        pending = store.open_decision(conn, *where)
        row = store.ticket(conn, *where)
    if pending is not None:
        carry_out(app, ticket, pending)
        with reading(app.engine) as conn:
            row = store.ticket(conn, *where)
    messages = unhandled(ticket, row.handled_message_id if row else "", row.handled_at if row else None)
    if not messages and (begun := _begun(app, row)):
        return Outcome.LEFT_ALONE, begun
    decided = decide(app, ticket, messages, row, event)
    if decided is None:
        raise Conflict("another look was faster: whatever it left is taken up by this one in a moment")
    carry_out(app, ticket, decided)
    return decided.outcome, decided.reason


def _begun(app: App, row: Any) -> str:
    """Why a look that finds no new message decides nothing; "" for a ticket that was never decided about."""
    if row is None:
        return ""
    with reading(app.engine) as conn:
        first = store.decision(conn, created_key(row.desk, row.ticket_id))
    return "nothing new from the customer" if row.handled_message_id or first is not None else ""


def unhandled(ticket: Ticket, handled_id: str, handled_at: datetime | None) -> tuple[Message, ...]:
    """What came from outside since the newest message that was dealt with, oldest first."""
    ids = [m.id for m in ticket.messages]
    start = ids.index(handled_id) + 1 if handled_id in ids else 0
    fresh = ticket.messages[start:]
    if handled_id and handled_id not in ids and handled_at is not None:  # redacted, or merged away
        fresh = tuple(m for m in fresh if m.at > handled_at)
    return tuple(m for m in fresh if m.author in {Author.CUSTOMER, Author.MACHINE} and not m.draft)


@dataclass(frozen=True)
class _Case:
    """What a decision is made from."""

    ticket: Ticket
    messages: tuple[Message, ...]
    words: str
    prediction: Prediction


def decide(app: App, ticket: Ticket, messages: tuple[Message, ...], row: Any, event: Any) -> Any:
    """Decide and store: the decision, its calls, and which message they deal with; None when another was faster."""
    now, rules = app.clock(), app.rules[ticket.desk]
    history = store.history_of(row)
    case = _Case(ticket, messages, *_guess(app, messages))
    decision = _old_mail(app, ticket, messages, event) or policy.decide(
        ticket, messages, case.prediction, history, rules
    )
    decision, case = _ask_the_mail(app, decision, case, history)
    decision = _guarded(app, decision, case, history, now)
    mode = Mode.OBSERVE if rules.mode is Mode.OBSERVE else rules.mode
    promise_at = _promise(app, decision, now) if decision.escalates else None
    try:
        actions = _filled(app, decision, case, promise_at, now)
        decision = replace(decision, actions=actions)
    except BrokenTemplate as err:
        decision = policy.fallback(ticket, str(err), history, rules, speak=False)
        decision = replace(decision, actions=tuple(a for a in decision.actions if not isinstance(a, Reply)))
    seen = row.handled_message_id if row is not None else ""
    return _stored(app, case, decision, seen, mode, promise_at, now)


def _guess(app: App, messages: Sequence[Message]) -> tuple[str, Prediction]:
    """The customer's words now, and what they are about. A classifier that fails means: the general queue."""
    said = [customer_words(m.text, m.html) for m in messages if not m.machine]
    words = "\n".join(part for part in said if part).strip()
    if not words:
        return words, policy.UNREADABLE
    try:
        return words, app.classifier.predict(words)
    except Exception:  # whatever is wrong with it, a human sees the ticket
        log.exception("the classifier failed")
        return words, policy.UNREADABLE


def _old_mail(app: App, ticket: Ticket, messages: Sequence[Message], event: Any) -> Decision | None:
    """The first sweep over an old desk must not answer what was written before we came."""
    if event.source != "sweep" or not messages:
        return None
    with reading(app.engine) as conn:
        desk = store.desk(conn, ticket.desk)
    if desk is None or desk.started_at is None:
        return None
    if messages[-1].at >= desk.started_at:
        return None
    return Decision(
        Outcome.LEFT_ALONE,
        "it was written before Backstop was connected",
        rules_version=app.rules[ticket.desk].version,
    )


def _ask_the_mail(app: App, decision: Decision, case: _Case, history: Any) -> tuple[Decision, _Case]:
    """Before speaking to a customer: do the mail's own headers say that a machine wrote it?"""
    if not any(isinstance(a, Reply) for a in decision.actions):
        return decision, case
    why = app.desks[case.ticket.desk].machine_mail(case.ticket)
    if not why:
        return decision, case
    marked = tuple(replace(m, machine=m.machine or why) for m in case.messages)
    thread = {m.id: m for m in marked}
    ticket = replace(case.ticket, messages=tuple(thread.get(m.id, m) for m in case.ticket.messages))
    case = replace(case, ticket=ticket, messages=marked)
    rules = app.rules[ticket.desk]
    return policy.decide(ticket, marked, case.prediction, history, rules), case


def _guarded(app: App, decision: Decision, case: _Case, history: Any, now: datetime) -> Decision:
    """The guard before every customer-visible message; what it refuses is left out, or goes to a human."""
    said = [a for a in decision.actions if isinstance(a, Reply)]
    if not said:
        return decision
    limits = app.settings.limits
    with reading(app.engine) as conn:
        sent = store.sent(
            conn, case.ticket.customer.email, now, (limits.per_address_per_hour, limits.per_hour)
        )
    why = outgoing.refusal(
        case.ticket, said[0], sent, answers=case.messages[-1].id, own_addresses=app.own_addresses
    )
    if not why:
        return decision
    if decision.outcome is Outcome.AUTO_RESOLVED:
        rules = replace(app.rules[case.ticket.desk], mode=Mode.SUGGEST, acknowledge=False)
        decision = policy.decide(case.ticket, case.messages, case.prediction, history, rules)
    quiet = tuple(a for a in decision.actions if not isinstance(a, Reply))
    return replace(
        decision, actions=quiet, reason=f"{decision.reason}; the customer is not written to: {why}"
    )


def _promise(app: App, decision: Decision, now: datetime) -> datetime:
    length = app.settings.escalation.promise.get(decision.priority, timedelta(hours=4))
    return promise(app.hours, now, length, decision.priority)


def _filled(
    app: App, decision: Decision, case: _Case, promise_at: datetime | None, now: datetime
) -> tuple[Any, ...]:
    filled = fill(
        app.templates,
        decision.actions,
        decision,
        case.prediction,
        case.ticket,
        words=case.words,
        promise_at=promise_at,
        now=now,
        hours=app.hours,
    )
    acknowledged = any(isinstance(a, Reply) and a.purpose == "acknowledgment" for a in filled)
    if not acknowledged:
        return filled
    prefix = app.rules[case.ticket.desk].tag_prefix
    from core.model import AddTags

    return tuple(
        replace(a, tags=(*a.tags, f"{prefix}acknowledged")) if isinstance(a, AddTags) else a for a in filled
    )


def _stored(
    app: App,
    case: _Case,
    decision: Decision,
    seen: str,
    mode: Mode,
    promise_at: datetime | None,
    now: datetime,
) -> Any:
    """One transaction: whoever is second finds the fact decided, or the ticket further on than it was `seen`."""
    ticket, where = case.ticket, (case.ticket.desk, case.ticket.id)
    newest = case.messages[-1] if case.messages else None
    with reading(app.engine) as conn:
        first = store.decision(conn, created_key(*where)) is None
    key = _fact_key(ticket, newest, first=first)
    visible = policy.for_mode(decision, mode)
    planned = _planned(app, ticket, visible, key)
    with app.engine.begin() as conn:
        row = store.ticket(conn, *where)
        if row is not None and row.handled_message_id != seen:
            return None
        new = store.add_decision(
            conn,
            key,
            where,
            decision,
            case.prediction,
            message_id=newest.id if newest else "",
            mode=mode,
            words=case.words[:20_000],
            now=now,
        )
        if not new:
            return None
        store.plan_writes(conn, key, where, planned, ticket.customer.email)
        handled: dict[str, Any] = {"handled_message_id": newest.id, "handled_at": newest.at} if newest else {}
        if promise_at and visible.escalates:
            handled["promise_at"] = promise_at
        store.put_ticket(
            conn,
            where,
            now,
            **_facts(ticket, case),
            **handled,
        )
        detail = f"{decision.intent} {whole_percent(decision.confidence)}%: {decision.reason}"
        store.log(
            conn,
            where,
            now,
            "decided",
            detail,
            outcome=decision.outcome,
            key=key,
            rules=decision.rules_version,
        )
        return store.decision(conn, key)


def _planned(app: App, ticket: Ticket, decision: Decision, key: str) -> tuple[Write, ...]:
    """The calls, as few as the vendor allows; what it cannot express is left out and said."""
    desk = app.desks[ticket.desk]
    can = tuple(a for a in decision.actions if type(a) in desk.supports)
    cannot = [type(a).__name__ for a in decision.actions if type(a) not in desk.supports]
    if cannot:
        with app.engine.begin() as conn:
            store.log(
                conn,
                (ticket.desk, ticket.id),
                app.clock(),
                "left out",
                f"this desk cannot {', '.join(cannot)}",
            )
    try:
        return desk.writes(ticket, can, key) if can else ()
    except Unsupported as err:
        log.warning("%s: %s", key, err)
        return ()


def _facts(ticket: Ticket, case: _Case) -> dict[str, Any]:
    customer = ticket.customer
    return {
        "subject": ticket.subject[:500],
        "url": ticket.url,
        "customer_id": customer.id,
        "customer_email": customer.email.lower(),
        "customer_name": customer.name[:200],
        "language": language_of(case.words, customer.locale),
        "created_at": ticket.created_at,
        "model": case.prediction.model,
    }


def _fact_key(ticket: Ticket, newest: Message | None, *, first: bool) -> str:
    """The created fact for a ticket's first decision, else the reply's."""
    if first or newest is None:
        return created_key(ticket.desk, ticket.id)
    return reply_key(ticket.desk, ticket.id, newest.id)


# --- how an event ends ----------------------------------------------------------------------


def _settled(app: App, event: Any, outcome: str, reason: str) -> str:
    now = app.clock()
    with app.engine.begin() as conn:
        store.settle(conn, event.key, outcome, reason, now)
    app.counters.settled(event.desk, outcome, max(0.0, (now - event.received_at).total_seconds()))
    return "settled"


def _held(app: App, event: Any, until: datetime) -> str:
    """The desk is paused: the fact is kept and nothing is done about it."""
    with app.engine.begin() as conn:
        store.wait(conn, event.key, until, pausing.REASON, counts=False)
    return "waiting"


def _later(app: App, event: Any, reason: str, wait: timedelta, *, counts: bool = True) -> str:
    """Holds no thread: a due time in the ledger, taken up by the next pass."""
    if counts and event.attempts + 1 >= app.settings.limits.tries:
        return _dead(app, event, reason)
    with app.engine.begin() as conn:
        store.wait(conn, event.key, app.clock() + wait, reason, counts=counts)
    return "waiting"


def give_up(app: App, key: str, reason: str) -> None:
    """A dead letter from outside: the event cannot come to its end by itself."""
    with reading(app.engine) as conn:
        event = store.event(conn, key)
    if event is not None and event.state in {"received", "waiting"}:
        _dead(app, event, reason)


def _dead(app: App, event: Any, reason: str) -> str:
    now, where = app.clock(), (event.desk, event.ticket_id)
    with app.engine.begin() as conn:
        store.bury(conn, event.key, reason, now)
        row = store.ticket(conn, *where)
        if row is None or row.state == "received":
            store.put_ticket(conn, where, now, state="dead_letter", reason=reason)
        store.log(conn, where, now, "dead letter", reason, key=event.key)
    app.counters.settled(event.desk, Outcome.DEAD_LETTER, 0.0)
    from core.line.watching import alarm

    alarm(app, f"dead:{event.key}", event.desk, event.ticket_id, f"given up: {reason}", now)
    return "dead"


def _wait_after(app: App, event: Any, err: VendorError) -> tuple[timedelta, bool]:
    """How long to wait, and whether it counts as a try. The desk's own limit says "not now", a desk that is down says
    nothing: that is no failure of this ticket, and the sweep that finds the desk up again takes all of them up."""
    asked = err.wait if isinstance(err, TryLater) else NOW
    if err.status == TOO_MANY:
        return asked + timedelta(seconds=crc32(event.key.encode()) % SPREAD), False
    if _is_down(app, event.desk):
        return max(asked, DOWN_WAIT), False
    return max(asked, _back_off(event, err)), True


def _is_down(app: App, desk: str) -> bool:
    """Whether the desk answered nobody lately: its last sweep failed. No ticket is given up because of that."""
    with reading(app.engine) as conn:
        row = store.desk(conn, desk)
    return row is not None and bool(row.trouble)


def _back_off(event: Any, err: Exception) -> timedelta:
    if isinstance(err, Conflict):
        return timedelta(seconds=2)
    return min(FIRST_BACK_OFF * int(2 ** min(event.attempts, 8)), LONGEST_BACK_OFF)


def _gone(app: App, event: Any) -> tuple[str, str]:
    now, where = app.clock(), (event.desk, event.ticket_id)
    reason = "the ticket is deleted, or out of our sight"
    with app.engine.begin() as conn:
        row = store.ticket(conn, *where)
        values: dict[str, Any] = {"next_due_at": None, "closed_at": now, "reason": reason}
        if row is None or row.state == "received":
            values["state"] = "left_alone"
        store.put_ticket(conn, where, now, **values)
        store.log(conn, where, now, "gone", reason)
    return Outcome.LEFT_ALONE, reason


def _moved(app: App, event: Any, err: Moved) -> tuple[str, str]:
    """Merged: the customer's words are in the other ticket now, so we look there."""
    outcome, _ = _gone(app, event)
    if err.target:
        now = app.clock()
        key = look_key(event.desk, err.target, f"merged-{event.ticket_id}")
        look = TicketEvent(event.desk, key, EventKind.LOOK, err.target, now)
        from core.workflows import report

        report(app, [look], "manual")
    return outcome, f"merged into {err.target or 'another ticket'}"
