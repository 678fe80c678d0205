"""Changes to the ledger about one ticket that wait for its next transaction, and are committed with it.

A call that was made and whose mark is not committed yet is like one whose worker has died: it is found open, and is
looked up at the desk before it is made again. No call is made before what waits is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection

from core.app import App
from core.ledger import store
from core.ledger.rows import TicketRow
from core.ledger.states import Entry

Change = Callable[[Connection], Mapping[str, Any] | None]


class Batch:
    """Changes in order. Each is given the connection, and may return columns of the ticket's row: these are written once,
    after all. Leaving the block commits what is left, whatever failed, unless the process is being ended."""

    def __init__(self, app: App, desk: str, ticket_id: str) -> None:
        self.app, self.where = app, (desk, ticket_id)
        self.became: TicketRow | None = None  # the ticket's row, where a decision was carried out
        self._changes: list[Change] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or issubclass(kind, Exception):
            self.flush()

    def add(self, change: Change) -> None:
        """Have this committed with the next transaction."""
        self._changes.append(change)

    def log(self, what: Entry, detail: str, **data: Any) -> None:
        """Add a line to the ticket's story."""
        now = self.app.clock()
        self.add(lambda conn: store.log(conn, self.where, now, what, detail, **data))

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that begins with what waits. If it fails, that waits on."""
        changes = list(self._changes)
        with self.app.engine.begin() as conn:
            values: dict[str, Any] = {}
            for change in changes:
                values |= change(conn) or {}
            if values:
                store.put_ticket(conn, self.where, self.app.clock(), **values)
            yield conn
        del self._changes[: len(changes)]

    def flush(self) -> None:
        """Commit what waits."""
        if self._changes:
            with self.begin():
                pass
