"""A ticket keeps the guess it was first answered or escalated by; a message takes its place under the caps.

Later messages used to overwrite a ticket's intent and confidence, so automatic answers that failed counted for another
intent, and marks of ours were read back as an agent's correction. The decisions still say what was guessed first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from core.ledger.schema import Utc

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MADE_UP_BY_US = "field"  # the source of a label that was read from the desk's field or tag
GUESS = ("intent", "confidence", "band", "model")


def _table(name: str, *columns: str, times: Sequence[str] = ()) -> sa.TableClause:
    plain: list[sa.ColumnClause[Any]] = [sa.column(one) for one in ("desk", "ticket_id", *columns)]
    return sa.table(name, *plain, *(sa.column(one, Utc) for one in times))


decisions = _table("bs_decisions", *GUESS, "outcome", "mode", "escalates", times=["at"])
tickets = _table("bs_tickets", *GUESS, "final_intent", times=["auto_resolved_at", "escalated_at"])
labels = _table("bs_labels", "intent", "source")
meta = sa.table("bs_meta", sa.column("name"))


def upgrade() -> None:
    """Add the column and its indexes, then put right what the old rows say."""
    op.add_column("bs_writes", sa.Column("reserved_at", Utc(), nullable=True))
    op.execute(
        "UPDATE bs_writes SET reserved_at = opened_at "
        "WHERE what IN ('answer', 'acknowledgment') AND state IN ('open', 'done')"
    )
    op.drop_index("bs_writes_address", table_name="bs_writes")
    op.create_index("bs_writes_address", "bs_writes", ["address", "reserved_at"])
    op.create_index("bs_writes_reserved", "bs_writes", ["desk", "reserved_at"])
    conn = op.get_bind()
    changed = [_put_right(conn, where, made) for where, made in _decided_twice(conn)]
    if any(changed):  # thresholds that were worked out from wrong rows prove nothing
        conn.execute(sa.delete(meta).where(meta.c.name == "thresholds"))


def downgrade() -> None:
    """Take the column away; what was put right stays."""
    op.drop_index("bs_writes_reserved", table_name="bs_writes")
    op.drop_index("bs_writes_address", table_name="bs_writes")
    op.create_index("bs_writes_address", "bs_writes", ["address", "done_at"])
    with op.batch_alter_table("bs_writes") as table:
        table.drop_column("reserved_at")


def _decided_twice(conn: sa.Connection) -> Iterator[tuple[tuple[str, str], list[sa.Row[Any]]]]:
    """Desk, ticket and decisions, oldest first, of the tickets that more than one message was decided about."""
    acted = sa.and_(decisions.c.outcome != "left_alone", decisions.c.mode != "observe")
    several = (
        sa.select(decisions.c.desk, decisions.c.ticket_id)
        .where(acted)
        .group_by(decisions.c.desk, decisions.c.ticket_id)
        .having(sa.func.count() > 1)
        .subquery()
    )
    same = sa.and_(several.c.desk == decisions.c.desk, several.c.ticket_id == decisions.c.ticket_id)
    query = sa.select(decisions).join(several, same).where(acted)
    rows = conn.execute(query.order_by(decisions.c.desk, decisions.c.ticket_id, decisions.c.at)).all()
    for where, made in groupby(rows, key=lambda row: (row.desk, row.ticket_id)):
        yield where, list(made)


def _put_right(conn: sa.Connection, where: tuple[str, str], made: Sequence[sa.Row[Any]]) -> bool:
    """Give one ticket its first guess back; whether it had lost it."""
    here = sa.and_(tickets.c.desk == where[0], tickets.c.ticket_id == where[1])
    ticket = conn.execute(sa.select(tickets).where(here)).first()
    first = _first_guess(ticket, made) if ticket is not None else None
    if ticket is None or first is None:
        return False
    values = {name: getattr(first, name) for name in GUESS}
    if ticket.final_intent == first.intent:
        values["final_intent"] = ""
    mine = sa.and_(labels.c.desk == where[0], labels.c.ticket_id == where[1])
    ours = sa.and_(mine, labels.c.source == MADE_UP_BY_US, labels.c.intent == first.intent)
    removed = conn.execute(sa.delete(labels).where(ours)).rowcount
    if not removed:
        values.pop("final_intent", None)  # a person said it in another place
    conn.execute(sa.update(tickets).where(here).values(**values))
    return bool(removed) or any(getattr(ticket, name) != values[name] for name in GUESS)


def _first_guess(ticket: sa.Row[Any], made: Sequence[sa.Row[Any]]) -> sa.Row[Any] | None:
    """The decision that the ticket was answered by, else the one that it first escalated by."""
    answered = [
        one
        for one in made
        if one.outcome == "auto_resolved"
        and ticket.auto_resolved_at is not None
        and one.at <= ticket.auto_resolved_at
    ]
    if answered:
        return answered[-1]
    awaited = [one for one in made if one.escalates or one.outcome == "auto_resolved"]
    return awaited[0] if awaited and ticket.escalated_at is not None else None
