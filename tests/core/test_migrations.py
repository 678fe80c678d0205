"""The migrations lead to exactly the tables that the code knows, on SQLite and on Postgres."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, event, inspect, select, text

from core.ledger import db
from core.ledger.schema import labels, meta, metadata, tickets, writes

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.fixture
def engine(store_kind, stores, tmp_path):
    """A database without a table."""
    with stores.empty(store_kind, tmp_path) as url:
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


def test_a_start_on_a_current_store_loads_no_alembic(engine):
    db.migrate(engine)
    url = engine.url.render_as_string(hide_password=False)
    code = f"import sys\nfrom core.ledger import db\ndb.migrate(db.connect({url!r}))\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "core.ledger.db" in loaded.split()
    assert "alembic" not in loaded.split()


def test_a_store_of_an_older_or_a_newer_version_is_not_current(engine):
    assert not db.schema_is_current(engine)
    db.migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE bs_version SET version_num = '0001'"))
    assert not db.schema_is_current(engine)


def test_many_threads_may_start_at_once(engine):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: db.migrate(engine), range(4)))
    assert db.schema_is_current(engine)
    assert "bs_events" in inspect(engine).get_table_names()


def test_a_new_file_that_another_process_is_using_is_waited_for(tmp_path, monkeypatch):
    """Processes that are started together: SQLite itself does not wait when it is to switch to its log."""
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("CREATE TABLE theirs (id)")
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(db._switch_to_wal.retry, "sleep", lambda _seconds: other.execute("COMMIT"))
    engine = db.connect(f"sqlite:///{tmp_path / 'new.db'}")
    with db.reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
    other.close()


def test_a_migration_that_is_cut_off_leaves_nothing_behind_and_is_done_at_the_next_start(engine):
    cut_off = []

    def stop_once(_connection, _cursor, statement, *_):
        if statement.startswith("ALTER TABLE bs_tickets ADD COLUMN claimed_by_id") and not cut_off:
            cut_off.append(statement)
            raise KeyboardInterrupt

    event.listen(engine, "after_cursor_execute", stop_once)
    with pytest.raises(KeyboardInterrupt):
        db.migrate(engine)
    assert "bs_tickets" not in inspect(engine).get_table_names()
    db.migrate(engine)
    assert db.schema_is_current(engine)
    assert len(cut_off) == 1


class OldLedger:
    """A ledger as the first version left it: rows go in by the tables that stood there then."""

    def __init__(self, engine):
        self.engine = engine
        with engine.connect() as connection:
            command.upgrade(db._alembic(connection), "0001")
            connection.commit()

    def add(self, table, *rows):
        old = Table(table, MetaData(), autoload_with=self.engine)
        with self.engine.begin() as conn:
            for row in rows:
                conn.execute(old.insert().values(**row))

    def ticket(self, number, decided, **row):
        """One ticket and what was decided about it, an hour apart: (intent, confidence, outcome)."""
        where = {"desk": "support", "ticket_id": str(number)}
        self.add("bs_tickets", {**where, "first_seen_at": _naive(AT), "intent": "", "confidence": 0.0, **row})
        for hour, (intent, confidence, outcome) in enumerate(decided):
            more = {
                "mode": "act",
                "escalates": outcome not in {"auto_resolved", "left_alone"},
                "state": "done",
            }
            at = _naive(AT + timedelta(hours=hour))
            guess = {"intent": intent, "confidence": confidence, "outcome": outcome, "band": "auto"}
            self.add("bs_decisions", {**where, "key": f"{number}-{hour}", "at": at, **guess, **more})

    def upgraded(self, table):
        db.migrate(self.engine)
        with self.engine.begin() as conn:
            return list(conn.execute(select(table)))


def _naive(at):
    return at.replace(tzinfo=None)


def test_a_ledger_of_the_first_version_gets_back_the_guesses_that_were_overwritten(engine):
    old = OldLedger(engine)
    answered = {"auto_resolved_at": _naive(AT), "reescalated_at": _naive(AT), "escalated_at": _naive(AT)}
    told = {"desk": "support", "at": _naive(AT), "words": ""}
    first, second = ("order_status", 0.93, "auto_resolved"), ("none_of_these", 0.2, "reescalated")
    old.ticket(
        1, [first, second], intent="none_of_these", confidence=0.2, final_intent="order_status", **answered
    )
    old.add("bs_labels", {**told, "ticket_id": "1", "intent": "order_status", "source": "field"})
    old.ticket(2, [first, second], intent="none_of_these", confidence=0.2, final_intent="refund", **answered)
    old.add("bs_labels", {**told, "ticket_id": "2", "intent": "refund", "source": "field"})
    old.ticket(
        3, [first, second], intent="none_of_these", confidence=0.2, final_intent="order_status", **answered
    )
    old.add("bs_labels", {**told, "ticket_id": "3", "intent": "order_status", "source": "sidebar"})
    routed = [("refund", 0.7, "left_alone"), ("refund", 0.7, "routed"), ("billing_dispute", 0.4, "routed")]
    old.ticket(4, routed, intent="billing_dispute", confidence=0.4, escalated_at=_naive(AT))
    old.ticket(
        5, [("login_problem", 0.8, "routed")], intent="login_problem", confidence=0.8, escalated_at=_naive(AT)
    )
    old.add("bs_meta", {"name": "thresholds", "value": {"auto": 0.7}})

    found = {row.ticket_id: row for row in old.upgraded(tickets)}
    assert [(found[n].intent, found[n].confidence) for n in "12345"] == [
        ("order_status", 0.93),
        ("order_status", 0.93),
        ("order_status", 0.93),
        ("refund", 0.7),
        ("login_problem", 0.8),
    ]
    assert [found[n].final_intent for n in "123"] == ["", "refund", "order_status"]
    assert {(row.ticket_id, row.source) for row in old.upgraded(labels)} == {("2", "field"), ("3", "sidebar")}
    assert old.upgraded(meta) == [], "thresholds worked out from wrong rows prove nothing"


def test_a_ledger_of_the_first_version_without_such_tickets_is_left_as_it_is(engine):
    old = OldLedger(engine)
    old.ticket(1, [("refund", 0.7, "routed")], intent="refund", confidence=0.7, escalated_at=_naive(AT))
    old.add("bs_meta", {"name": "thresholds", "value": {"auto": 0.7}})
    assert [row.intent for row in old.upgraded(tickets)] == ["refund"]
    assert [row.name for row in old.upgraded(meta)] == ["thresholds"]


def test_messages_of_the_last_hour_keep_their_place_under_the_caps(engine):
    old = OldLedger(engine)
    row = {"desk": "support", "ticket_id": "1", "fact_key": "f", "opened_at": _naive(AT)}
    old.add(
        "bs_writes",
        {**row, "key": "1", "what": "answer", "state": "done"},
        {**row, "key": "2", "what": "acknowledgment", "state": "skipped"},
        {**row, "key": "3", "what": "note", "state": "done"},
    )
    assert {row.key: row.reserved_at for row in old.upgraded(writes)} == {"1": AT, "2": None, "3": None}


def test_a_ladder_that_was_climbed_to_its_end_has_a_due_time_again(engine):
    old = OldLedger(engine)
    for number, state, more in [
        (1, "escalated", {}),
        (2, "claimed", {}),
        (3, "answered", {}),
        (4, "reescalated", {"closed_at": _naive(AT)}),
        (5, "escalated", {"next_due_at": _naive(AT + timedelta(hours=2))}),
    ]:
        old.ticket(number, [], state=state, updated_at=_naive(AT), **more)
    due = {row.ticket_id: row.next_due_at for row in old.upgraded(tickets)}
    assert due == {"1": AT, "2": AT, "3": None, "4": None, "5": AT + timedelta(hours=2)}
