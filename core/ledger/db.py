"""The database: one engine, short transactions, the same text for SQLite and Postgres."""

from __future__ import annotations

import importlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    TableClause,
    column,
    create_engine,
    event,
    inspect,
    make_url,
    select,
    table,
    text,
)
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from core.errors import ConfigError
from core.ledger import turns
from core.ledger.prepared import compiled
from core.ledger.schema import meta, metadata

UNSTORABLE = (DataError, IntegrityError, UnicodeError)  # the store is there and cannot take these values
LOCK_POLL = 0.2  # seconds
MIGRATIONS = Path(__file__).parent / "migrations"
PRAGMAS = (
    "synchronous=FULL",
    "busy_timeout=30000",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-2000",  # KiB for each connection
    "wal_autocheckpoint=4000",  # pages: a checkpoint holds a writer up, and syncs the whole file
)
PATIENCE = 10  # seconds for a server to answer; libpq would wait for ever
VERSION_TABLE = "bs_version"  # alembic's, made first
READS = "reads"  # what a connection bears whose next transaction only reads
SCHEMA_LOCK = 7_281_944  # any number of our own: Postgres' advisory lock for migrations


def normal_url(url: str) -> str:
    """The driver we ship: psycopg 3."""
    for short in ("postgresql://", "postgres://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    return url


def connect(url: str) -> Engine:
    """Return an engine set up for durable, short transactions. SQLite: WAL, FULL, one writer at a time."""
    url = normal_url(url)
    try:
        make_url(url)
    except ValueError as err:
        raise ConfigError(
            "database_url: the host or the port in it cannot be read: write postgresql://user@host:5432/name, and %40 for "
            "an @ in a password"
        ) from err
    if not url.startswith("sqlite"):
        return create_engine(
            url,
            connect_args={"connect_timeout": PATIENCE},
            pool_size=10,
            max_overflow=20,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    options = {"timeout": 30, "check_same_thread": False, "factory": _private_connection}
    engine = create_engine(url, connect_args=options, pool_size=10, hide_parameters=True)
    event.listen(engine.pool, "connect", _on_sqlite_connect)
    dialect: Any = engine.dialect
    dialect.do_begin = _begin  # a listener to an event would be looked for at each statement
    return engine


def engine_options(url: str) -> dict[str, Any]:
    """Return what the durable engine's own connections are made with: its writers take turns with ours."""
    sqlite_only = {"connect_args": {"factory": turns.Connection}}
    return {"hide_parameters": True} | (sqlite_only if url.startswith("sqlite") else {})


def _private_connection(path: str, *args: Any, **options: Any) -> turns.Connection:
    """A new database file is its owner's alone, whatever the umask; what SQLite puts beside it takes its mode."""
    if path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # it is there, or there is no such folder or right: SQLite says it better
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    return turns.Connection(path, *args, **options)


def _busy(err: BaseException) -> bool:
    return isinstance(err, sqlite3.OperationalError) and err.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see below
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@retry(
    retry=retry_if_exception(_busy), stop=stop_after_delay(PATIENCE), wait=wait_fixed(LOCK_POLL), reraise=True
)
def _switch_to_wal(cursor: Any) -> None:
    """Switch to WAL. SQLite does not wait for the lock that a new file takes for it, and processes start together."""
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin(connection: Any) -> None:
    """A transaction that will write takes the lock at once: upgrading a read lock fails under load."""
    connection.driver_connection.execute("BEGIN" if connection.info.pop(READS, False) else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads and so never waits for a writer."""
    with engine.connect().execution_options(reads=True) as connection:
        connection.info[READS] = True
        connection.begin()
        yield connection


_schema_lock = threading.Lock()


@contextmanager
def schema_lock(engine: Engine) -> Iterator[None]:
    """Held by one process at a time while it changes the schema (Postgres); SQLite's own lock serves there."""
    if engine.dialect.name != "postgresql":
        with _schema_lock:
            yield
        return
    with _schema_lock, engine.connect() as connection:
        # asked again and again: whoever waits inside a statement holds up the other's CREATE INDEX CONCURRENTLY for ever
        while not connection.execute(text("SELECT pg_try_advisory_lock(:n)"), {"n": SCHEMA_LOCK}).scalar():
            connection.commit()
            time.sleep(LOCK_POLL)
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": SCHEMA_LOCK})
            connection.commit()


def exists(url: str) -> bool:
    """Return whether there is a store of ours; makes none and changes nothing (SQLite would, on connecting)."""
    engine = connect(url)
    if engine.dialect.name != "sqlite":
        try:
            with reading(engine) as connection:
                return inspect(connection).has_table(VERSION_TABLE)
        finally:
            engine.dispose()
    file = Path(engine.url.database or "")
    if not file.is_file():
        return False
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        known = "SELECT 1 FROM sqlite_master WHERE name = ?"
        return connection.execute(known, (VERSION_TABLE,)).fetchone() is not None


def where(url: str) -> str:
    """Return the store's address as people may see it: without the password."""
    try:
        return make_url(normal_url(url)).set(drivername=url.partition(":")[0]).render_as_string()
    except ArgumentError:
        return "the address in database_url"


def migrate(engine: Engine) -> None:
    """Bring the schema up to date, one process at a time."""
    if schema_is_current(engine):
        return
    from alembic import command

    with schema_lock(engine), engine.connect() as connection:
        command.upgrade(_alembic(connection), "head")
        connection.commit()


def _alembic(connection: Connection) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def schema_is_current(engine: Engine) -> bool:
    """Return whether the tables are those of this program. Asked at each start, so it loads no alembic."""
    with reading(engine) as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return False
        return connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE))) == _newest()


@cache
def _newest() -> str:
    """Return the revision of this program's tables: the number that the last migration's file begins with."""
    return max(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def insert_new(conn: Connection, table: TableClause, values: Mapping[str, Any]) -> bool:
    """Insert unless the key is there already; whether it was new."""
    insert = compiled(_insert(conn.dialect.name, table), conn.dialect, tuple(values))
    return insert(conn, values).rowcount == 1


@cache
def _insert(dialect: str, table: TableClause) -> Any:
    """A statement that is made once: to build it anew takes longer than to carry it out."""
    insert = inserting(dialect, table).on_conflict_do_nothing()
    return insert.execution_options(preserve_rowcount=True)  # else -1 on Postgres


def inserting(dialect: str, table: TableClause) -> Any:
    """Return the dialect's own insert, which knows about conflicts. The other dialect is not loaded."""
    return importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


def insert_all_new(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert these rows, all of the same columns, but for those whose key is there already."""
    if rows:
        conn.execute(_insert(conn.dialect.name, table), [dict(row) for row in rows])


def put(conn: Connection, table: TableClause, keys: Iterable[str], values: Mapping[str, Any]) -> None:
    """Insert, or update the given columns of the row with these keys."""
    upsert = _upsert(conn.dialect.name, table, tuple(keys), tuple(values))
    compiled(upsert, conn.dialect, tuple(values))(conn, values)


@cache
def _upsert(dialect: str, table: TableClause, keys: tuple[str, ...], names: tuple[str, ...]) -> Any:
    insert = inserting(dialect, table)
    changed = {name: insert.excluded[name] for name in names if name not in keys}
    if not changed:
        return insert.on_conflict_do_nothing()
    return insert.on_conflict_do_update(index_elements=list(keys), set_=changed)


def kept(conn: Connection, name: str) -> Any:
    """Return a small fact that is kept by this name; None when there is none."""
    return conn.execute(select(meta.c.value).where(meta.c.name == name)).scalar()


def keep(conn: Connection, name: str, value: Any) -> None:
    """Keep a small fact by this name."""
    put(conn, meta, ["name"], {"name": name, "value": value})


def create_all(engine: Engine) -> None:
    """All tables at once: for a store that is gone after its use, and for tests of single parts."""
    metadata.create_all(engine)
