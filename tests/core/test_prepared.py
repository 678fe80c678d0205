"""Statements that are compiled once do what SQLAlchemy would; a webhook's are compiled once, the engine's too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import event, select

from core import queue
from core.ledger import db
from core.ledger.schema import desks, events, meta, tickets
from core.ledger.statements import ask, change, rows_of
from core.model import EventKind, TicketEvent
from tests.stores import receiver

EAST = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=9)))
ROWS = [
    (meta, {"name": "a\x00b", "value": {"x": ["é", None, 1.5], "\ud800": True}}),
    (meta, {"name": "none", "value": None}),
    (
        events,
        {
            "key": "k",
            "desk": "d",
            "ticket_id": "1",
            "kind": EventKind.CREATED,
            "source": "webhook",
            "at": None,
            "received_at": EAST,
            "state": "received",
        },
    ),
]


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_the_row_is_the_one_that_sqlalchemy_inserts(engine, table, row):
    def stored(insert):
        with engine.connect() as conn:
            insert(conn)
            found = [tuple(one) for one in conn.execute(select(table))]
            conn.rollback()
        return found

    plain = stored(lambda conn: conn.execute(table.insert(), row))
    assert plain == stored(lambda conn: db.insert_new(conn, table, row))
    assert plain == stored(lambda conn: db.put(conn, table, [next(iter(row))], row))


def test_a_row_that_is_there_stays_or_changes(engine):
    with engine.begin() as conn:
        assert db.insert_new(conn, meta, {"name": "n", "value": 1})
        assert not db.insert_new(conn, meta, {"name": "n", "value": 2})
        assert db.kept(conn, "n") == 1
        db.keep(conn, "n", 3)
        assert db.kept(conn, "n") == 3


def test_a_time_without_a_zone_is_refused(engine):
    with engine.begin() as conn, pytest.raises(ValueError, match="without a zone"):
        db.put(conn, desks, ["desk"], {"desk": "d", "started_at": EAST.replace(tzinfo=None)})


@pytest.fixture
def app(store_url, tmp_path):
    app = receiver(store_url, tmp_path)
    queue.close()  # a client that an earlier test left behind is of another store
    queue.prepare(app)
    yield app
    queue.close()
    app.engine.dispose()


def reported(app, number):
    key = f"support:{number}:created"
    return queue.report(
        app, [TicketEvent("support", key, EventKind.CREATED, str(number), datetime.now(UTC))], "webhook"
    )


def test_a_webhook_is_stored_by_text_that_is_compiled_once(app):
    assert reported(app, 1) == 1
    built = []
    event.listen(app.engine, "before_execute", lambda _conn, clause, *_: built.append(str(clause)))
    assert reported(app, 2) == 1
    assert reported(app, 2) == 0
    assert [one for one in built if not one.startswith("SELECT pg_notify")] == []


def engine_rows(app, name):
    """The rows of a workflow in the engine's tables, but for when and by whom they were made."""
    dbos = "dbos." if app.engine.dialect.name == "postgresql" else ""
    with app.engine.connect() as conn:
        status, called_with = (
            dict(
                conn.exec_driver_sql(f"SELECT * FROM {dbos}{one} WHERE workflow_uuid = '{name}'")
                .one()
                ._mapping
            )
            for one in ("workflow_status", "workflow_input")
        )
    assert len(status.pop("creator_xid")) == 36
    for made in (status, called_with):
        del made["workflow_uuid"]
    for time in ("created_at", "updated_at"):
        assert status.pop(time) > 1.7e12
    assert status.pop("attributes") in {None, "null"}
    return status, called_with["inputs"]


def test_the_rows_are_those_that_the_engine_writes(app):
    assert reported(app, 1) == 1
    options = {
        "queue_name": "desk-support",
        "workflow_name": "handle_event",
        "workflow_id": "theirs",
        "app_version": queue.VERSION,
        "queue_partition_key": "1",
    }
    queue.client(app).enqueue(options, "support:1:created")
    assert engine_rows(app, "support:1:created#0") == engine_rows(app, "theirs")


def test_the_engine_makes_its_tables_once(app, monkeypatch):
    made = []
    monkeypatch.setattr(queue, "_migrate", made.append)
    queue.prepare(app)
    assert made == []
    monkeypatch.setattr(queue, "version", lambda _name: "next")
    queue.prepare(app)
    assert made == [app]


def test_a_store_that_was_copied_without_the_engines_tables_gets_them(app):
    queue.close()
    dbos = "dbos." if app.engine.dialect.name == "postgresql" else ""
    with app.engine.begin() as conn:
        for name in ("workflow_status", "dbos_migrations"):
            conn.exec_driver_sql(f"ALTER TABLE {dbos}{name} RENAME TO {name}_old")
        assert db.kept(conn, queue.MADE_BY)
    assert not queue._is_current(app.engine)


FULL = {
    "desk": "d",
    "ticket_id": "1",
    "state": "escalated",
    "first_seen_at": EAST,
    "updated_at": EAST,
    "confidence": 0.25,
    "ladder": [{"at": "é", "every": None}],
    "rung": 3,
    "next_due_at": EAST,
    "claimed_at": None,
}


def test_a_query_finds_what_sqlalchemy_finds(engine):
    with engine.begin() as conn:
        for table, row in (*ROWS, (tickets, FULL)):
            conn.execute(table.insert(), row)
        for table in (meta, events, tickets):
            assert ask(conn, rows_of(table), {}) == [list(one) for one in conn.execute(select(table))]
        assert ask(conn, rows_of(tickets, "desk", "ticket_id"), {"desk": "d", "ticket_id": "2"}) == []


def test_what_changes_is_what_sqlalchemy_changes(engine):
    with engine.begin() as conn:
        conn.execute(tickets.insert(), FULL)
        values = {"ladder": [1, {"x": "\x00y"}], "confidence": 0.5, "claimed_at": EAST, "next_due_at": None}
        assert change(conn, tickets, {"desk": "d", "ticket_id": "1"}, values) == 1
        assert change(conn, tickets, {"desk": "d", "claimed_at": None}, values) == 0
        found = conn.execute(select(*(tickets.c[name] for name in values))).one()
        assert tuple(found) == ([1, {"x": "y"}], 0.5, EAST, None)


def test_a_statement_with_a_list_of_parameters_is_refused(engine):
    query = select(tickets.c.desk).where(tickets.c.state.in_(["a", "b"]))
    with engine.begin() as conn, pytest.raises(ValueError, match="at each use"):
        ask(conn, query, {})
