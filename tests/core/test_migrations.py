"""The migrations lead to exactly the tables that the code knows, on SQLite and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from real_postgres import real_postgres
from sqlalchemy import inspect

from core.ledger import db
from core.ledger.schema import metadata


@contextmanager
def address(kind, home):
    """Where an empty database of a kind is."""
    if kind == "sqlite":
        yield f"sqlite:///{home}/b.db"
        return
    with real_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    with address(request.param, tmp_path) as url:
        engine = db.connect(url)
        yield engine
        engine.dispose()


def test_the_migrations_lead_to_the_tables_of_the_code(engine):
    db.migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": "bs_version",
                "include_name": lambda name, kind, _: kind != "table" or name.startswith("bs_"),
            },
        )
        assert compare_metadata(context, metadata) == []
    assert db.schema_is_current(engine)


def test_many_processes_may_start_at_once(engine):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: db.migrate(engine), range(4)))
    assert db.schema_is_current(engine)
    assert "bs_events" in inspect(engine).get_table_names()
