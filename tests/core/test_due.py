"""What is asked every few seconds is answered by its index, however many tickets wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from core.ledger import db, store
from core.ledger.schema import tickets

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path):
    engine = db.connect(f"sqlite:///{tmp_path}/b.db")
    db.create_all(engine)
    yield engine
    engine.dispose()


def test_the_next_rungs_are_found_by_when_they_are_due(engine):
    asked = []
    event.listen(engine, "before_cursor_execute", lambda c, u, text, given, x, m: asked.append((text, given)))
    with engine.begin() as conn:
        row = {"state": "escalated", "first_seen_at": NOW, "updated_at": NOW}
        for n, (desk, wait) in enumerate([("support", 1), ("gone", -2), ("support", -1), ("sales", -3)]):
            due = NOW + timedelta(minutes=wait)
            conn.execute(tickets.insert().values(desk=desk, ticket_id=str(n), next_due_at=due, **row))
        found = store.due_tickets(conn, NOW, ["support", "sales"])
        assert [r.ticket_id for r in found] == ["3", "2"]
        text, given = asked[-1]
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given).fetchall()
    assert ["bs_tickets_due" in line[3] for line in plan] == [True], plan
