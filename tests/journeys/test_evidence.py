"""Automatic answers are judged by the prediction that was answered, not by what the customer wrote next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE, NONSENSE, ORDER

from core.learning import demotion, labelled_tickets
from core.ledger.schema import labels, notices


@pytest.fixture
def vendor():
    return "freshdesk"


def answered(h, email, follow_up=""):
    """A ticket answered automatically, and what the customer wrote an hour later."""
    case = h.writes_in(ORDER, email=email)
    assert h.ticket(case).state == "auto_resolved"
    if follow_up:
        h.now += timedelta(hours=1)
        h.writes_in(follow_up, case_id=case.id)
    return case


def known(h):
    """(guess, truth, source) of each ticket, and the evidence of each intent."""
    later = h.now + timedelta(days=30)
    with h.app.engine.begin() as conn:
        taught = {
            one.ticket_id: (one.guess, one.truth, one.source)
            for one in labelled_tickets.from_ledger(conn, later)
        }
        return taught, {one.intent: (one.right, one.n) for one in demotion.evidence(conn, later)}


@pytest.mark.parametrize("follow_up", [NONSENSE, DISPUTE, ORDER], ids=["none", "another intent", "the same"])
def test_an_answer_that_failed_counts_against_the_intent_that_was_answered(house, follow_up):
    h = house()
    cases = [answered(h, f"c{number}@example.com", follow_up) for number in range(2)]
    for case in cases:
        row = h.ticket(case)
        assert row.state == "reescalated"
        assert row.intent == "order_status"
        assert row.confidence >= h.app.settings.bands.auto
    taught, evidence = known(h)
    assert set(taught.values()) == {("order_status", "none_of_these", "failed")}
    assert evidence == {"order_status": (0, 2)}
    assert [one.intent for one in demotion.review(h.app, h.now)] == ["order_status"]


def test_the_guess_that_escalated_a_ticket_is_kept_when_a_later_message_raises_it(house):
    h = house()
    case = h.writes_in(NONSENSE)
    first = h.ticket(case)
    h.now += timedelta(hours=1)
    h.writes_in(DISPUTE, case_id=case.id)
    row = h.ticket(case)
    assert row.priority == "urgent"
    assert (row.intent, row.confidence, row.band) == (first.intent, first.confidence, first.band)
    assert h.app.channels["webhook:urgent"].sent, "people hear of it"


def test_notices_name_the_intent_of_the_newest_message(house):
    h = house()
    case = answered(h, "carla@example.com", DISPUTE)
    told = [row.facts["intent"] for row in h.rows(notices) if row.ticket_id == str(case.id)]
    assert told == ["billing_dispute"]
    assert h.ticket(case).intent == "order_status"


def test_our_own_mark_is_not_taken_for_an_agents_correction(house):
    h = house()
    case = answered(h, "carla@example.com", DISPUTE)
    h.later(minutes=20)
    assert h.rows(labels) == []
    assert h.ticket(case).final_intent == ""


def test_an_answer_after_which_an_agent_had_to_help_has_failed(house):
    h = house()
    case = h.writes_in(ORDER)
    h.now += timedelta(hours=1)
    h.fake.hooks.hold = True
    h.desk.customer_writes("That did not help, where is it?", case_id=case.id)
    h.desk.agent_says(case.id, h.ann.id, "I have asked the carrier.")
    h.fake.hooks.release()
    h.settle()
    taught, evidence = known(h)
    assert evidence == {"order_status": (0, 1)}, (taught, h.story(case))
    h.writes_in(ORDER, case_id=case.id)
    assert len([text for text in h.bot_says(case, public=True) if "parcel" in text]) == 1


def test_an_answer_after_which_the_customer_repeats_the_question_has_failed(house):
    h = house()
    answered(h, "carla@example.com")
    h.now += timedelta(days=2)
    answered(h, "carla@example.com")
    answered(h, "else@example.com")
    _, evidence = known(h)
    assert evidence == {"order_status": (2, 3)}
