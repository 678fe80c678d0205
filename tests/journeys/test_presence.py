"""A ticket whose holder is absent, or has not touched it, counts as unclaimed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE, NONSENSE

from core.admin import doctor
from core.ledger.schema import notices

LADDER = [{"after": "30m", "notify": "team"}, {"after": "2h", "notify": "manager"}]
NORMAL = {"promise": {"normal": "4h"}, "channels": {"normal": ["webhook:team"]}, "ladder": LADDER}


def told(h, case) -> list[str]:
    return [n.template for n in h.rows(notices) if n.ticket_id == str(case.id)]


def passes(h, **span: float) -> None:
    h.now += timedelta(**span)
    h.sweep()
    h.pass_once()


def test_a_claim_by_somebody_who_is_away_is_no_claim_until_they_are_back(house):
    h = house()
    case = h.writes_in(DISPUTE)
    h.ann.away = True
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=6)
    assert h.ticket(case).state == "escalated", h.story(case)
    passes(h, minutes=25)
    assert "unclaimed" in told(h, case), h.story(case)
    h.ann.away = False
    passes(h, minutes=6)
    h.desk.agent_says(case.id, h.ann.id, "I am back and look at it.", public=False)
    passes(h, minutes=6)
    assert h.ticket(case).state == "claimed", h.story(case)


def test_whoever_goes_away_with_a_ticket_in_their_hands_lets_go_of_it(house):
    h = house()
    case = h.writes_in(DISPUTE)
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=2)
    assert h.ticket(case).state == "claimed", h.story(case)
    h.ann.away = True
    passes(h, minutes=6)
    assert h.ticket(case).state == "escalated", h.story(case)
    assert any("away" in line for line in h.story(case))


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_an_agent_who_has_gone_home_keeps_a_ticket_that_is_promised_in_business_hours(house):
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00")
    h = house(hours={"timezone": "UTC", "week": week}, escalation=NORMAL)
    h.now = h.now.replace(hour=16)
    case = h.writes_in(NONSENSE)
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=2)
    h.ann.away = True
    passes(h, hours=3)
    assert h.ticket(case).state == "claimed", h.story(case)


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_where_presence_cannot_be_read_everybody_counts_as_present(house):
    h = house()
    h.api.plan = lambda call: "status_before:500" if call.path == "/v2/users/status" else ""
    case = h.writes_in(DISPUTE)
    h.ann.away = True
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=6)
    assert h.ticket(case).state == "claimed", h.story(case)
    (said,) = [one for one in doctor.known_of(h.app, "support") if one.code == "DK05"]
    assert said.level == "warn", said


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_without_omnichannel_routing_there_is_no_status_and_everybody_counts_as_present(house):
    h = house(options={"omnichannel": False})
    case = h.writes_in(DISPUTE)
    h.ann.away = True
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=6)
    assert h.ticket(case).state == "claimed", h.story(case)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_an_assignment_that_its_holder_has_not_touched_by_half_the_promise_goes_on(house):
    h = house(escalation=NORMAL)
    case = h.writes_in(NONSENSE)
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=5)
    assert h.ticket(case).state == "claimed"
    passes(h, minutes=110)
    assert "forgotten" not in told(h, case), "five minutes before half of four hours"
    passes(h, minutes=10)
    assert "forgotten" in told(h, case), h.story(case)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_whoever_works_on_it_has_until_the_promise(house):
    h = house(escalation=NORMAL)
    case = h.writes_in(NONSENSE)
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=5)
    h.desk.agent_says(case.id, h.ann.id, "I am asking the warehouse.", public=False)
    passes(h, minutes=5)
    passes(h, minutes=200)
    assert "forgotten" not in told(h, case), h.story(case)
    passes(h, minutes=40)
    assert "forgotten" in told(h, case), h.story(case)


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_whoever_has_left_holds_nothing(house):
    """Only Zendesk says so of an agent; at other desks nobody knows, so they count as present."""
    h = house()
    case = h.writes_in(DISPUTE)
    h.desk.agent_claims(case.id, h.ann.id)
    passes(h, minutes=2)
    assert h.ticket(case).state == "claimed", h.story(case)
    h.ann.gone = True
    h.later(hours=2)
    assert h.ticket(case).state == "escalated", h.story(case)
    assert any("no person who works there holds it" in line for line in h.story(case)), h.story(case)
