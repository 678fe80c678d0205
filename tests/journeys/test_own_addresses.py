"""Mail from an address at which the desk's own mail arrives is not answered: the answer would come back as a ticket."""

from __future__ import annotations

import pytest
from words import DISPUTE, NONSENSE, ORDER

from tests.turns import in_pairs

SPELLINGS = ("as listed", "upper case", "with a tag")


def own_address(h, vendor):
    """One that the account lists."""
    return next(iter(sorted(h.app.desks["support"].addresses())))


@in_pairs(
    "spelt, body", {one: one for one in SPELLINGS}, {"sure": ORDER, "unsure": NONSENSE, "urgent": DISPUTE}
)
def test_a_support_address_is_not_answered_and_people_are_awaited(house, vendor, body, spelt):
    h = house()
    email = own_address(h, vendor)
    name, domain = email.split("@")
    written = {"as listed": email, "upper case": email.upper(), "with a tag": f"{name}+7@{domain}"}[spelt]
    case = h.writes_in(body, email=written)
    assert h.bot_says(case, public=True) == [], h.story(case)
    assert h.ticket(case).outcome != "auto_resolved", h.story(case)
    assert h.open_rows(), h.story(case)
    assert bool(h.urgent.sent) is (body is DISPUTE)


def test_a_customer_at_the_same_domain_is_answered(house, vendor):
    h = house()
    domain = own_address(h, vendor).split("@")[1]
    case = h.writes_in(NONSENSE, email=f"carla@{domain}")
    assert len(h.bot_says(case, public=True)) == 1, h.story(case)


def test_addresses_that_our_role_may_not_see_stop_nothing(house, vendor):
    if vendor == "helpscout":
        pytest.skip("its inboxes are its queues: without them nothing is routed")
    h = house()
    hidden = ("/recipient_addresses", "/email_configs")
    h.api.plan = lambda call: "status_before:403" if call.path.split(".json")[0].endswith(hidden) else ""
    case = h.writes_in(NONSENSE)
    assert len(h.bot_says(case, public=True)) == 1, h.story(case)
