"""What a customer is promised is what the desk has kept before, between the admin's bounds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE, NONSENSE

from core.ledger.schema import tickets
from core.promises import ENOUGH

BOUNDS = {"promise_bounds": {"normal": {"least": "30m", "most": "1d"}}}
NORMAL = {"promise": {"normal": "4h"}, "channels": {"normal": ["webhook:team"]}, "second_word": False}


def answered_before(h, number: int, within: timedelta, priority: str = "normal", open_since: int = 0) -> None:
    """So many customers were acknowledged and answered so fast on the days before; the last `open_since` were not."""
    rows = []
    for n in range(number):
        at = h.now - timedelta(hours=3 * (number - n) + 24)
        facts = {"waiting_since": at, "escalated_at": at, "acknowledged_at": at, "first_seen_at": at}
        waits = n >= number - open_since
        ends = {"state": "claimed"} if waits else {"state": "answered", "answered_at": at + within}
        rows.append({"desk": "support", "ticket_id": f"old-{n}", "priority": priority, **facts, **ends})
    with h.app.engine.begin() as conn:
        for row in rows:
            conn.execute(tickets.insert().values(**row))


def test_a_fast_team_promises_what_it_keeps_and_says_how_that_came_about(house):
    h = house(escalation=NORMAL | BOUNDS)
    answered_before(h, 60, timedelta(minutes=50))
    case = h.writes_in(NONSENSE)
    assert "by 11:00 today" in h.bot_says(case, public=True)[0], "an hour, though four are configured"
    story = "\n".join(h.story(case))
    assert "promised within 1h: 60 of 60 normal tickets" in story


def test_the_note_of_a_routed_ticket_says_how_its_promise_came_about(house):
    h = house(escalation={"promise_bounds": {"urgent": {"least": "10m", "most": "1d"}}})
    answered_before(h, 60, timedelta(minutes=10), priority="urgent")
    case = h.writes_in(DISPUTE)
    assert "promised within 10m: 60 of 60 urgent tickets" in h.bot_says(case, public=False)[0]


def test_who_still_waits_counts_as_broken(house):
    h = house(escalation=NORMAL | BOUNDS)
    answered_before(h, 60, timedelta(minutes=50), open_since=6)
    case = h.writes_in(NONSENSE)
    assert "by tomorrow 10:00" in h.bot_says(case, public=True)[0], "the longest that the bounds allow"
    assert "promised within 1d, the longest allowed, though only 54 of 60" in "\n".join(h.story(case))


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_before_there_is_enough_history_the_configured_time_is_promised(house):
    h = house(escalation=NORMAL | BOUNDS)
    answered_before(h, ENOUGH - 1, timedelta(minutes=50))
    case = h.writes_in(NONSENSE)
    assert "by 14:00 today" in h.bot_says(case, public=True)[0]
    assert f"as configured: so far {ENOUGH - 1} of {ENOUGH}" in "\n".join(h.story(case))


@pytest.mark.parametrize("vendor", ["zendesk"])
@pytest.mark.parametrize("bounds", [{}, {"promise_bounds": {"urgent": {"least": "5m", "most": "1h"}}}])
def test_without_bounds_for_its_priority_nothing_is_computed(house, bounds):
    h = house(escalation=NORMAL | bounds)
    answered_before(h, 60, timedelta(minutes=50))
    case = h.writes_in(NONSENSE)
    assert "by 14:00 today" in h.bot_says(case, public=True)[0]
    assert "promised within" not in "\n".join(h.story(case))


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_a_desk_has_bounds_of_its_own_and_the_second_message_is_computed_alike(house):
    h = house(escalation=NORMAL | {"second_word": True}, desk=BOUNDS)
    answered_before(h, 60, timedelta(minutes=50))
    case = h.writes_in(NONSENSE)
    assert "by 11:00 today" in h.bot_says(case, public=True)[0]
    h.now += timedelta(minutes=50)
    h.sweep()
    h.pass_once()
    assert "by 11:50 today" in h.bot_says(case, public=True)[1], h.story(case)
    assert "gets a new time" in "\n".join(h.story(case))
