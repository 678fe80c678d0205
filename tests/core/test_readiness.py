"""Ready means that a webhook can be stored: tested by a write, at most once a second; people are notified when it fails."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from core.ledger import db
from core.model import Priority, Receipt
from core.notifications import routing, unstored
from core.web import readiness
from core.web.readiness import Readiness
from tests.stores import full

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class Pager:
    """A channel that keeps what it is given, or is broken."""

    kind = "test"
    recipients = ()

    def __init__(self, name, broken=False):
        self.name, self.broken, self.sent = name, broken, []

    def send(self, outbound, now):
        if self.broken:
            raise unstored.BackstopError("it does not answer")
        self.sent.append(outbound)
        return Receipt()


@pytest.fixture
def app(engine):
    channels = {name: Pager(name) for name in ("test:urgent", "test:team")}
    routes = routing.Routes(channels, by_priority={Priority.HIGH: ("test:team",)}, alarm=("test:urgent",))
    return SimpleNamespace(engine=engine, clock=lambda: NOW, channels=channels, routes=routes)


@pytest.fixture
def told(monkeypatch):
    """The reasons in the notices."""
    found = []
    monkeypatch.setattr(unstored, "tell", lambda app, why, now: found.append(why))
    return found


def test_a_store_that_takes_a_row_is_ready(app, told):
    assert Readiness(app).trouble() == ""
    assert told == []


def test_a_read_only_store_is_not_ready_and_people_are_notified(app, told):
    with full(app.engine):
        why = Readiness(app).trouble()
    assert "cannot be written" in why
    assert Readiness(app).trouble() == ""
    assert told == [why]


def test_a_store_that_is_not_there_is_not_ready(app, told, monkeypatch):
    away = db.connect("postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setattr(app, "engine", away)
    assert "does not answer" in Readiness(app).trouble()
    assert len(told) == 1


def test_a_store_of_another_version_is_not_ready_and_pages_no_one(app, told):
    with app.engine.begin() as connection:
        connection.execute(text("UPDATE bs_version SET version_num = '0000'"))
    assert "schema is not current" in Readiness(app).trouble()
    assert told == []


def test_however_often_it_is_called_it_writes_once_a_second(app, monkeypatch):
    looks, moment = [], [100.0]
    monkeypatch.setattr(readiness, "_write", lambda engine, now: looks.append(now))
    monkeypatch.setattr(readiness.time, "monotonic", lambda: moment[0])
    ready = Readiness(app)
    for _ in range(50):
        assert ready.trouble() == ""
    assert len(looks) == 1
    moment[0] += 1.1
    ready.trouble()
    assert len(looks) == 2


# --- people are told past the ledger ----------------------------------------------------------


def join(thread):
    if thread is not None:
        thread.join(10)


def test_people_are_notified_once_an_hour_without_the_ledger(app):
    app.engine.dispose()
    for minutes in (0, 1, 59, 60, 61):
        join(unstored.tell(app, "the disk is full", NOW + timedelta(minutes=minutes)))
    sent = app.channels["test:urgent"].sent
    assert len(sent) == 2
    assert "the disk is full" in sent[0].text
    assert sent[0].key != sent[1].key
    assert app.channels["test:team"].sent == []


def test_where_the_first_way_fails_the_next_one_is_taken(app):
    app.channels["test:urgent"].broken = True
    join(unstored.tell(app, "the disk is full", NOW))
    assert len(app.channels["test:team"].sent) == 1


def test_when_no_one_can_be_notified_the_log_says_so(app, caplog):
    for one in app.channels.values():
        one.broken = True
    join(unstored.tell(app, "the disk is full", NOW))
    assert "an alarm could not be sent" in caplog.text


# --- whose file it is -------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_database_file_is_its_owners_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        engine = db.connect(f"sqlite:///{tmp_path}/new.db")
        db.create_all(engine)
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(before)
    assert set(modes) >= {"new.db", "new.db-wal"}
    assert set(modes.values()) == {0o600}


def test_a_database_that_is_there_keeps_the_mode_its_owner_gave_it(tmp_path):
    (tmp_path / "old.db").touch(mode=0o640)
    (tmp_path / "old.db").chmod(0o640)
    db.connect(f"sqlite:///{tmp_path}/old.db").dispose()
    assert stat.S_IMODE((tmp_path / "old.db").stat().st_mode) == 0o640
