"""Statements that are compiled once and then handed to the driver as text.

SQLAlchemy keeps the text of a statement too, but finds it again by a key that it makes from the statement at each call; on
SQLite, that and its own execution take three times as long as the statement itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, Float

KEPT = 512  # statements: by table and columns there are fewer, for each engine


@dataclass(frozen=True)
class Prepared:
    """The text of a statement in one dialect, what its parameters and results are made with, and the parameters that nobody
    gives."""

    sql: str
    positions: tuple[str, ...]  # the parameters' names in the order of the text; () where the text names them
    processors: Mapping[str, Callable[[Any], Any]]
    constants: Mapping[str, Any]
    results: tuple[tuple[int, Callable[[Any], Any]], ...] = ()  # place in the row, what makes the value

    def __call__(self, conn: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute the statement with these values."""
        given = {**self.constants, **values}
        for name, process in self.processors.items():
            given[name] = process(given[name])
        return conn.exec_driver_sql(
            self.sql, tuple(given[name] for name in self.positions) if self.positions else given
        )

    def rows(self, conn: Connection, values: Mapping[str, Any]) -> list[list[Any]]:
        """Return the rows that a query finds."""
        found = [list(row) for row in self(conn, values)]
        for row in found:
            for at, process in self.results:
                row[at] = process(row[at])
        return found


@lru_cache(KEPT)
def compiled(statement: Any, dialect: Dialect, names: tuple[str, ...] | None = None) -> Prepared:
    """Return a statement, which must itself be kept: a new one would be compiled anew. `names`: the columns that an insert or
    update is given; the others of a new row have their defaults, which must be values."""
    made = statement.compile(dialect=dialect, column_keys=names and list(names))
    processors = {
        name: process
        for name, bind in made.binds.items()
        if (process := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    constants = {name: bind.value for name, bind in made.binds.items() if not bind.required}
    defaults = {column.key: column.default.arg for column in made.insert_prefetch}
    positions = tuple(made.positiontup) if made.positional else ()
    if "POSTCOMPILE" in made.string:
        raise ValueError(
            f"a list of parameters would be written into this statement at each use: {made.string}"
        )
    columns = statement.selected_columns if statement.is_select else ()
    results = tuple(
        (at, process)
        for at, column in enumerate(columns)
        if not isinstance(column.type, Float)  # drivers return floats
        and (process := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    )
    return Prepared(made.string, positions, processors, constants | defaults, results)
