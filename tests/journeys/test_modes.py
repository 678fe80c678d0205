"""Observe writes nothing, suggest never answers by itself, act does both."""

from __future__ import annotations

from words import DISPUTE, ORDER

from core.ledger.schema import decisions


def test_observe_mode_writes_nothing_and_notifies_no_one_but_stores_what_it_would_have_done(house):
    h = house(desk={"mode": "observe"})
    for words in (ORDER, DISPUTE):
        h.writes_in(words)
    assert [c for c in h.api.calls if c.method != "GET" and "oauth" not in c.path] == []
    assert h.urgent.sent == []
    outcomes = sorted(row.outcome for row in h.rows(decisions))
    assert outcomes == ["auto_resolved", "routed"]
    assert all(row.actions for row in h.rows(decisions))


def test_suggest_mode_routes_what_it_could_have_answered(house):
    h = house(desk={"mode": "suggest"})
    case = h.writes_in(ORDER)
    assert h.ticket(case).outcome == "routed", h.story(case)
    assert not any("parcel" in text for text in h.bot_says(case, public=True))
    assert len(h.bot_says(case, public=False)) == 1


def test_an_intent_in_suggest_mode_is_not_answered(house):
    from conftest_intents import with_intent

    h = house(intents=with_intent("order_status", mode="suggest"))
    case = h.writes_in(ORDER)
    assert h.ticket(case).outcome == "routed", h.story(case)
