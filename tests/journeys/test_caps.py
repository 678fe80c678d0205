"""How much is said automatically: to one mailbox, and by a desk in all; what is held back is owed.

Counting and owing are the same at every desk: what is sent late is tried at each, everything else at one of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE, NONSENSE, ORDER

from core.ledger.schema import notices, writes
from core.pipeline import places


def acknowledged(h, case):
    return [text for text in h.bot_says(case, public=True) if "A member of our team" in text]


def burst(h, number, body=NONSENSE):
    return [h.writes_in(body, email=f"c{n}@x{n}.example", subject=f"no {n}") for n in range(number)]


def braked(h):
    return [
        row.facts["what"]
        for row in h.rows(notices)
        if row.template == "alarm" and "held back" in row.facts["what"]
    ]


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_spellings_of_one_mailbox_count_as_one(house):
    h = house(limits={"per_address_per_hour": 2})
    spelt = ["Victim@gmail.com", "v.ictim+1@gmail.com", "victim+2@googlemail.com", "vic.tim@gmail.com"]
    cases = [h.writes_in(NONSENSE, email=email, subject=email) for email in spelt]
    assert [len(acknowledged(h, case)) for case in cases] == [1, 1, 0, 0]
    assert all(h.ticket(case).state == "escalated" for case in cases)
    h.later(hours=2)
    assert [len(acknowledged(h, case)) for case in cases] == [1, 1, 0, 0], "one mailbox's cap owes nothing"
    assert braked(h) == []


def test_what_the_cap_holds_back_is_alarmed_at_once_and_sent_when_there_is_room(house):
    h = house(limits={"per_hour": 2})
    cases = burst(h, 4)
    assert [len(acknowledged(h, case)) for case in cases] == [1, 1, 0, 0], [h.story(case) for case in cases]
    for case in cases[2:]:
        row = h.ticket(case)
        assert (row.state, row.acknowledged_at) == ("escalated", None)
        assert "ai_acknowledged" not in h.seen(case).tags
        assert {"ai_general_queue", "ai_escalated"} <= h.seen(case).tags, "the rest of it is done"
    assert len(braked(h)) == 1
    assert any("held back" in one.text for one in h.urgent.sent), "people are told at once"
    h.later(minutes=55)
    assert [len(acknowledged(h, case)) for case in cases] == [1, 1, 0, 0]
    h.later(minutes=10)
    assert [len(acknowledged(h, case)) for case in cases] == [1, 1, 1, 1], [h.story(case) for case in cases]
    for case in cases:
        assert h.ticket(case).acknowledged_at is not None
        assert "ai_acknowledged" in h.seen(case).tags
    h.later(hours=3)
    assert [len(acknowledged(h, case)) for case in cases] == [1, 1, 1, 1]
    assert not h.unsettled()
    assert "owed" not in {row.state for row in h.rows(writes)}


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_an_acknowledgment_that_is_owed_is_dropped_once_a_human_has_answered(house):
    h = house(limits={"per_hour": 1})
    first, second = burst(h, 2)
    h.now += timedelta(minutes=10)
    h.desk.agent_says(second.id, h.ann.id, "Hello, what do you mean?")
    h.later(hours=2)
    assert (len(acknowledged(h, first)), len(acknowledged(h, second))) == (1, 0)
    assert "owed" not in {row.state for row in h.rows(writes)}
    assert "ai_acknowledged" not in h.seen(second).tags


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_an_agent_who_only_holds_the_ticket_has_not_answered(house):
    h = house(limits={"per_hour": 1})
    _, second = burst(h, 2)
    h.now += timedelta(minutes=10)
    h.desk.agent_claims(second.id, h.ann.id)
    h.later(hours=2)
    assert len(acknowledged(h, second)) == 1, h.story(second)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_what_is_sent_late_promises_a_time_that_is_still_ahead(house):
    h = house(limits={"per_hour": 1})
    _, second = burst(h, 2, DISPUTE)  # promised within 30 minutes
    first_promise = h.ticket(second).promise_at
    h.later(minutes=70)
    (said,) = acknowledged(h, second)
    promise = h.ticket(second).promise_at
    assert promise > first_promise
    assert f"{promise:%H:%M}" in said
    assert promise > h.ticket(second).acknowledged_at


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_an_answer_that_the_brake_holds_goes_to_a_human_with_an_acknowledgment_that_is_owed(house):
    h = house(limits={"per_hour": 1})
    _, second = burst(h, 2, ORDER)
    row = h.ticket(second)
    assert (row.state, row.outcome) == ("escalated", "routed"), h.story(second)
    assert "the brake holds" in row.reason
    assert h.bot_says(second, public=True) == []
    h.later(minutes=70)
    assert len(acknowledged(h, second)) == 1


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_burst_is_acknowledged_in_the_order_in_which_it_came(house):
    h = house(limits={"per_hour": 2})
    cases = burst(h, 6)
    h.later(minutes=65)
    assert [len(acknowledged(h, case)) for case in cases] == [1, 1, 1, 1, 0, 0]
    h.later(minutes=65)
    assert [len(acknowledged(h, case)) for case in cases] == [1] * 6


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_worker_that_dies_before_it_sends_what_is_owed_leaves_it_to_the_next(house, monkeypatch):
    h = house(limits={"per_hour": 1})
    _, second = burst(h, 2)
    real, died = places.refused, []

    def dies(app, ticket, row, *more):
        if row.key.endswith(places.OWED) and row.state == "planned" and not died:
            died.append(row.key)
            raise KeyboardInterrupt
        return real(app, ticket, row, *more)

    monkeypatch.setattr(places, "refused", dies)
    with pytest.raises(KeyboardInterrupt):
        h.later(hours=2)
    assert acknowledged(h, second) == []
    h.later(minutes=20)
    assert len(acknowledged(h, second)) == 1, h.story(second)
    assert "ai_acknowledged" in h.seen(second).tags


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_nothing_is_sent_late_while_the_desk_is_on_hold(house):
    from core.ledger import pausing

    h = house(limits={"per_hour": 1})
    _, second = burst(h, 2)
    pausing.hold(h.app.engine, "support", h.now, "a person")
    h.later(hours=3)
    assert acknowledged(h, second) == []
    pausing.resume(h.app.engine, "support", h.now, "a person")
    h.later(minutes=20)
    assert len(acknowledged(h, second)) == 1
