"""A console over a ledger of its own, on a clock moved by hand."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import create_engine
from werkzeug.serving import make_server

from tests.console.world import fill, hostile, make_app


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """A ledger with history, three waiting tickets, and one hostile one; for reading only."""
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")
    fill(engine)
    with engine.begin() as db:
        hostile(db)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(tmp_path):
    """A ledger with history and three waiting tickets, for one test."""
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine):
    """A browser on this machine, while there is nobody to log in as."""
    return make_app(engine).test_client()


@pytest.fixture
def reading(filled):
    """The same over the big, hostile ledger."""
    return make_app(filled).test_client()


@pytest.fixture(scope="session")
def serve():
    """Serve an app on a port of this machine; gives its address."""
    running = []

    def start(flask: Flask) -> str:
        server = make_server("127.0.0.1", 0, flask, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
