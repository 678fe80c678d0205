"""A mark never precedes its message: what a tag states has happened, and a withheld message leaves no mark."""

from __future__ import annotations

import pytest
from words import DISPUTE, NONSENSE, ORDER

from tests.turns import in_turns

WORDS = {"ai_acknowledged": "thank you", "ai_auto_resolved": "parcel is on its way"}
CALLS = {
    "zendesk": {ORDER: 1, NONSENSE: 1, DISPUTE: 2},
    "freshdesk": {ORDER: 2, NONSENSE: 2, DISPUTE: 3},
    "helpscout": {ORDER: 2, NONSENSE: 2, DISPUTE: 3},
}


class Watched:
    """The desk of a house, looked at after every call of ours."""

    def __init__(self, h, monkeypatch):
        self.h, self.calls, self.early = h, 0, []
        desk = h.app.desks["support"]
        self.send = desk.send
        monkeypatch.setattr(desk, "send", self.look)

    def look(self, ticket, write):
        receipt = self.send(ticket, write)
        self.calls += 1
        case = self.h.desk.cases[int(ticket.id)]
        said = " ".join(self.h.bot_says(case, public=True)).lower()
        self.early += [tag for tag, words in WORDS.items() if tag in case.tags and words not in said]
        return receipt


@pytest.mark.parametrize("body", [ORDER, NONSENSE, DISPUTE], ids=["answered", "general", "routed"])
def test_a_mark_is_written_with_its_message_or_after_it_in_no_more_calls(house, vendor, monkeypatch, body):
    h = house()
    watched = Watched(h, monkeypatch)
    case = h.writes_in(body)
    assert watched.early == [], h.story(case)
    assert watched.calls == CALLS[vendor][body], h.story(case)
    assert ("ai_auto_resolved" if body is ORDER else "ai_acknowledged") in h.seen(case).tags


@pytest.mark.parametrize("body", [NONSENSE, DISPUTE], ids=["general", "routed"])
def test_an_acknowledgment_that_an_agent_came_before_leaves_no_mark(house, monkeypatch, body):
    h = house()
    desk = h.app.desks["support"]
    send, spoken = desk.send, []

    def overtaken(ticket, write):
        """An agent answers while our first call is under way."""
        receipt = send(ticket, write)
        if not spoken:
            spoken.append(h.desk.agent_says(int(ticket.id), h.ann.id, "I am looking into it."))
        return receipt

    monkeypatch.setattr(desk, "send", overtaken)
    case = h.writes_in(body)
    said = h.bot_says(case, public=True)
    assert ("ai_acknowledged" in h.seen(case).tags) is bool(said), h.story(case)


@in_turns("body", [ORDER, NONSENSE, DISPUTE], ids=["sure", "general", "routed"])
def test_what_a_cap_withholds_leaves_no_mark(house, body):
    h = house(limits={"per_address_per_hour": 1})
    h.writes_in(NONSENSE, subject="first")
    case = h.writes_in(body, subject="second")
    assert h.bot_says(case, public=True) == []
    assert not {"ai_acknowledged", "ai_auto_resolved"} & set(h.seen(case).tags), h.story(case)
    assert h.open_rows()


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_the_second_call_keeps_the_tags_of_the_first_and_of_the_desks_own_rules(house, monkeypatch):
    h = house()
    desk = h.app.desks["support"]
    send = desk.send

    def ruled(ticket, write):
        """A trigger of the account's tags the ticket within our first update."""
        receipt = send(ticket, write)
        if receipt.tags is None or write.spoken is None or "note" not in write.key:
            return receipt
        h.desk.cases[int(ticket.id)].tags.append("vip")
        return type(receipt)(
            receipt.id, receipt.version, receipt.state, receipt.detail, receipt.tags | {"vip"}
        )

    monkeypatch.setattr(desk, "send", ruled)
    case = h.writes_in(DISPUTE)
    assert {"vip", "ai_routed", "ai_escalated", "ai_acknowledged"} <= set(h.seen(case).tags), h.story(case)
