"""A decision with its calls, stored before the first of them is made."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import policy
from core.app import App
from core.errors import Unsupported
from core.language import language_of
from core.ledger import store
from core.ledger.db import reading
from core.ledger.rows import DecisionRow
from core.ledger.states import Entry
from core.model import Decision, Message, Prediction, Ticket, Write, created_key, reply_key, whole_percent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Case:
    """What a decision is made from."""

    ticket: Ticket
    messages: tuple[Message, ...]
    words: str
    prediction: Prediction


def address_of(ticket: Ticket) -> str:
    """Return whom a public message reaches: the customer's address, or the customer's id where there is none."""
    return ticket.customer.email or f"{ticket.desk}:{ticket.customer.id}"


def stored(
    app: App,
    case: Case,
    decision: Decision,
    promise_at: datetime | None,
    seen: str,
) -> DecisionRow | None:
    """Store decision and calls in one transaction; return None when the event is decided already, or a message later than
    `seen` was handled meanwhile."""
    ticket, where = case.ticket, (case.ticket.desk, case.ticket.id)
    mode, now = app.rules[ticket.desk].mode, app.clock()
    newest = case.messages[-1] if case.messages else None
    with reading(app.engine) as conn:
        first = store.decision(conn, created_key(*where)) is None
        before = store.decided_about(conn, *where, newest.id) if newest else 0
    key = _fact_key(ticket, newest, first=first, before=before)
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
        store.plan_writes(conn, key, where, planned, address_of(ticket))
        handled: dict[str, Any] = {}
        if newest is not None and decision.rule != policy.SET_ASIDE:
            handled = {"handled_message_id": newest.id, "handled_at": newest.at}
        if promise_at and visible.escalates:
            handled["promise_at"] = promise_at
        store.put_ticket(conn, where, now, **_facts(ticket, case), **handled)
        detail = f"{decision.intent} {whole_percent(decision.confidence)}%: {decision.reason}"
        data = {"outcome": decision.outcome, "key": key, "rules": decision.rules_version}
        store.log(conn, where, now, Entry.DECIDED, detail, **data)
        return store.decision(conn, key)


def _planned(app: App, ticket: Ticket, decision: Decision, key: str) -> tuple[Write, ...]:
    """Return the calls, as few as the vendor allows. An action that it cannot express is left out, and the history says so."""
    desk = app.desks[ticket.desk]
    can = tuple(a for a in decision.actions if type(a) in desk.supports)
    cannot = [type(a).__name__ for a in decision.actions if type(a) not in desk.supports]
    if cannot:
        with app.engine.begin() as conn:
            store.log(
                conn,
                (ticket.desk, ticket.id),
                app.clock(),
                Entry.LEFT_OUT,
                f"this desk cannot {', '.join(cannot)}",
            )
    try:
        return desk.writes(ticket, can, key) if can else ()
    except Unsupported as err:
        log.warning("%s: %s", key, err)
        return ()


def _facts(ticket: Ticket, case: Case) -> dict[str, Any]:
    customer = ticket.customer
    return {
        "subject": ticket.subject[:500],
        "url": ticket.url,
        "customer_id": customer.id,
        "customer_email": customer.email.lower(),
        "customer_name": customer.name[:200],
        "language": language_of(case.words, customer.locale),
        "created_at": ticket.created_at,
    }


def _fact_key(ticket: Ticket, newest: Message | None, *, first: bool, before: int) -> str:
    """The created event for a ticket's first decision, else the reply's. `before`: decisions that set this message aside."""
    if first or newest is None:
        return created_key(ticket.desk, ticket.id)
    key = reply_key(ticket.desk, ticket.id, newest.id)
    return f"{key}:again:{before}" if before else key
