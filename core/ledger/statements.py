"""Statements that are made once: to build one anew takes longer than to carry it out.

Conditions are given as a mapping from column to value; None asks for the rows that have no value there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, Update, bindparam, select, update

WANTED = "is_"  # before a column's name, in the parameter that it is compared with


@cache
def rows_of(table: Table, *names: str) -> Select[Any]:
    """Return the query for the rows that have the values given as parameters, by the columns' names."""
    return select(table).where(*(table.c[name] == bindparam(name) for name in names))


def change(conn: Connection, table: Table, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Give these values to the rows that match; return how many there were."""
    result = conn.execute(changing(table, *shape(where)), {**wanted(where), **values})
    return result.rowcount


@cache
def changing(table: Table, *names: tuple[str, bool]) -> Update:
    """Return the change of the rows that match conditions of this `shape`; its values are parameters, too."""
    return update(table).where(*conditions(table, names))


def conditions(table: Table, names: tuple[tuple[str, bool], ...]) -> Iterator[ColumnElement[bool]]:
    """Yield a condition for each column."""
    for name, given in names:
        column = table.c[name]
        yield column == bindparam(WANTED + name) if given else column.is_(None)


def shape(where: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """Return the columns of these conditions, and whether a value is asked for."""
    return tuple((name, value is not None) for name, value in where.items())


def wanted(where: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of these conditions."""
    return {WANTED + name: value for name, value in where.items() if value is not None}
