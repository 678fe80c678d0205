"""The machine's clock runs ahead for a while and is set back: nothing waits for a time of the wrong year."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from words import DISPUTE, NONSENSE

from core.ledger.schema import events, notices, tickets, writes
from core.pipeline import clock_back, reminders

pytestmark = [
    pytest.mark.parametrize("vendor", ["freshdesk"]),
    pytest.mark.parametrize("store_kind", ["sqlite", "postgres"], indirect=True),
]
YEARS = timedelta(days=900)


def test_what_was_begun_while_the_clock_ran_ahead_is_due_when_it_is_right_again(house):
    h = house()
    before = h.writes_in(NONSENSE, email="b@example.com")
    h.later(minutes=2)
    h.now += YEARS
    ahead = h.writes_in(DISPUTE, email="a@example.com")
    h.desk.agent_claims(before.id, h.ann.id)
    h.pass_once()
    h.sweep()
    h.now -= YEARS
    with h.app.engine.begin() as conn:
        conn.execute(update(events).values(state="waiting", due_at=h.now + YEARS, reason="an outage"))
    told = len(h.told())
    h.pass_once()
    h.pass_once()  # the first one puts right what the second takes up
    assert not h.unsettled(), "events that waited for that year"
    for case in (before, ahead):
        row = h.ticket(case)
        assert row.next_due_at < h.now + timedelta(days=2), h.story(case)
        assert row.promise_at < h.now + timedelta(days=2)
    assert len(h.told()) > told, "the team hears of the one that was found ahead"
    left = [r for r in h.rows(notices) if r.due_at and r.due_at > h.now + timedelta(days=1)]
    assert left == []
    assert [r for r in h.rows(writes) if r.reserved_at and r.reserved_at > h.now] == [], (
        "the caps count again"
    )
    h.later(minutes=35)
    assert [n for n in h.rows(notices) if n.template == "unclaimed" and n.ticket_id == str(ahead.id)]


def test_a_clock_that_only_goes_on_moves_nothing(house):
    h = house()
    case = h.writes_in(DISPUTE)
    due = h.ticket(case).next_due_at
    assert not clock_back.mend(h.app, h.now + timedelta(minutes=5))
    h.now += timedelta(minutes=1)  # four minutes before the newest: another machine's clock
    reminders.remind(h.app, h.now)
    assert h.ticket(case).next_due_at == due
    assert [r.next_due_at for r in h.rows(tickets)] == [due]
