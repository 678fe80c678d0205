"""The store is a parameter: what asks the ledger is asked on SQLite and on Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.ledger import db
from tests.real_postgres import real_postgres
from tests.stores import KINDS, Stores, hasten


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real server on a socket of its own, one for the whole session; its URL."""
    with real_postgres() as url:
        hasten(url)
        yield url


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Stores:
    """Makes databases for tests; starts Postgres when the first of its kind is wanted."""
    return Stores(tmp_path_factory.mktemp("stores"), lambda: request.getfixturevalue("postgres"))


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Which database the test runs on: each in turn."""
    return str(request.param)


@pytest.fixture
def store_url(store_kind: str, stores: Stores, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    with stores.fresh(store_kind, tmp_path) as url:
        yield url


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """The ledger in it."""
    engine = db.connect(store_url)
    yield engine
    engine.dispose()
