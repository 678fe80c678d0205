"""Inserts that are compiled once and then handed to the driver as text.

SQLAlchemy keeps the text of a statement too, but finds it again by a key that it makes from the statement at each call; on
SQLite, that and its own execution take three times as long as the insert itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect


@dataclass(frozen=True)
class Prepared:
    """The text of an insert in one dialect, what its parameters are made with, and those that nobody gives."""

    sql: str
    positions: tuple[str, ...]  # the parameters' names in the order of the text; () where the text names them
    processors: Mapping[str, Callable[[Any], Any]]
    constants: Mapping[str, Any]

    def __call__(self, conn: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Insert one row of these values."""
        given = {**self.constants, **values}
        for name, process in self.processors.items():
            given[name] = process(given[name])
        return conn.exec_driver_sql(
            self.sql, tuple(given[name] for name in self.positions) if self.positions else given
        )


def compiled(
    statement: Any, dialect: Dialect, names: tuple[str, ...], schemas: Mapping[str, str | None] | None = None
) -> Prepared:
    """Return the insert of a row of which the columns `names` are given; the others have their defaults, which must be
    values. `schemas`: how schemas are called in this database."""
    renamed = {"schema_translate_map": schemas, "render_schema_translate": True} if schemas else {}
    made = statement.compile(dialect=dialect, column_keys=list(names), **renamed)
    processors = {
        name: process
        for name, bind in made.binds.items()
        if (process := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    constants = {name: bind.value for name, bind in made.binds.items() if name not in names}
    defaults = {column.key: column.default.arg for column in made.insert_prefetch}
    positions = tuple(made.positiontup) if made.positional else ()
    return Prepared(made.string, positions, processors, constants | defaults)
