"""The ladder: the team again after 30 minutes, the manager after two hours; a claim stops it, a bot's claim does not."""

from __future__ import annotations

import pytest
from words import DISPUTE, NONSENSE

from core.ledger.schema import notices
from core.pipeline import reminders


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_unclaimed_for_thirty_minutes_the_team_is_notified_once_more_and_after_two_hours_the_manager(house):
    h = house()
    h.writes_in(DISPUTE)
    assert len(h.urgent.sent) == 1
    h.later(minutes=29)
    assert not [n for n in h.rows(notices) if n.template == "unclaimed"]
    h.later(minutes=2)
    team = [n for n in h.rows(notices) if n.audience == "team" and n.template == "unclaimed"]
    assert len(team) == 1
    assert not [n for n in h.rows(notices) if n.audience == "manager" and n.template == "unclaimed"]
    h.later(minutes=91)
    manager = [n for n in h.rows(notices) if n.audience == "manager" and n.template == "unclaimed"]
    assert len(manager) == 1
    h.later(hours=3)
    assert len([n for n in h.rows(notices) if n.audience == "manager" and n.template == "unclaimed"]) == 1


def test_a_claim_at_twenty_nine_minutes_means_silence(house):
    h = house(
        escalation={"promise": {"normal": "4h"}, "channels": {"normal": ["webhook:team"]}, "ladder": LADDER}
    )
    case = h.writes_in(NONSENSE)
    h.later(minutes=29)
    before = len(h.normal.sent) + len(h.boss.sent)
    h.desk.agent_claims(case.id, h.ann.id)
    h.later(minutes=40)
    assert len(h.normal.sent) + len(h.boss.sent) == before, h.story(case)
    assert h.ticket(case).state == "claimed"
    assert "Ann" in h.ticket(case).claimed_by


def test_our_own_acknowledgment_and_a_bots_assignment_are_no_claim(house):
    h = house(
        escalation={"promise": {"normal": "4h"}, "channels": {"normal": ["webhook:team"]}, "ladder": LADDER}
    )
    case = h.writes_in(NONSENSE)
    h.desk.agent_claims(case.id, h.desk.bot.id)
    h.later(minutes=31)
    assert any(n.template == "unclaimed" for n in h.rows(notices)), h.story(case)


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_claimed_and_then_forgotten_the_ladder_goes_on(house):
    h = house(
        escalation={"promise": {"normal": "1h"}, "channels": {"normal": ["webhook:team"]}, "ladder": LADDER}
    )
    case = h.writes_in(NONSENSE)
    h.later(minutes=5)
    h.desk.agent_claims(case.id, h.ann.id)
    h.later(minutes=20)
    assert h.ticket(case).state == "claimed"
    h.later(hours=4)
    assert any(n.template == "forgotten" for n in h.rows(notices)), h.story(case)


def test_an_answer_ends_it(house):
    h = house()
    case = h.writes_in(DISPUTE)
    h.desk.agent_says(case.id, h.ann.id, "We have reversed the charge.")
    h.later(hours=5)
    assert h.ticket(case).state == "answered", h.story(case)
    assert h.ticket(case).next_due_at is None


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_restart_between_two_rungs_neither_repeats_nor_loses_one(house):
    h = house()
    h.writes_in(DISPUTE)
    h.later(minutes=31)
    count = len(h.rows(notices))
    h.config = {k: v for k, v in h.config.items() if k != "desk"}
    h.app = h.build()
    reminders.remind(h.app, h.now)
    reminders.remind(h.app, h.now)
    assert len(h.rows(notices)) == count


LADDER = [{"after": "30m", "notify": "team"}, {"after": "2h", "notify": "manager"}]
