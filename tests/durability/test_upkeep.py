"""What is done once a day: the balance, our own state, retention; and a person erased on request."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from words import DISPUTE, NONSENSE, ORDER

from core.engine import maintenance
from core.ledger import pausing, store
from core.ledger.schema import balance, changes, decisions, events, history, notices, tickets, writes
from core.pipeline import audit
from tests.stores import BOTH_STORES

pytestmark = [pytest.mark.parametrize("vendor", ["freshdesk"]), BOTH_STORES]
MARKER = "xylophone"


def change(h, table, **values):
    with h.app.engine.begin() as conn:
        conn.execute(update(table).values(**values))


def everything(h) -> str:
    """All that the ledger holds, as one text."""
    tables = (tickets, decisions, writes, notices, events, history)
    return "\n".join(str(tuple(row)) for table in tables for row in h.rows(table))


def test_a_house_in_order_has_no_faults_and_a_clean_balance(house):
    h = house()
    case = h.writes_in(DISPUTE)
    h.later(minutes=5)
    assert maintenance.own_faults(h.app, h.now) == []
    line = maintenance.daily(h.app)["support"]
    assert (line["desk"], line["ledger"], line["missing"], line["stuck"]) == (1, 1, [], [])
    assert [row.in_desk for row in h.rows(balance)] == [1]
    assert h.ticket(case).next_due_at is not None


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda h: change(h, tickets, next_due_at=h.now - timedelta(hours=2)), "overdue"),
        (
            lambda h: change(h, writes, state="open", opened_at=h.now - timedelta(hours=2)),
            "calls to a desk never",
        ),
        (
            lambda h: change(h, notices, state="queued", created_at=h.now - timedelta(hours=2), due_at=None),
            "messages to people never",
        ),
    ],
)
def test_a_hanging_event_is_named_and_alarmed(house, spoil, said):
    h = house()
    h.writes_in(DISPUTE)
    spoil(h)
    assert [fault for fault in maintenance.own_faults(h.app, h.now) if said in fault]
    maintenance.daily(h.app)
    assert any(said in n.facts["what"] for n in h.rows(notices) if n.key.startswith("alarm:own"))


def test_a_ticket_that_no_webhook_and_no_sweep_reported_is_missing_then_healed(house):
    h = house()
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    h.now += timedelta(minutes=10)
    line = audit.audit(h.app, "support", h.now - timedelta(days=1), h.now)
    assert (line["healed"], line["missing"]) == ([str(case.id)], [])
    h.settle()
    assert h.ticket(case).state == "auto_resolved"
    line = audit.audit(h.app, "support", h.now - timedelta(days=1), h.now)
    assert (line["healed"], line["missing"], line["stuck"]) == ([], [], [])


@pytest.mark.parametrize(
    "left", [{"state": "received"}, {"state": "waiting", "due_at": None}], ids=["begun", "waits for nothing"]
)
def test_a_fact_without_an_end_is_stuck(house, left):
    h = house()
    case = h.writes_in(ORDER)
    change(h, events, **left)
    h.now += timedelta(hours=1)
    line = audit.audit(h.app, "support", h.now - timedelta(days=1), h.now)
    assert line["stuck"] == [str(case.id)]


def test_the_customers_words_go_after_the_configured_time_and_the_rows_later(house):
    h = house(privacy={"keep_messages": "30d", "keep_ledger": "60d"})
    case = h.writes_in(f"{NONSENSE} {MARKER}")
    routed = h.writes_in(f"{DISPUTE} {MARKER}", email="otto@example.com")
    change(h, decisions, evidence=[MARKER])  # the words that weighed most are the customer's, too
    assert MARKER in everything(h)
    maintenance.prune(h.app, h.now + timedelta(days=29))
    assert MARKER in everything(h)
    maintenance.prune(h.app, h.now + timedelta(days=31))
    assert MARKER not in everything(h)
    assert h.ticket(case) is not None
    change(h, tickets, next_due_at=None)
    done = maintenance.prune(h.app, h.now + timedelta(days=61))
    assert done["tickets"] == 2
    assert h.ticket(routed) is None
    assert not h.rows(decisions)
    assert not h.rows(writes)


def test_who_changed_what_is_kept_for_its_own_time_and_no_longer(house):
    h = house(privacy={"keep_ledger": "60d", "keep_changes": "90d"})
    pausing.hold(h.app.engine, "support", h.now, "ann")
    maintenance.prune(h.app, h.now + timedelta(days=89))
    assert len(h.rows(changes)) == 1
    maintenance.prune(h.app, h.now + timedelta(days=91))
    assert h.rows(changes) == []


def test_an_open_escalation_outlives_every_retention(house):
    h = house()
    case = h.writes_in(DISPUTE)
    maintenance.prune(h.app, h.now + timedelta(days=4000))
    assert h.ticket(case).state == "escalated"


def test_a_forgotten_person_is_in_no_table(house):
    h = house()
    case = h.writes_in(f"{DISPUTE} {MARKER}", email="Carla@Example.com", name="Carla Nobody", subject=MARKER)
    kept = h.writes_in(ORDER, email="otto@example.com", name="Otto")
    with h.app.engine.begin() as conn:
        hers = decisions.c.ticket_id == str(case.id)
        conn.execute(update(decisions).where(hers).values(evidence=["Carla Nobody"]))
    done = maintenance.forget(h.app, " CARLA@example.com", h.now)
    assert done["tickets"] == 1
    text = everything(h)
    for trace in (MARKER, "carla@example.com", "Carla Nobody"):
        assert trace not in text, trace
    assert h.ticket(case).state == "escalated", "the counts stay"
    assert h.ticket(kept).customer_email == "otto@example.com"
    assert any("forgotten" in line for line in h.story(case))


def test_a_dead_letter_is_named_by_the_audit_until_it_is_dealt_with(house):
    h = house()
    case = h.writes_in(ORDER)
    change(h, events, state="dead")
    with h.app.engine.begin() as conn:
        assert [row.ticket_id for row in store.dead(conn, "support")] == [str(case.id)]
        assert conn.execute(select(events.c.state)).scalar() == "dead"
    assert audit.audit(h.app, "support", h.now - timedelta(days=1), h.now)["stuck"] == [str(case.id)]


def test_open_tickets_of_a_desk_that_left_the_file_are_an_alarm_once(house):
    h = house()
    h.writes_in(DISPUTE)
    other = replace(h.app, desks={"renamed": h.app.desks["support"]})
    for _ in range(2):
        maintenance.warn_of_removed_desks(other, h.now)
    assert [one.facts["what"] for one in h.rows(notices) if one.key.startswith("alarm:removed")] == [
        "1 tickets of support wait for a human and 0 events are not handled, but [desks.support] is no longer configured: "
        "put the table back, or look after them in the help desk"
    ]
    with h.app.engine.begin() as conn:
        assert store.waiting_elsewhere(conn, h.app.desks) == {}
        conn.execute(update(events).values(state="received", desk="gone"))
        conn.execute(update(tickets).values(next_due_at=None))
        assert store.waiting_elsewhere(conn, h.app.desks) == {"gone": (0, 1)}
