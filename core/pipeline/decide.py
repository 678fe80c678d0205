"""Decide about a ticket's new messages: classify, decide, guard, word, plan and store, before the first call."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from core import outgoing, policy
from core.app import App
from core.classify.safety import dangers
from core.classify.text import FEATURE_LIMIT
from core.errors import BrokenTemplate, VendorError, said_of
from core.ledger import caps, db, store
from core.ledger.db import reading
from core.ledger.rows import EventRow
from core.mail.said import said_in
from core.mailboxes import mailbox_of
from core.model import AddTags, Decision, History, Message, Mode, Outcome, Prediction, Reply, Ticket
from core.notifications.alerts import alarm_daily
from core.pipeline import authors, loops, plan, promised, surge_text
from core.pipeline.batch import Batch
from core.pipeline.case import Case, Past, address_of
from core.pipeline.plan import Decided
from core.wording import acknowledgment, fill, foreign

log = logging.getLogger(__name__)


def decide(
    app: App, ticket: Ticket, messages: tuple[Message, ...], past: Past, event: EventRow, batch: Batch
) -> Decided:
    """Decide and store: the decision, its calls, and which message they deal with. Raises Conflict when another was faster.

    After an unexpected error the ticket goes to the general queue, acknowledged.
    """
    history = store.history_of(past.ticket)
    try:
        early = _old_mail(app, ticket, messages, event)
        case, decision, promise_at = verdict(app, ticket, messages, history, early)
        decision = surge_text.instead_of_acknowledgment(app, case.ticket, decision, past.ticket, app.clock())
        loops.announce(app, case, app.clock())
        return plan.stored(app, batch, case, decision, promise_at, past)
    except db.UNSTORABLE as err:
        fault: Exception = err
    except (VendorError, DBAPIError):  # the desk or the store does not answer, or another was faster: later
        raise
    except Exception as err:  # whatever is wrong with us, a human sees the ticket
        fault = err
    log.error("unhandled exception while deciding about %s:%s", ticket.desk, ticket.id, exc_info=fault)
    case = Case(ticket, messages, "", policy.UNREADABLE)
    fallback = _fallback(app, case, history, f"unexpected error: {said_of(fault)}")
    return plan.stored(app, batch, case, *fallback, past)


def verdict(
    app: App, ticket: Ticket, messages: tuple[Message, ...], history: History, early: Decision | None = None
) -> tuple[Case, Decision, datetime | None]:
    """Return what the rules say, guarded and worded, with the time that the customer is promised; stores nothing.
    `early`: what is decided already, whatever the rules say."""
    case = loops.noticed(app, Case(ticket, messages, *_guess(app, ticket, messages)), app.clock())
    ticket, messages = case.ticket, case.messages
    decision = early or policy.decide(ticket, messages, case.prediction, history, app.rules[ticket.desk])
    decision, case = _ask_the_mail(app, decision, case, history)
    decision = _guarded(app, decision, case, history, app.clock())
    try:
        return case, *_worded(app, decision, case)
    except BrokenTemplate as err:
        tell_broken(app, ticket.desk, err)
        return case, *_fallback(app, case, history, str(err))


def _fallback(app: App, case: Case, history: History, why: str) -> tuple[Decision, datetime | None]:
    """Return the general queue, acknowledged."""
    rules = app.rules[case.ticket.desk]
    return _worded(app, policy.fallback(case.ticket, why, history, rules), case)


def _worded(app: App, decision: Decision, case: Case) -> tuple[Decision, datetime | None]:
    """Return the decision with its texts, and the promise in them. Raises BrokenTemplate when an answer's is broken."""
    now, desk = app.clock(), case.ticket.desk
    if not decision.escalates:
        return replace(decision, actions=_filled(app, decision, case, None, now)), None
    promise_at, how = promised.promise_of(app, desk, decision.priority, now)
    decision = promised.explained(decision, how)
    return replace(decision, actions=_filled(app, decision, case, promise_at, now)), promise_at


def tell_broken(app: App, desk: str, err: BrokenTemplate) -> None:
    """Alarm our own people about a broken template, once a day."""
    alarm_daily(app, "template", desk, f"{err}: correct the file", app.clock())


def _guess(app: App, ticket: Ticket, messages: Sequence[Message]) -> tuple[str, Prediction]:
    """Return the customer's new words and their prediction. Danger is looked for in every sentence that is not proven to be
    a quote of the thread. When the classifier fails, the ticket goes to the general queue."""
    said = [said_in(ticket, m) for m in messages if not authors.surely_a_machine(m)]
    words = "\n".join(one.words for one in said if one.words).strip()
    everything = "\n\n".join(one.everything for one in said)
    subject = "" if len(messages) < len(ticket.messages) else f"{ticket.subject}.\n\n"
    net = dangers(subject + everything)
    if not words:
        return words, replace(policy.UNREADABLE, dangers=net)
    unread = "it quotes text that is not in the ticket" if any(one.cut for one in said) else ""
    if len(words) > FEATURE_LIMIT:
        unread = "it is too long to be read as one"
    try:
        found = app.classifier.examine(words, everything)
        unread = unread or foreign(
            app.templates_of(ticket.desk), app.rules[ticket.desk].intents.get(found.intent), words
        )
        return words, replace(found, unread=unread or found.unread, dangers=net)
    except Exception:  # whatever is wrong with it, a human sees the ticket
        log.exception("the classifier failed")
        return words, replace(policy.UNREADABLE, dangers=net)


def _old_mail(app: App, ticket: Ticket, messages: Sequence[Message], event: EventRow) -> Decision | None:
    """Return the decision to leave a message alone that was written before Backstop was connected; None for any other."""
    if event.source != "sweep" or not messages:
        return None
    with reading(app.engine) as conn:
        desk = store.desk(conn, ticket.desk)
    if desk is None or desk.started_at is None or messages[-1].at >= desk.started_at:
        return None
    return Decision(
        Outcome.LEFT_ALONE,
        "it was written before Backstop was connected",
        rules_version=app.rules[ticket.desk].version,
    )


def _ask_the_mail(app: App, decision: Decision, case: Case, history: History) -> tuple[Decision, Case]:
    """Return the decision, made again where the original mail's headers show who wrote it. They are read only before we
    write to a customer."""
    speaks = any(isinstance(a, Reply) for a in decision.actions)
    ticket = authors.by_headers(app, case.ticket, case.messages, speaks=speaks)
    if ticket is None:
        return decision, case
    case = replace(case, ticket=ticket, messages=authors.same(ticket, case.messages))
    rules = app.rules[ticket.desk]
    return policy.decide(ticket, case.messages, case.prediction, history, rules), case


def _guarded(app: App, decision: Decision, case: Case, history: History, now: datetime) -> Decision:
    """Return the decision without a customer-visible message that the guard refuses; a refused answer goes to a human. The
    caps are checked again before the call; an answer that exceeds one already goes to a human here."""
    said = next((a for a in decision.actions if isinstance(a, Reply)), None)
    if said is None:
        return decision
    ticket, rules = case.ticket, app.rules[case.ticket.desk]
    with reading(app.engine) as conn:
        sent = caps.sent(conn, ticket.desk, mailbox_of(address_of(ticket)), app.settings.limits, now)
    braked = outgoing.too_much(replace(sent, address_cap=0))
    why = outgoing.refusal(
        ticket,
        said,
        replace(sent, total_cap=0),
        answers=case.messages[-1].id,
        own_addresses=app.own_addresses_of(ticket.desk),
    )
    if decision.outcome is Outcome.AUTO_RESOLVED and (why or braked):
        rules = replace(rules, mode=Mode.SUGGEST, acknowledge=rules.acknowledge and not why)
        decision = policy.decide(ticket, case.messages, case.prediction, history, rules)
        decision = (
            replace(decision, reason=f"{decision.reason}; {braked.why}") if braked and not why else decision
        )
    if not why:
        return decision
    quiet = tuple(a for a in decision.actions if not isinstance(a, Reply))
    return replace(
        decision, actions=quiet, reason=f"{decision.reason}; the customer is not written to: {why}"
    )


def said_anew(
    app: App, ticket: Ticket, reply: Reply, promise_at: datetime, now: datetime, language: str
) -> Reply:
    """Return the acknowledgment or second message with its text for a promise made now."""
    hours, on_broken = app.hours_of(ticket.desk), lambda err: tell_broken(app, ticket.desk, err)
    env = app.templates_of(ticket.desk)
    return replace(
        reply, text=acknowledgment(env, reply, ticket, promise_at, now, hours, language, on_broken)
    )


def _filled(
    app: App, decision: Decision, case: Case, promise_at: datetime | None, now: datetime
) -> tuple[Any, ...]:
    filled = fill(
        app.templates_of(case.ticket.desk),
        decision.actions,
        decision,
        case.prediction,
        case.ticket,
        words=case.words,
        promise_at=promise_at,
        now=now,
        hours=app.hours_of(case.ticket.desk),
        on_broken=lambda err: tell_broken(app, case.ticket.desk, err),
    )
    if not any(isinstance(a, Reply) and a.purpose == "acknowledgment" for a in filled):
        return filled
    prefix = app.rules[case.ticket.desk].tag_prefix
    return (*filled, AddTags((f"{prefix}acknowledged",), says="acknowledgment"))
