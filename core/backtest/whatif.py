"""The ledger's tickets through another configuration: which would go elsewhere, whom it would wake, which promises hold.

Both sides are replayed in the same way from what the ledger keeps, so that only the rules differ between them. What was
decided for another reason than rules and confidence (staff wrote, a machine wrote, an agent was there) stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, func, select

from core.app import App
from core.backtest.figures import compared, figures, plain_figures
from core.backtest.run import aside
from core.classify.plain import plain_whatif, table
from core.ledger.db import reading
from core.ledger.rows import DecisionRow, TicketRow, part
from core.ledger.schema import decisions, labels, tickets
from core.model import Author, Customer, Message, Outcome, Status, Ticket
from core.pipeline.replay import Replayed, replay

MOVED = 200  # tickets named; the rest is counted


@dataclass(frozen=True)
class _Past:
    """A ticket of the ledger, its first decision, and the intent that people gave it ("" = none)."""

    ticket: TicketRow
    decision: DecisionRow
    truth: str


def compare(app: App, other: App, last: int) -> dict[str, Any]:
    """Return the last tickets through both: figures now and then, and the tickets that would go elsewhere."""
    with reading(app.engine) as conn:
        both = app.desks.keys() & other.desks.keys()
        rows = [row for row in _past(conn, last) if row.ticket.desk in both]
    with aside(app) as one, aside(other) as two:
        before = [_replayed(one, row) for row in rows]
        after = [_replayed(two, row) for row in rows]
    moved = compared(before, after)
    now = app.clock()
    return {
        "replayed": {"now": figures(before, now), "then": figures(after, now)},
        "moved": moved[:MOVED],
        "moved_total": len(moved),
        "as_decided": sum(not _by_rules(row.decision) for row in rows),
    }


def _past(conn: Connection, last: int) -> list[_Past]:
    """Return the newest tickets with their first decision."""
    first = decisions.c.key == tickets.c.desk + ":" + tickets.c.ticket_id + ":created"
    label = and_(labels.c.desk == tickets.c.desk, labels.c.ticket_id == tickets.c.ticket_id)
    truth = func.coalesce(labels.c.intent, tickets.c.final_intent, "").label("truth")
    query = select(tickets, decisions, truth)
    query = query.select_from(tickets.join(decisions, first).outerjoin(labels, label))
    found = conn.execute(query.order_by(tickets.c.first_seen_at.desc()).limit(last))
    return [
        _Past(part(TicketRow, tickets, row), part(DecisionRow, decisions, row), row.truth) for row in found
    ]


def _replayed(app: App, past: _Past) -> Replayed:
    """Return one ticket through one configuration."""
    decided = _as_decided(past)
    if not _by_rules(past.decision):
        return decided
    found = replay(app, _ticket(past), claimed_at=past.ticket.claimed_at)
    rules = app.rules[past.ticket.desk]
    truth = rules.intents.get(past.truth)
    final = (truth.queue or rules.general_queue,) if truth else ()
    return replace(found, final_queue=final, at=decided.at)


def _by_rules(decision: DecisionRow) -> bool:
    """Return whether rules and confidence decided, and the message's text is still kept."""
    ruled = decision.rule.startswith("intents.") or decision.rule in {"", "bands"}
    return ruled and decision.outcome != Outcome.LEFT_ALONE and bool(decision.words)


def _as_decided(past: _Past) -> Replayed:
    ticket, decision = past.ticket, past.decision
    return Replayed(
        desk=ticket.desk,
        ticket_id=ticket.ticket_id,
        at=ticket.first_seen_at,
        outcome=decision.outcome,
        intent=decision.intent,
        confidence=decision.confidence,
        priority=ticket.priority,
        queue=ticket.queue,
        reason=decision.reason,
        url=ticket.url,
        escalated_at=ticket.escalated_at,
        promise_at=ticket.promise_at,
        answered_at=ticket.answered_at,
        over_at=ticket.closed_at,
    )


def _ticket(past: _Past) -> Ticket:
    """Return the ticket as far as the ledger knows it: the first message, and when a person answered."""
    row, decision = past.ticket, past.decision
    messages = [Message(decision.message_id or "1", Author.CUSTOMER, decision.at, decision.words)]
    if row.answered_at is not None:
        messages.append(Message("answer", Author.AGENT, max(row.answered_at, decision.at), ""))
    return Ticket(
        desk=row.desk,
        id=row.ticket_id,
        subject=row.subject,
        messages=tuple(messages),
        customer=Customer(row.customer_id, row.customer_email, row.customer_name),
        status=Status.CLOSED if row.closed_at is not None else Status.NEW,
        created_at=row.created_at or row.first_seen_at,
        updated_at=row.closed_at or decision.at,
        url=row.url,
        replyable="does not reach the customer" not in decision.reason,
    )


def plain(found: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return a comparison as text."""
    sides = [f"{side}:\n\n{plain_figures(found['replayed'][side], names)}" for side in ("now", "then")]
    ways = [
        (f"{one['desk']} {one['ticket']}", _way(one["from"], names), _way(one["to"], names))
        for one in found["moved"]
    ]
    more = f", {MOVED} of them named" if found["moved_total"] > MOVED else ""
    head = f"{found['moved_total']} tickets would go elsewhere{more}"
    moved = f"{head}\n\n{table(('ticket', 'now', 'then'), ways)}" if ways else "no ticket would go elsewhere"
    kept = f"{found['as_decided']} tickets are counted as they were decided: their words are no longer kept, or no rule decided"
    return "\n\n".join([plain_whatif(found), *sides, moved, kept])


def _way(way: Mapping[str, Any], names: Mapping[str, str]) -> str:
    return f"{names.get(way['outcome'], way['outcome'])}, {way['queue'] or 'no queue'}, {way['priority']}"
