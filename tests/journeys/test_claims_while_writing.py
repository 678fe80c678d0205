"""An agent takes a ticket in the very moment in which we route it: it stays theirs, and the ledger knows."""

from __future__ import annotations

import pytest
from words import DISPUTE

from core.ledger.schema import notices

WRITING = {"POST", "PUT", "PATCH"}


@pytest.mark.parametrize("moment", [1, 2])
def test_an_agent_who_takes_a_ticket_while_it_is_routed_has_it_and_is_known_to_have_it(house, moment):
    h = house()
    case = h.desk.customer_writes(DISPUTE, subject="Charge", email="carla@example.com", name="Carla")
    seen = []

    def plan(call):
        here = call.method in WRITING and "oauth" not in call.path
        seen.extend([call] if here else [])
        if here and len(seen) == moment:
            h.desk.agent_claims(case.id, h.ann.id)
        return ""

    h.api.plan = plan
    h.settle()
    assert len(seen) >= moment
    assert case.assignee_id == h.ann.id, h.story(case)
    h.later(minutes=31)
    assert h.ticket(case).state == "claimed", h.story(case)
    assert "Ann" in h.ticket(case).claimed_by
    assert not [one for one in h.rows(notices) if one.template == "unclaimed"]
    said = h.bot_says(case, public=False)
    assert len(said) == len(set(said)) == 1
