"""The one place that changes the state of a row that exists. What `states.py` does not draw is refused."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select, update

from core.errors import IllegalChange
from core.ledger.states import State, sources


def move(conn: Connection, table: Table, to: State, *where: ColumnElement[bool], **values: Any) -> int:
    """Put the rows that match into the state `to`, with these values; return how many were moved.

    The allowed states are part of the statement, so that two workers cannot both pass a check and then write.
    Raises IllegalChange when rows match whose states do not allow `to`.
    """
    allowed = sources(to)
    query = update(table).where(*where, table.c.state.in_(allowed)).values(state=to, **values)
    moved = conn.execute(query).rowcount
    if not moved:
        stands = conn.execute(select(table.c.state).where(*where)).scalars().first()
        if stands is not None and stands not in allowed:
            raise IllegalChange(f"{table.name}: a change from {stands} to {to} is not allowed")
    return moved
