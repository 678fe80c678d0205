"""Skipped is not handled: what leaves the desk's sight and comes back is taken up, with its ladder, at the next sweep."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE, NONSENSE, ORDER

from core.pipeline.audit import audit

SPAM_IS_A_FLAG = pytest.mark.parametrize("vendor", ["freshdesk", "helpscout"], indirect=True)
WAYS = {
    "spam": ({"spam": True}, {"spam": False}),
    "deletion": ({"deleted": True}, {"deleted": False}),
    "solving": ({"status": "solved"}, {"status": "open"}),
}


def goes(h, case, change, minutes=5):
    """An agent changes the ticket; the desk is looked at some minutes later."""
    if change == {"deleted": True}:
        h.desk.delete(case.id, h.ann.id)
    else:
        h.desk.agent_sets(case.id, h.ann.id, **change)
    h.settle()
    h.now += timedelta(minutes=minutes)
    h.sweep()
    h.pass_once()


def audited(h):
    return audit(h.app, "support", h.now - timedelta(days=1), h.now)


HUMAN = "I want to speak to a human being please."


@pytest.mark.parametrize(
    ("way", "body"), [*((way, DISPUTE) for way in WAYS), ("spam", NONSENSE), ("deletion", HUMAN)]
)
def test_an_escalated_ticket_that_comes_back_has_its_ladder_again(house, way, body):
    h = house()
    case = h.writes_in(body)
    h.now += timedelta(minutes=5)
    away, back = WAYS[way]
    goes(h, case, away)
    assert h.open_rows() == [], h.story(case)
    before = len(h.told())
    goes(h, case, back)
    assert len(h.told()) > before, h.story(case)
    assert h.open_rows(), h.story(case)
    assert len(h.bot_says(case, public=True)) == 1, "the customer hears nothing twice"
    assert audited(h)["stuck"] == []


@pytest.mark.parametrize("way", ["deletion", "solving"])
def test_a_customers_new_question_in_a_ticket_that_came_back_is_handled(house, way):
    h = house()
    case = h.writes_in(DISPUTE)
    away, back = WAYS[way]
    goes(h, case, away)
    h.desk.agent_sets(case.id, h.ann.id, **back)
    before = len(h.told())
    h.writes_in("Is anybody there?", case_id=case.id)
    assert len(h.told()) > before, h.story(case)
    assert h.open_rows()


@SPAM_IS_A_FLAG
@pytest.mark.parametrize(("body", "answered"), [(DISPUTE, 1), (NONSENSE, 1), (ORDER, 1)])
def test_a_ticket_that_was_born_as_spam_is_dealt_with_when_it_is_released(house, body, answered):
    h = house()
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(body, subject="Hello", email="carla@example.com", name="Carla")
    h.desk.agent_sets(case.id, h.ann.id, spam=True)
    h.fake.hooks.release()
    h.settle()
    assert h.ticket(case).state == "left_alone"
    assert (h.bot_says(case, public=True), h.told()) == ([], [])
    goes(h, case, {"spam": False})
    assert len(h.bot_says(case, public=True)) == answered, h.story(case)
    assert bool(h.told()) is (body is not ORDER)
    goes(h, case, {"priority": "high"})
    assert len(h.bot_says(case, public=True)) == answered


def test_until_the_sweep_has_taken_it_up_audit_names_a_ticket_that_came_back(house):
    h = house()
    case = h.writes_in(DISPUTE)
    goes(h, case, {"deleted": True})
    h.fake.hooks.hold = True
    h.desk.agent_sets(case.id, h.ann.id, deleted=False)
    h.now += timedelta(minutes=5)
    assert audited(h)["stuck"] == [str(case.id)]
    h.sweep()
    assert audited(h)["stuck"] == []


def test_what_an_agent_held_and_let_go_without_an_answer_is_taken_up(house):
    h = house()
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(DISPUTE, subject="Hello", email="carla@example.com", name="Carla")
    h.desk.agent_claims(case.id, h.ann.id)
    h.fake.hooks.release()
    h.settle()
    assert h.told() == []
    goes(h, case, {"assignee_id": None})
    assert h.urgent.sent, h.story(case)


@pytest.mark.parametrize("change", [{"status": "open"}, {"status": "open", "priority": "high"}])
def test_an_automatic_answer_whose_ticket_an_agent_reopens_was_not_enough(house, change):
    h = house()
    case = h.writes_in(ORDER)
    h.now += timedelta(minutes=5)
    h.sweep()
    goes(h, case, change)
    assert h.ticket(case).state == "reescalated", h.story(case)
    assert h.open_rows()
    assert len(h.bot_says(case, public=True)) == 1


def test_a_ticket_answered_by_a_person_is_not_waiting_when_it_is_reopened(house):
    h = house()
    case = h.writes_in(DISPUTE)
    h.desk.agent_says(case.id, h.ann.id, "Hello Carla, I have cancelled the charge.")
    goes(h, case, {"status": "solved"})
    before = len(h.told())
    goes(h, case, {"status": "open"})
    assert len(h.told()) == before, h.story(case)
    assert audited(h)["stuck"] == []
