"""A thousand tickets that are due before it keep no ticket's people waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert
from words import NONSENSE

from core.ledger.schema import tickets
from core.pipeline import reminders
from tests.stores import BOTH_STORES

pytestmark = [pytest.mark.parametrize("vendor", ["zendesk"]), BOTH_STORES]


def due_before(h, desk: str) -> None:
    row = {
        "desk": desk,
        "state": "escalated",
        "next_due_at": h.now - timedelta(days=1),
        "ladder": [],
        "rung": 0,
    }
    with h.app.engine.begin() as conn:
        conn.execute(insert(tickets), [{**row, "ticket_id": f"9{n:05}"} for n in range(1000)])


def test_a_ticket_just_handled_is_notified_however_many_others_are_due(house):
    h = house()
    case = h.writes_in(NONSENSE)
    h.now += timedelta(minutes=31)
    due_before(h, "support")
    reminders.remind_of(h.app, "support", str(case.id), h.now)
    assert [one.template for one in h.normal.sent] == ["escalated", "unclaimed"]


def test_one_that_is_not_due_is_left_in_peace(house):
    h = house()
    case = h.writes_in(NONSENSE)
    h.now += timedelta(minutes=29)
    reminders.remind_of(h.app, "support", str(case.id), h.now)
    reminders.remind_of(h.app, "support", "no such ticket", h.now)
    assert [one.template for one in h.normal.sent] == ["escalated"]


def test_the_tickets_of_a_desk_that_left_the_configuration_delay_no_others(house):
    h = house()
    h.writes_in(NONSENSE)
    due_before(h, "gone")
    h.later(minutes=31)
    assert [one.template for one in h.normal.sent] == ["escalated", "unclaimed"]
