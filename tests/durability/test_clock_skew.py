"""The desk's clock and ours differ by minutes, as on a machine without NTP: nothing is said twice, nobody is overlooked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from test_outages import doubles, each_write_once
from words import DISPUTE, NONSENSE, ORDER

pytestmark = pytest.mark.usefixtures("no_naps")
# each desk's clock is behind in some tests and ahead in the others
IN_TURNS = pytest.mark.parametrize(
    ("vendor", "minutes"), [("zendesk", -5), ("freshdesk", 5), ("helpscout", -5)]
)
THE_OTHER_WAY = pytest.mark.parametrize(
    ("vendor", "minutes"), [("zendesk", 5), ("freshdesk", -5), ("helpscout", 5)]
)


@pytest.fixture
def skewed(house, minutes):
    """A house whose desk has another time."""
    h = house()
    h.desk.clock = lambda: h.now + timedelta(minutes=minutes)
    h.later(minutes=10)
    return h


@IN_TURNS
def test_a_write_whose_answer_was_lost_is_found_and_not_made_again(skewed):
    h = skewed
    h.api.plan, cut = each_write_once("reset_after")
    cases = [
        h.writes_in(words, email=f"{n}@example.com") for n, words in enumerate((ORDER, DISPUTE, NONSENSE))
    ]
    h.later(minutes=20)
    assert cut
    for case in cases:
        assert doubles(h, case) == [], h.story(case)
        assert len(h.bot_says(case, public=True)) == 1, h.story(case)


@THE_OTHER_WAY
def test_an_agents_answer_ends_the_ladder(skewed):
    h = skewed
    case = h.writes_in(DISPUTE)
    h.now += timedelta(seconds=30)
    h.desk.agent_says(case.id, h.ann.id, "We have cancelled the charge.")
    h.later(minutes=10)
    told = len(h.told())
    h.later(hours=3)
    assert h.ticket(case).state == "answered", h.story(case)
    assert len(h.told()) == told, h.story(case)


@IN_TURNS
def test_a_customer_who_writes_again_is_heard(skewed):
    h = skewed
    case = h.writes_in(ORDER)
    h.fake.hooks.enabled = False
    h.now += timedelta(seconds=30)
    h.desk.customer_writes(
        "That does not help me at all. I want to speak to a person.",
        email="carla@example.com",
        case_id=case.id,
    )
    h.later(minutes=10)
    assert h.ticket(case).state == "reescalated", h.story(case)
