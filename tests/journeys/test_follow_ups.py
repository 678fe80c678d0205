"""What happens after the first answer: nothing is said twice, and a human comes when the answer did not help."""

from __future__ import annotations

from datetime import timedelta

from words import DISPUTE, NONSENSE, ORDER


def test_a_follow_up_on_an_automatic_answer_is_a_re_escalation_and_is_never_answered_again(house):
    h = house()
    case = h.writes_in(ORDER)
    h.now = h.now.replace(hour=11)
    h.writes_in(ORDER + " This did not help at all!", case_id=case.id)
    row = h.ticket(case)
    assert row.state == "reescalated", h.story(case)
    assert case.status in {"open", "new"}
    said = h.bot_says(case, public=True)
    assert sum("parcel" in text for text in said) == 1
    assert len(said) == 2, "the answer, and one acknowledgment with the promise"
    assert {"ai_reescalated", "ai_escalated"} <= h.seen(case).tags
    h.writes_in("And still nothing!", case_id=case.id)
    assert len(h.bot_says(case, public=True)) == 2


def test_a_follow_up_of_the_same_second_whose_webhook_is_dropped_is_found_by_the_sweep(house):
    h = house()
    case = h.writes_in(ORDER)
    h.fake.hooks.hold = True
    h.desk.customer_writes("That did not help me at all.", email="carla@example.com", case_id=case.id)
    h.fake.hooks.release(lambda held: [])
    h.sweep()
    h.now += timedelta(minutes=1)
    h.sweep()
    assert h.ticket(case).state == "reescalated", h.story(case)


def test_a_second_message_while_a_human_is_awaited_is_not_acknowledged_again(house):
    h = house()
    case = h.writes_in(NONSENSE)
    h.now = h.now.replace(minute=5)
    h.writes_in("Is anybody there?", case_id=case.id)
    assert len(h.bot_says(case, public=True)) == 1, h.story(case)
    assert h.ticket(case).state == "escalated"
    assert not h.unsettled()


def test_a_second_message_that_is_urgent_raises_the_priority_and_notifies_the_fast_channel(house):
    h = house()
    case = h.writes_in(NONSENSE)
    assert h.urgent.sent == []
    h.now = h.now.replace(minute=5)
    h.writes_in(DISPUTE, case_id=case.id)
    assert h.ticket(case).priority == "urgent", h.story(case)
    assert len(h.urgent.sent) == 1
    assert len(h.bot_says(case, public=True)) == 1


def test_deliveries_of_the_same_fact_are_handled_once(house):
    h = house()
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(ORDER, subject="Hello", email="carla@example.com", name="Carla")
    h.fake.hooks.release(lambda held: held * 3)
    h.settle()
    h.sweep()
    assert len(h.bot_says(case, public=True)) == 1


def test_a_wish_for_a_human_always_wins(house):
    h = house()
    case = h.writes_in("I want to speak to a human being please, not a robot. Where is my order?")
    row = h.ticket(case)
    assert row.outcome == "routed", h.story(case)
    assert "ai_human_requested" in h.seen(case).tags
    assert not any("parcel" in text for text in h.bot_says(case, public=True))


def test_what_a_human_holds_is_left_alone(house):
    h = house()
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(ORDER, subject="Hello", email="carla@example.com", name="Carla")
    h.desk.agent_claims(case.id, h.ann.id)
    h.fake.hooks.release()
    h.settle()
    assert h.bot_says(case, public=True) == []
    assert h.ticket(case).state == "left_alone"
    assert "Ann" in h.ticket(case).reason


def test_an_agents_answer_that_came_first_silences_us(house):
    h = house()
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(NONSENSE, subject="Hello", email="carla@example.com", name="Carla")
    h.desk.agent_says(case.id, h.ann.id, "Hello Carla, what do you mean?")
    h.fake.hooks.release()
    h.settle()
    assert h.bot_says(case, public=True) == []


def test_closed_and_staff_made_tickets_are_left_alone(house):
    h = house()
    h.fake.hooks.hold = True
    closed = h.desk.customer_writes(ORDER, subject="Hello", email="carla@example.com", name="Carla")
    h.desk.agent_sets(closed.id, h.ann.id, status="closed")
    h.fake.hooks.release()
    h.settle()
    assert h.bot_says(closed, public=True) == []
    assert h.ticket(closed).state == "left_alone"
