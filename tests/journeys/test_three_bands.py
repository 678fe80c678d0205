"""A message comes in: answered by rule, routed with context, or put in the general queue, flagged."""

from __future__ import annotations

import pytest
from words import DISPUTE, NONSENSE, ORDER


def test_a_sure_guess_with_a_reply_is_answered_and_solved(house):
    h = house()
    case = h.writes_in(ORDER)
    assert h.ticket(case).state == "auto_resolved", h.story(case)
    assert len(h.bot_says(case, public=True)) == 1
    assert "parcel is on its way" in h.bot_says(case, public=True)[0]
    assert case.status == "solved"
    tags = h.seen(case).tags
    assert {"ai_intent_order_status", "ai_auto_resolved"} <= tags
    assert not h.unsettled()


def test_an_urgent_intent_is_never_answered_and_reaches_people_at_once(house):
    h = house()
    case = h.writes_in(DISPUTE)
    row = h.ticket(case)
    assert (row.state, row.priority, row.queue) == ("escalated", "urgent", "Billing"), h.story(case)
    assert len(h.urgent.sent) == 1
    assert str(case.id) in h.urgent.sent[0].text
    note = h.bot_says(case, public=False)
    assert len(note) == 1
    assert "Likely intent: billing_dispute (" in note[0]
    assert "% confidence). Customer message: There is a charge" in note[0]
    ack = h.bot_says(case, public=True)
    assert len(ack) == 1
    assert "by " in ack[0]
    assert "charge" not in ack[0]
    assert {"ai_routed", "ai_escalated", "ai_acknowledged", "ai_intent_billing_dispute"} <= h.seen(case).tags
    assert h.seen(case).queue_name == "Billing"


def test_an_unsure_message_goes_to_the_general_queue_flagged_and_acknowledged(house):
    h = house()
    case = h.writes_in(NONSENSE)
    row = h.ticket(case)
    assert (row.state, row.outcome) == ("escalated", "general_queue"), h.story(case)
    assert {"ai_general_queue", "ai_escalated"} <= h.seen(case).tags
    assert len(h.bot_says(case, public=True)) == 1
    assert h.bot_says(case, public=False) == []


READS = {"zendesk": 1, "freshdesk": 1, "helpscout": 2}  # Help Scout: also the mail's headers
WRITES = {
    "auto": {"zendesk": 1, "freshdesk": 2, "helpscout": 2},
    "route": {"zendesk": 2, "freshdesk": 3, "helpscout": 3},
    "general": {"zendesk": 1, "freshdesk": 2, "helpscout": 2},
}


@pytest.mark.parametrize(("flow", "words"), [("auto", ORDER), ("route", DISPUTE), ("general", NONSENSE)])
def test_a_ticket_costs_no_more_calls_than_promised(house, vendor, flow, words):
    h = house()
    for first in (ORDER, NONSENSE):  # identity, groups and token are asked once a process
        h.writes_in(first, email="warm@example.com")
    h.api.calls.clear()
    h.writes_in(words, email="second@example.com")
    writes = [c for c in h.api.calls if c.method in {"PUT", "POST", "PATCH"}]
    reads = [c for c in h.api.calls if c.method == "GET"]
    assert len(writes) == WRITES[flow][vendor], [(c.method, c.path) for c in writes]
    looked = vendor == "helpscout" and flow != "auto"  # no lock there: did somebody take it meanwhile?
    assert len(reads) == READS[vendor] + looked, [(c.method, c.path) for c in reads]
