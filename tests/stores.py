"""Ready-made databases of both kinds: migrated once a session, copied for each test that wants one."""

from __future__ import annotations

import functools
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbos import DBOS
from sqlalchemy import Engine, event, text

from core import settings, wiring
from core.app import App
from core.ledger import db
from tests.spare_databases import Spares, named

KINDS = ("sqlite", "postgres")
BOTH_STORES = pytest.mark.parametrize("store_kind", KINDS, indirect=True)
COPIED: set[str] = set()  # URLs of what `Stores.fresh` handed out: the engine's tables are in the template
FAST = (
    "fsync = off",
    "full_page_writes = off",
    "synchronous_commit = off",
    "jit = off",
    "autovacuum = off",  # it goes round all databases, of which there are dozens
    "checkpoint_timeout = '1d'",
    "max_wal_size = '256MB'",
)


def hasten(server: str) -> None:
    """A server for tests need not survive a power cut."""
    with psycopg.connect(server, autocommit=True) as connection:
        for setting in FAST:
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")


class Stores:
    """Makes databases; `server` returns the Postgres server's URL, at first need."""

    def __init__(self, home: Path, server: Callable[[], str]) -> None:
        self.home, self.spares = home, Spares(server)
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
            COPIED.add(url := f"sqlite:///{home}/backstop.db")
            yield url
            return
        with self.spares.copy(template) as url:
            COPIED.add(db.normal_url(url))
            yield url

    @contextmanager
    def empty(self, kind: str, home: Path) -> Iterator[str]:
        """The URL of a database without a table; gone afterwards."""
        if kind == "sqlite":
            yield f"sqlite:///{home}/backstop.db"
            return
        name = f"t{uuid.uuid4().hex}"
        self.spares.create(name)
        try:
            yield named(self.spares.server(), name)
        finally:
            self.spares.drop(name)

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
            place, url = name, named(self.spares.server(), name)
            self.spares.create(name)
        engine = db.connect(url)
        db.migrate(engine)
        DBOS.migrate(db.normal_url(url))
        engine.dispose()
        if put is not None:
            put(url)
        if kind == "sqlite":  # all of it in the one file
            with closing(sqlite3.connect(place)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            self.spares.seal(name)
        return place


@functools.cache
def _first_store() -> bytes:
    with tempfile.TemporaryDirectory() as home:
        engine = db.connect(f"sqlite:///{home}/first.db")
        db.migrate(engine)
        engine.dispose()
        return Path(home, "first.db").read_bytes()


def receiver(url: str, home: Path) -> App:
    """The program over this database: one desk, at which nobody answers, and no classifier."""
    config = home / "backstop.toml"
    config.write_text(
        f'database_url = "{url}"\n[desks.support]\nvendor = "freshdesk"\n'
        'base_url = "http://127.0.0.1:9"\ngeneral_queue = "1"\n'
    )
    return wiring.build(settings.load(config), classify=False)


def after_a_first_start(file: Path) -> None:
    """Make a store's file, migrated and empty; the engine's tables are made when a process first needs them."""
    file.write_bytes(_first_store())


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
