"""The two databases that a ledger may lie in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from real_postgres import real_postgres
from sqlalchemy import Engine

from core.ledger import db

BOTH = ["sqlite", "postgresql"]


@contextmanager
def empty(kind: str, home: Path) -> Iterator[str]:
    """Where an empty database of a kind is."""
    if kind == "sqlite":
        yield f"sqlite:///{home}/b.db"
        return
    with real_postgres() as url:
        yield url


@pytest.fixture(params=BOTH)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on an empty database of each kind."""
    with empty(request.param, tmp_path) as url:
        made = db.connect(url)
        yield made
        made.dispose()
