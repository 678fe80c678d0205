"""A console over a ledger of its own, on a clock moved by hand."""

from __future__ import annotations

import functools
from contextlib import ExitStack

import pytest
from argon2 import PasswordHasher

from connectors.sandbox.server import serving
from core.ledger import db
from core.reports import plots
from core.web import users
from tests.console.world import fill, hostile, make_app, present
from tests.stores import KINDS


def history(url: str) -> None:
    """History and three waiting tickets."""
    engine = db.connect(url)
    fill(engine)
    engine.dispose()


@pytest.fixture(scope="session", params=KINDS)
def filled(request, stores, tmp_path_factory):
    """A ledger with history, three waiting tickets, and one hostile one; for reading only."""
    with stores.fresh(request.param, tmp_path_factory.mktemp("ledger"), "console", history) as url:
        engine = db.connect(url)
        with engine.begin() as connection:
            hostile(connection)
        yield engine
        engine.dispose()


@pytest.fixture
def engine(store_kind, stores, tmp_path):
    """A ledger with history and three waiting tickets, for one test."""
    with stores.fresh(store_kind, tmp_path, "console", history) as url:
        engine = db.connect(url)
        yield engine
        engine.dispose()


def today(url: str) -> None:
    """Three waiting tickets, and no history."""
    engine = db.connect(url)
    present(engine)
    engine.dispose()


@pytest.fixture
def small(store_kind, stores, tmp_path):
    """A ledger with three waiting tickets and no history, for one test."""
    with stores.fresh(store_kind, tmp_path, "console-today", today) as url:
        engine = db.connect(url)
        yield engine
        engine.dispose()


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch):
    """Argon2 with so little work that a test need not wait for it."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(users, "_hasher", lambda: quick)
    users._nobodys_hash.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def pictures_drawn_once():
    """The same report is drawn once for all pages: a drawing takes half a second, and most tests read the same history.
    tests/core/test_report_sending.py holds that the same week makes the same file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "_draw", functools.lru_cache(maxsize=16)(plots._draw))
        yield


@pytest.fixture
def client(engine):
    """A browser on this machine, while there are no users."""
    return make_app(engine).test_client()


@pytest.fixture
def reading(filled):
    """The same over the big, hostile ledger."""
    return make_app(filled).test_client()


@pytest.fixture
def serve():
    """Serve an app on a port of this machine; return its address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))
