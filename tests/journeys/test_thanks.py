"""A reply that only thanks needs nobody; one that thanks and says more does."""

from __future__ import annotations

from words import ORDER

from core.model import Status
from tests.turns import in_turns


@in_turns(
    "reply", ["Thank you, that worked!", "Perfekt, vielen Dank!", "👍"], ["English", "German", "a sign"]
)
def test_thanks_for_an_automatic_answer_solve_the_ticket_again_and_call_nobody(house, reply):
    h = house()
    case = h.writes_in(ORDER)
    h.now = h.now.replace(hour=11)
    h.writes_in(reply, case_id=case.id)
    h.later(hours=3)
    assert h.seen(case).status is Status.SOLVED, h.story(case)
    assert "ai_thanks" in h.seen(case).tags
    assert h.told() == []
    assert len(h.bot_says(case, public=True)) == 1
    assert h.ticket(case).state == "auto_resolved"


@in_turns(
    "reply",
    [
        "Thank you, but the second parcel is missing.",
        "Danke, das Paket ist trotzdem nicht da.",
        "Thanks. And the other one?",
    ],
    ["English", "German", "a question"],
)
def test_thanks_with_something_behind_them_are_a_person_with_a_problem(house, reply):
    h = house()
    case = h.writes_in(ORDER)
    h.now = h.now.replace(hour=11)
    h.writes_in(reply, case_id=case.id)
    assert h.ticket(case).state == "reescalated", h.story(case)
    assert h.open_rows()
    assert "ai_thanks" not in h.seen(case).tags
