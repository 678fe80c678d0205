"""A decision with its calls, stored before the first of them is made."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from core import policy
from core.app import App
from core.errors import Conflict, Unsupported
from core.language import language_of
from core.ledger import store
from core.ledger.rows import DecisionRow, WriteRow
from core.ledger.states import Entry, WriteState
from core.model import Decision, Message, Ticket, Write, created_key, reply_key, whole_percent
from core.pipeline import places
from core.pipeline.batch import Batch
from core.pipeline.case import Case, Past, address_of

log = logging.getLogger(__name__)

SECOND = "another look was faster: whatever it left is taken up by this one in a moment"


@dataclass(frozen=True)
class Decided:
    """A stored decision with its calls, in order. The first is claimed: it is ours to make, at once."""

    row: DecisionRow
    calls: list[WriteRow]


def stored(
    app: App, batch: Batch, case: Case, decision: Decision, promise_at: datetime | None, past: Past
) -> Decided:
    """Store decision, calls, places under the caps and the first claim, in one transaction. Raises Conflict for whoever is
    second: the event is decided about, or the ticket further on than in `past`."""
    ticket, where = case.ticket, (case.ticket.desk, case.ticket.id)
    mode, now = app.rules[ticket.desk].mode, app.clock()
    newest = case.messages[-1] if case.messages else None
    key = _fact_key(ticket, newest, first=not past.begun, before=past.about(newest.id) if newest else 0)
    visible = policy.for_mode(decision, mode)
    planned, cannot = _planned(app, ticket, visible, key)
    app.own_addresses_of(ticket.desk)  # asked before the transaction, which must not wait for the desk
    with batch.begin() as conn:
        row = store.ticket(conn, *where)
        if row is not None and row.handled_message_id != past.handled:
            raise Conflict(SECOND)
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
        if new is None:
            raise Conflict(SECOND)
        handled: dict[str, Any] = {}
        if newest is not None and decision.rule != policy.SET_ASIDE:
            handled = {"handled_message_id": newest.id, "handled_at": newest.at}
        if promise_at and visible.escalates:
            handled["promise_at"] = promise_at
        store.put_ticket(conn, where, now, new=row is None, **_facts(ticket, case), **handled)
        detail = f"{decision.intent} {whole_percent(decision.confidence)}%: {decision.reason}"
        data = {"outcome": decision.outcome, "key": key, "rules": decision.rules_version}
        store.log(conn, where, now, Entry.DECIDED, detail, **data)
        if cannot:
            store.log(conn, where, now, Entry.LEFT_OUT, f"this desk cannot {cannot}")
        calls = store.plan_writes(conn, key, where, planned, address_of(ticket))
        calls, full = places.place(conn, app, ticket, new, calls)
        decided = Decided(new, _first_claimed(conn, calls, now))
    places.tell(app, ticket, full)
    return decided


def _first_claimed(conn: Connection, calls: list[WriteRow], now: datetime) -> list[WriteRow]:
    if not calls or calls[0].state != WriteState.PLANNED:
        return calls
    claimed = store.claim_write(conn, calls[0], now)
    return [claimed, *calls[1:]] if claimed is not None else calls


def _planned(app: App, ticket: Ticket, decision: Decision, key: str) -> tuple[tuple[Write, ...], str]:
    """Return the calls, as few as the vendor allows, and the names of the actions that it cannot express."""
    desk = app.desks[ticket.desk]
    can = tuple(a for a in decision.actions if type(a) in desk.supports)
    cannot = ", ".join(type(a).__name__ for a in decision.actions if type(a) not in desk.supports)
    try:
        return desk.writes(ticket, can, key) if can else (), cannot
    except Unsupported as err:
        log.warning("%s: %s", key, err)
        return (), cannot


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
    """Return the created event for a ticket's first decision, else the reply's. `before`: decisions that set this
    message aside."""
    if first or newest is None:
        return created_key(ticket.desk, ticket.id)
    key = reply_key(ticket.desk, ticket.id, newest.id)
    return f"{key}:again:{before}" if before else key
