"""Statements that are made once: to build one anew takes longer than to carry it out.

Conditions are given as a mapping from column to value; None asks for the rows that have no value there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Update,
    bindparam,
    literal_column,
    select,
    update,
)

from core.ledger.prepared import compiled

Shape = tuple[tuple[str, bool], ...]  # columns that are compared, and whether with a value

WANTED = "is_"  # before a column's name, in the parameter that it is compared with


@cache
def rows_of(table: Table, *names: str) -> Select[Any]:
    """Return the query for the rows that have the values given as parameters, by the columns' names."""
    return select(table).where(*(table.c[name] == bindparam(name) for name in names))


def ask(conn: Connection, query: Select[Any], where: Mapping[str, Any]) -> list[list[Any]]:
    """Return what a query that is kept finds with these parameters; each row as a list."""
    return compiled(query, conn.dialect).rows(conn, where)


def change(conn: Connection, table: Table, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Give these values to the rows that match; return how many there were."""
    changing = compiled(_changing(table, shape(where)), conn.dialect, tuple(values))
    return changing(conn, {**wanted(where), **values}).rowcount


@cache
def _changing(table: Table, where: Shape) -> Update:
    return update(table).where(*conditions(table, where))


def conditions(table: Table, names: Shape) -> Iterator[ColumnElement[bool]]:
    """Yield a condition for each column."""
    for name, given in names:
        column = table.c[name]
        yield column == bindparam(WANTED + name) if given else column.is_(None)


def shape(where: Mapping[str, Any]) -> Shape:
    """Return the columns of these conditions, and whether a value is asked for."""
    return tuple((name, value is not None) for name, value in where.items())


def wanted(where: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of these conditions."""
    return {WANTED + name: value for name, value in where.items() if value is not None}


def literals(states: Iterable[StrEnum]) -> list[ColumnElement[str]]:
    """Return states as part of a statement's text: a list of parameters would be written into it at each use."""
    return [literal_column(f"'{one}'") for one in sorted(states)]
