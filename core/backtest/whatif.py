"""The ledger's tickets through another configuration: which would go elsewhere, whom it would wake, which promises hold.

Both sides are replayed in the same way from what the ledger keeps, so that only the rules differ between them. What was
decided for another reason than rules and confidence (staff wrote, a machine wrote, an agent was there) stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, and_, func, select

from core.app import App
from core.backtest.figures import compared, figures, plain_figures
from core.backtest.run import aside
from core.classify.plain import plain_whatif, table
from core.ledger.db import reading
from core.ledger.schema import decisions, labels, tickets
from core.model import Author, Customer, Message, Outcome, Status, Ticket
from core.pipeline.replay import Replayed, replay

MOVED = 200  # tickets named; the rest is counted


def compare(app: App, other: App, last: int) -> dict[str, Any]:
    """The last tickets through both: figures now and then, and the tickets that would go elsewhere."""
    with reading(app.engine) as conn:
        rows = [row for row in _past(conn, last) if row.desk in app.desks and row.desk in other.desks]
    with aside(app) as one, aside(other) as two:
        before = [_replayed(one, row) for row in rows]
        after = [_replayed(two, row) for row in rows]
    moved = compared(before, after)
    now = app.clock()
    return {
        "replayed": {"now": figures(before, now), "then": figures(after, now)},
        "moved": moved[:MOVED],
        "moved_total": len(moved),
        "as_decided": sum(not _by_rules(row) for row in rows),
    }


def _past(conn: Connection, last: int) -> Sequence[Any]:
    """The newest tickets with their first decision."""
    first = decisions.c.key == tickets.c.desk + ":" + tickets.c.ticket_id + ":created"
    label = and_(labels.c.desk == tickets.c.desk, labels.c.ticket_id == tickets.c.ticket_id)
    said = [
        decisions.c[name].label(f"d_{name}")
        for name in (
            "outcome",
            "rule",
            "reason",
            "intent",
            "confidence",
            "model",
            "words",
            "message_id",
            "at",
        )
    ]
    truth = func.coalesce(labels.c.intent, tickets.c.final_intent).label("truth")
    query = select(tickets, *said, truth).select_from(tickets.join(decisions, first).outerjoin(labels, label))
    return conn.execute(query.order_by(tickets.c.first_seen_at.desc()).limit(last)).all()


def _replayed(app: App, row: Any) -> Replayed:
    """One ticket through one configuration."""
    decided = _as_decided(row)
    if not _by_rules(row):
        return decided
    found = replay(app, _ticket(row), claimed_at=row.claimed_at)
    truth = app.rules[row.desk].intents.get(row.truth or "")
    final = (truth.queue or app.rules[row.desk].general_queue,) if truth else ()
    return replace(found, final_queue=final, at=decided.at)


def _by_rules(row: Any) -> bool:
    """Whether rules and confidence decided, and the words are still there to be looked at again."""
    ruled = row.d_rule.startswith("intents.") or row.d_rule in {"", "bands"}
    return ruled and row.d_outcome != Outcome.LEFT_ALONE and bool(row.d_words)


def _as_decided(row: Any) -> Replayed:
    return Replayed(
        desk=row.desk,
        ticket_id=row.ticket_id,
        at=row.first_seen_at,
        outcome=row.d_outcome,
        intent=row.d_intent,
        confidence=row.d_confidence,
        priority=row.priority,
        queue=row.queue,
        reason=row.d_reason,
        url=row.url,
        escalated_at=row.escalated_at,
        promise_at=row.promise_at,
        answered_at=row.answered_at,
        over_at=row.closed_at,
    )


def _ticket(row: Any) -> Ticket:
    """The ticket as far as the ledger knows it: the first words, and when a person answered."""
    said = [Message(row.d_message_id or "1", Author.CUSTOMER, row.d_at, row.d_words)]
    if row.answered_at is not None:
        said.append(Message("answer", Author.AGENT, max(row.answered_at, row.d_at), ""))
    return Ticket(
        desk=row.desk,
        id=row.ticket_id,
        subject=row.subject,
        messages=tuple(said),
        customer=Customer(row.customer_id, row.customer_email, row.customer_name),
        status=Status.CLOSED if row.closed_at is not None else Status.NEW,
        created_at=row.created_at or row.first_seen_at,
        updated_at=row.closed_at or row.d_at,
        url=row.url,
        replyable="does not reach the customer" not in row.d_reason,
    )


def plain(found: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A comparison as text."""
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
