"""Where a public reply does not reach the customer, people take over, whatever the prediction."""

from __future__ import annotations

import pytest
from words import DISPUTE, NONSENSE, ORDER

from core.model import Status
from tests.turns import in_pairs

CALLS = {
    "a voicemail": {
        "email": "",
        "name": "Caller +49 30 555 0143",
        "subject": "Voicemail from: Caller +49 30 555 0143",
    },
    "a call without a name": {"email": "", "name": "Unknown caller", "subject": "Inbound call"},
    "a call that an agent took down": {"email": "pia@example.com", "name": "Pia", "subject": "Call"},
    "a chat": {"email": "pia@example.com", "name": "Pia", "subject": "Chat", "via": "chat"},
}
REACHED_BY_API = {("freshdesk", "a chat")}  # where the reply call posts to the chat


def unreachable(vendor, kind):
    """Whether a public reply does not reach the customer."""
    return (vendor, kind) not in REACHED_BY_API


@in_pairs(
    "kind, body", {kind: kind for kind in CALLS}, {"sure": ORDER, "unsure": NONSENSE, "urgent": DISPUTE}
)
def test_a_customer_whom_no_reply_reaches_is_not_answered_and_waits_for_a_person(house, vendor, kind, body):
    if not unreachable(vendor, kind):
        pytest.skip("a reply reaches a chat here")
    h = house()
    case = h.writes_in(body, **{"via": "phone", **CALLS[kind]})
    assert h.bot_says(case, public=True) == [], h.story(case)
    assert h.ticket(case).outcome != "auto_resolved", h.story(case)
    assert h.seen(case).status not in {Status.SOLVED, Status.CLOSED}
    assert "ai_acknowledged" not in h.seen(case).tags
    assert h.open_rows(), h.story(case)
    assert bool(h.urgent.sent) is (body is DISPUTE)
