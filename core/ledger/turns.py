"""SQLite: the writers of one process take turns, in order of arrival.

SQLite has one writer at a time, and lets the others sleep, ever longer, until it is free: a sleeping writer is overtaken by
one that has just come. Here a writer waits for the one before it, and is woken when that one has committed.
Writers of other processes are still waited for inside SQLite (`busy_timeout`). One writer may go first: the intake of
webhooks, whose senders wait for an answer; but never twice in succession, so that it keeps nobody from the store.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 30.0  # seconds to wait for a turn; as long as `busy_timeout`
WRITING = ("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "BEGIN IMMEDIATE")


class _Going(threading.local):
    first = False


_going = _Going()


@contextmanager
def first() -> Iterator[None]:
    """Within the block, this thread's writes go before those that wait."""
    _going.first = True
    try:
        yield
    finally:
        _going.first = False


class Turn:
    """A lock that is handed on in order of arrival."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()
        self._went_first = False

    def take(self, patience: float = PATIENCE) -> bool:
        """Wait for the turn; False when it did not come within `patience` seconds."""
        with self._guard:
            first, self._went_first = _going.first and not self._went_first, _going.first
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.insert(0 if first else len(self._waiting), mine)
        if mine.acquire(timeout=patience):
            return True
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # it was handed to us just then

    def hand_on(self) -> None:
        """End the turn; the writer that has waited longest is next."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


_turns: dict[str, Turn] = {}
_turns_lock = threading.Lock()


def turn_of(path: str) -> Turn:
    """Return the turn at a database file, the same for all connections of this process; one of its own for what is no
    file."""
    if path == ":memory:" or path.startswith("file:"):
        return Turn()
    with _turns_lock:
        return _turns.setdefault(os.path.realpath(path), Turn())


class Connection(sqlite3.Connection):
    """A connection that writes when it is its turn, from the first writing statement to the end of the transaction."""

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(database, *args, **kwargs)
        self._turn = turn_of(database)
        self._mine = False

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor whose writing statements wait for their turn."""
        return super().cursor(factory or Cursor)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """By such a cursor."""
        cursor: sqlite3.Cursor = self.cursor().execute(sql, parameters)
        return cursor

    def before(self, sql: str) -> bool:
        """Wait for the turn before a statement that begins to write; whether it was taken now."""
        if self._mine or self.in_transaction or not sql.lstrip()[:15].upper().startswith(WRITING):
            return False
        if not self._turn.take():
            raise sqlite3.OperationalError("database is locked")
        self._mine = True
        return True

    def over(self) -> None:
        """Hand the turn on once the transaction has ended."""
        if self._mine and not self.in_transaction:
            self._mine = False
            self._turn.hand_on()

    def commit(self) -> None:
        """End the transaction, and the turn."""
        super().commit()
        self.over()

    def rollback(self) -> None:
        """End the transaction, and the turn."""
        try:
            super().rollback()
        finally:
            self.over()

    def close(self) -> None:
        """End the connection, and the turn."""
        try:
            super().close()
        finally:
            if self._mine:
                self._mine = False
                self._turn.hand_on()


class Cursor(sqlite3.Cursor):
    """A cursor whose writing statements wait for their turn. A statement that fails, or writes outside a transaction,
    keeps no turn."""

    connection: Connection

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        """One statement."""
        taken = self.connection.before(sql)
        try:
            super().execute(sql, parameters)
        finally:
            if taken:
                self.connection.over()
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Cursor:
        """One statement with many rows."""
        taken = self.connection.before(sql)
        try:
            super().executemany(sql, parameters)
        finally:
            if taken:
                self.connection.over()
        return self
