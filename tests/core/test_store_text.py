"""Text of any origin goes into the ledger, and no fault of a store spills what was to be stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError, StatementError

from core.ledger import db, store
from core.ledger.schema import history, meta, tickets
from core.model import EventKind, TicketEvent

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ODD = "a\x00b \ud83d \udcff c"
CLEAN = "ab ? ? c"


def test_odd_text_is_stored_cleaned_and_found_again(engine):
    fact = TicketEvent("support", f"support:{ODD}", EventKind.CREATED, ODD, NOW)
    with engine.begin() as conn:
        assert store.add_event(conn, fact, "webhook", NOW)
        assert not store.add_event(conn, fact, "webhook", NOW)
        store.put_ticket(conn, ("support", ODD), NOW, subject=ODD, ladder=[{"notify": ODD}])
        store.log(conn, ("support", ODD), NOW, "decided", ODD, why=ODD, deep=[{ODD: (ODD,)}])
        db.put(conn, meta, ["name"], {"name": ODD, "value": {"x": ODD}})
    with engine.begin() as conn:
        assert store.event(conn, fact.key).ticket_id == CLEAN
        row = store.ticket(conn, "support", ODD)
        assert (row.subject, row.ladder) == (CLEAN, [{"notify": CLEAN}])
        (told,) = conn.execute(select(history))
        assert (told.detail, told.data) == (CLEAN, {"why": CLEAN, "deep": [{CLEAN: [CLEAN]}]})


def test_a_fault_of_the_store_names_no_value(engine):
    secret = "Bearer 0123456789"
    with engine.begin() as conn:
        conn.execute(insert(tickets), {"desk": "support", "ticket_id": "1", "subject": secret})
    with pytest.raises(DBAPIError) as caught, engine.begin() as conn:
        conn.execute(insert(tickets), {"desk": "support", "ticket_id": "1", "subject": secret})
    assert secret not in str(caught.value)
    with pytest.raises(StatementError) as caught, engine.begin() as conn:
        conn.execute(
            insert(tickets), {"desk": "support", "ticket_id": "2", "subject": secret, "rung": object()}
        )
    assert secret not in str(caught.value)
