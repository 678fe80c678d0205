"""A database that is used again is as new, and out of reach for whoever used it before."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import func, insert, select

from core.ledger import db
from core.ledger.schema import history, meta
from tests.spare_databases import SHAPE

ROW = {"desk": "support", "ticket_id": "1", "at": datetime(2026, 11, 24, tzinfo=UTC), "what": "received"}


def filled(url: str) -> None:
    engine = db.connect(url)
    with engine.begin() as connection:
        connection.execute(insert(meta), {"name": "kept", "value": "first"})
        connection.execute(insert(history), [ROW | {"detail": "of before"}])
    engine.dispose()


@pytest.fixture
def copies(stores, tmp_path):
    """Starts one use of the template after the other."""
    return lambda: stores.fresh("postgres", tmp_path, "spare-test", filled)


def test_what_a_use_wrote_changed_and_removed_is_undone(copies):
    with copies() as url:
        engine = db.connect(url)
        with engine.begin() as connection:
            db.keep(connection, "kept", "second")
            connection.execute(history.delete())
            connection.execute(insert(history), [ROW | {"detail": "of a test"}] * 3)
        engine.dispose()
    for _ in range(2):  # what was put back once is known as it stands then
        with copies() as url:
            engine = db.connect(url)
            with engine.begin() as connection:
                assert db.kept(connection, "kept") == "first"
                assert connection.execute(select(history.c.detail)).scalars().all() == ["of before"]
                connection.execute(insert(history), [ROW | {"detail": "next"}])
                assert connection.execute(select(func.max(history.c.id))).scalar() == 2
            engine.dispose()


def test_the_same_database_serves_again_and_its_old_address_leads_nowhere(copies):
    with copies() as first, psycopg.connect(first) as still:
        still.execute("SELECT 1")
        oid = still.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first)
    with copies() as second, psycopg.connect(second) as again:
        assert second != first
        assert (
            again.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone() == oid
        )


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE bs_meta RENAME TO away",
        "DROP TABLE bs_surges",
        "ALTER TABLE bs_meta ADD COLUMN more TEXT",
        "ALTER TABLE bs_meta ALTER COLUMN name DROP NOT NULL",
        "CREATE INDEX another ON bs_history (what)",
        "CREATE TABLE new (LIKE bs_counts INCLUDING ALL); DROP TABLE bs_counts; ALTER TABLE new RENAME TO bs_counts",
    ],
)
def test_a_database_with_other_tables_does_not_serve_again(copies, change):
    with copies() as url, psycopg.connect(url, autocommit=True) as connection:
        shape = connection.execute(SHAPE).fetchone()
        if "NOT NULL" in change:
            connection.execute("ALTER TABLE bs_meta DROP CONSTRAINT bs_meta_pkey")
        connection.execute(change)
    with copies() as url, psycopg.connect(url) as connection:
        assert connection.execute(SHAPE).fetchone() == shape
