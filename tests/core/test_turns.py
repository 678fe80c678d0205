"""SQLite's writers of one process run in order of arrival, and each turn ends with its transaction."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from sqlalchemy import text

from core.ledger import db, turns

SOON = 20.0  # seconds within which an unblocked thread goes on


@pytest.fixture
def engine(tmp_path):
    engine = db.connect(f"sqlite:///{tmp_path}/b.db")
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE notes (n INTEGER UNIQUE)"))
    yield engine
    engine.dispose()


def waiting(engine) -> int:
    return len(turns.turn_of(engine.url.database)._waiting)


def writer(engine, n: int, written: list[int]) -> threading.Thread:
    def write() -> None:
        with engine.begin() as conn:
            conn.execute(text("INSERT INTO notes VALUES (:n)"), {"n": n})
            written.append(n)

    before = waiting(engine)
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    pause = threading.Event()
    while waiting(engine) == before:
        pause.wait(0.001)
    return thread


def test_writers_come_in_order_of_arrival(engine):
    written: list[int] = []
    with engine.begin():
        threads = [writer(engine, n, written) for n in range(8)]
    for one in threads:
        one.join(SOON)
    assert written == list(range(8))


def test_a_connection_with_driver_transactions_takes_turns_too(engine):
    """The durable engine's: the driver begins before the first writing statement."""
    other = sqlite3.connect(engine.url.database, factory=turns.Connection, isolation_level="IMMEDIATE")
    other.execute("INSERT INTO notes VALUES (100)")
    written: list[int] = []
    thread = writer(engine, 1, written)
    assert not written
    other.commit()
    thread.join(SOON)
    assert written == [1]
    other.close()


@pytest.mark.parametrize("end", ["commit", "rollback", "close", "failure", "outside a transaction"])
def test_a_turn_ends_with_its_transaction(engine, end):
    one = sqlite3.connect(engine.url.database, factory=turns.Connection, isolation_level=None)
    if end == "outside a transaction":
        one.execute("INSERT INTO notes VALUES (1)")
    elif end == "failure":
        with pytest.raises(sqlite3.OperationalError):
            one.execute("INSERT INTO nowhere VALUES (1)")
    else:
        one.execute("BEGIN IMMEDIATE")
        assert not turns.turn_of(engine.url.database).take(0.01)
        getattr(one, end)()
    assert turns.turn_of(engine.url.database).take(0.01)
    turns.turn_of(engine.url.database).hand_on()
    one.close()


def test_a_writer_that_waits_too_long_gets_sqlites_error(engine, monkeypatch):
    monkeypatch.setattr(turns.Turn.take, "__defaults__", (0.01,))
    with engine.begin(), pytest.raises(Exception, match="database is locked"), engine.begin():
        pass
    assert waiting(engine) == 0


def test_readers_never_wait(engine):
    with engine.begin(), db.reading(engine) as conn:
        assert conn.execute(text("SELECT count(*) FROM notes")).scalar() == 0
