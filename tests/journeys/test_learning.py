"""Learning from a desk's own history: what humans said is learned, what we said ourselves is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import ORDER

from core.errors import TryLater
from core.learning import labelled_tickets

LOGIN = "I cannot log in, the password is refused"


@pytest.fixture
def old(house):
    """A desk with some years of humans' work, before we came."""
    h = house()
    h.fake.hooks.enabled = False

    def case(body, email, html="", **sets):
        one = h.desk.customer_writes(body, subject="Hello", email=email, name="Carla", html=html)
        h.desk.agent_says(one.id, h.ann.id, "We have seen to it.")
        h.desk.agent_sets(one.id, h.ann.id, status="solved", **sets)
        return one

    h.case = case
    return h


def learned(h, **how):
    h.now += timedelta(minutes=5)  # vendors' lists lag behind
    found = labelled_tickets.from_desk(h.app, "support", h.now - timedelta(days=180), **how)
    return sorted((one.intent, one.text) for one in found)


def test_tags_and_queues_of_one_intent_become_labels(old):
    old.case("Where is my parcel?", "a@example.com", tags=["ai_intent_order_status"])
    old.case(LOGIN, "b@example.com", queue_id=old.queues["Tech"].id)
    old.case("Something else entirely", "c@example.com", queue_id=old.queues["Support"].id)
    old.case("Nobody knows this one", "d@example.com", tags=["ai_intent_unheard_of"])
    assert learned(old) == [("login_problem", LOGIN), ("order_status", "Where is my parcel?")]


def test_quotes_and_signatures_are_not_learned(old):
    mail = "Where is my parcel?\n\nKind regards\nCarla\n\nOn Monday, Ann <ann@desk.example> wrote:\n> your invoice\n"
    html = mail.replace(">", "&gt;").replace("<", "&lt;").replace("\n", "<br>")
    old.case(mail, "a@example.com", html, tags=["ai_intent_order_status"])
    ((_, text),) = learned(old)
    assert "invoice" not in text


def test_our_own_marks_teach_nothing_until_a_human_corrects_them(house):
    h = house()
    case = h.writes_in(ORDER)
    assert "ai_intent_order_status" in h.seen(case).tags
    assert learned(h) == []
    tags = [t.replace("order_status", "login_problem") for t in case.tags]
    h.desk.agent_sets(case.id, h.ann.id, tags=tags)
    assert learned(h) == [("login_problem", ORDER)]


def test_a_rate_limit_is_waited_for_as_long_as_the_desk_states(old):
    for n in range(3):
        old.case(f"Where is my parcel {n}?", f"{n}@example.com", tags=["ai_intent_order_status"])
    waits, seen = [], []

    def plan(call):
        seen.append(call.path)
        return "status_before:429" if len(waits) < 2 and call.method == "GET" else ""

    old.api.plan = plan

    def sleep(seconds):
        waits.append(seconds)
        old.app.desks["support"]._api.session.pace._until = 0.0  # the clock moves by hand

    assert len(learned(old, sleep=sleep)) == 3
    assert len(waits) == 2
    assert min(waits) >= 1


def test_a_desk_that_never_lets_us_is_given_up(old):
    old.api.plan = lambda call: "status_before:429" if call.method == "GET" else ""
    with pytest.raises(TryLater):
        learned(old, sleep=lambda _seconds: None)


def test_progress_is_reported_ticket_by_ticket(old):
    for n in range(3):
        old.case(f"Where is my parcel {n}?", f"{n}@example.com", tags=["ai_intent_order_status"])
    steps = []
    learned(old, step=steps.append)
    assert steps == [1, 2, 3]
