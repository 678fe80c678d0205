"""Ready-made databases of both kinds: migrated once a session, copied for each test that wants one."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbos import DBOS
from sqlalchemy import Engine, event, text

from core.ledger import db

KINDS = ("sqlite", "postgres")
BOTH_STORES = pytest.mark.parametrize("store_kind", KINDS, indirect=True)
FAST = (
    "fsync = off",
    "full_page_writes = off",
    "synchronous_commit = off",
)  # nothing here outlives the server


def hasten(server: str) -> None:
    """A server for tests need not survive a power cut."""
    with psycopg.connect(server, autocommit=True) as connection:
        for setting in FAST:
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")


def named(server: str, name: str) -> str:
    """The URL of one database of a server."""
    return server.replace("/postgres?", f"/{name}?")


class Stores:
    """Makes databases; `server` gives the Postgres server's URL, at first need."""

    def __init__(self, home: Path, server: Callable[[], str]) -> None:
        self.home, self.server = home, server
        self._ready: dict[str, str] = {}

    @contextmanager
    def fresh(
        self, kind: str, home: Path, fill: str = "", put: Callable[[str], None] | None = None
    ) -> Iterator[str]:
        """The URL of a migrated database, filled by `put` where one is given; gone afterwards. `fill` names the
        template that is made and filled once."""
        template = self.template(kind, fill, put)
        if kind == "sqlite":
            shutil.copyfile(template, home / "backstop.db")
        with self.empty(kind, home, template) as url:
            yield url

    @contextmanager
    def empty(self, kind: str, home: Path, template: str = "template0") -> Iterator[str]:
        """The URL of a database without a table (Postgres: or a copy of `template`); gone afterwards."""
        if kind == "sqlite":
            yield f"sqlite:///{home}/backstop.db"
            return
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.server(), autocommit=True) as connection:
            # a copy of the files takes half the time of the default, which writes every page to the log
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        try:
            yield named(self.server(), name)
        finally:
            with psycopg.connect(self.server(), autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def template(self, kind: str, fill: str = "", put: Callable[[str], None] | None = None) -> str:
        """Make a template once: migrated, and filled by `put` where one is given. A file, or a database's name."""
        if kind + fill not in self._ready:
            self._ready[kind + fill] = self._made(kind, f"template{fill}", put)
        return self._ready[kind + fill]

    def _made(self, kind: str, name: str, put: Callable[[str], None] | None) -> str:
        if kind == "sqlite":
            place = str(self.home / f"{name}.db")
            url = f"sqlite:///{place}"
        else:
            place, url = name, named(self.server(), name)
            with psycopg.connect(self.server(), autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
        engine = db.connect(url)
        db.migrate(engine)
        DBOS.migrate(db.normal_url(url))
        engine.dispose()
        if put is not None:
            put(url)
        if kind == "sqlite":  # all of it in the one file
            with closing(sqlite3.connect(place)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return place


@contextmanager
def full(engine: Engine) -> Iterator[None]:
    """While the block runs, the store answers and takes nothing more: SQLite's disk is full, Postgres only reads."""
    if engine.dialect.name == "sqlite":
        with db.reading(engine) as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        change, undo = f"PRAGMA max_page_count = {pages}", "PRAGMA max_page_count = 1073741823"
    else:
        change, undo = "SET default_transaction_read_only = on", "SET default_transaction_read_only = off"
    said = [change]

    def on_checkout(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(said[0])
        if engine.dialect.name != "sqlite":
            connection.commit()

    event.listen(engine, "checkout", on_checkout)
    try:
        yield
    finally:
        said[0] = undo  # connections of before are still in the pool
