"""The one place that changes the state of a row that exists. What `states.py` does not draw is refused."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Update, select, update

from core.errors import IllegalChange
from core.ledger.prepared import compiled
from core.ledger.statements import Shape, conditions, literals, shape, wanted
from core.ledger.states import State, sources


def move(
    conn: Connection,
    table: Table,
    to: State,
    where: Mapping[str, Any],
    *more: ColumnElement[bool],
    among: frozenset[Any] | None = None,
    **values: Any,
) -> int:
    """Put the rows that match into the state `to`, with these values; return how many were moved. `among`: only rows in
    one of these states.

    The allowed states are part of the statement, so that two workers cannot both pass a check and then write.
    Raises IllegalChange when rows match whose states do not allow `to`.
    """
    made = {name: value for name, value in values.items() if isinstance(value, ColumnElement)}
    given = {"state": to} | {name: value for name, value in values.items() if name not in made}
    query, parameters = _moving(table, to, shape(where), among), {**wanted(where), **given}
    if made or more:
        moved = conn.execute(query.where(*more).values(made), parameters).rowcount
    else:
        moved = compiled(query, conn.dialect, tuple(given))(conn, parameters).rowcount
    if not moved:
        _refuse(conn, table, to, where, more, among)
    return moved


@cache
def _moving(table: Table, to: State, names: Shape, among: frozenset[Any] | None) -> Update:
    states = sources(to) if among is None else sources(to) & among
    return update(table).where(*conditions(table, names), table.c.state.in_(literals(states)))


def _refuse(
    conn: Connection,
    table: Table,
    to: State,
    where: Mapping[str, Any],
    more: tuple[ColumnElement[bool], ...],
    among: frozenset[Any] | None,
) -> None:
    matching = select(table.c.state).where(*conditions(table, shape(where)), *more)
    matching = matching.where(table.c.state.in_(among)) if among is not None else matching
    stands = conn.execute(matching, wanted(where)).scalars().first()
    if stands is not None and stands not in sources(to):
        raise IllegalChange(f"{table.name}: a change from {stands} to {to} is not allowed")
