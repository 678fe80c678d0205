"""`doctor` on what differs from account to account: the AI agents that the file names, and the list of held-back mail."""

from __future__ import annotations

import pytest

from core.admin import doctor

AI_CODES = {"zendesk": "ZD24", "freshdesk": "FD12", "helpscout": "HS10"}


@pytest.fixture
def said(house, vendor):
    """The findings about the names in `ai_agents`: level and text, sorted by name."""

    def look(*names, people=None):
        h = house(desk={"ai_agents": list(names)}, **({"people": people} if people else {}))
        h.desk.add_person("Robo", "robo@desk.example", "agent", signs_in=False)
        found = [one for one in doctor.examine(h.app, "support") if one.code in {AI_CODES[vendor], "DK07"}]
        assert all(one.remedy for one in found if one.level != "ok")
        return h, [(one.level, one.what) for one in found]

    return look


def test_an_ai_agents_own_account_is_found_by_its_address(said):
    _, ((level, words),) = said("Robo@desk.example")
    assert (level, "Robo" in words) == ("ok", True)


def test_a_name_that_nobody_has_fails(said):
    _, found = said("nobody@desk.example", "987654321")
    assert [level for level, _ in found] == ["fail", "fail"]
    assert "987654321" in found[0][1]
    assert "nobody@desk.example" in found[1][1]


def test_our_own_account_fails(said):
    _, ((level, words),) = said("backstop@desk.example")
    assert (level, "our own" in words) == ("fail", True)


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_a_customers_account_fails(house):
    h = house(desk={"ai_agents": ["carla@example.com"]})
    h.writes_in("Hello")
    (found,) = [one for one in doctor.examine(h.app, "support") if one.code == "ZD24"]
    assert (found.level, "customer" in found.what) == ("fail", True)


def test_a_persons_account_is_named_with_the_reason(house, vendor):
    h = house(desk={"ai_agents": ["ann@desk.example"]})
    case = h.writes_in("Hello")
    h.desk.agent_claims(case.id, h.ann.id)
    h.desk.agent_says(case.id, h.ann.id, "I will look into it.")
    (found,) = [one for one in doctor.examine(h.app, "support") if one.code == AI_CODES[vendor]]
    assert found.level == "warn"
    assert "Ann Agent" in found.what
    assert "looks like a person's account" in found.what
    assert "take it out of the file" in found.remedy


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_an_owners_account_at_help_scout_is_a_persons(house):
    h = house(desk={"ai_agents": ["boss@desk.example"]})
    h.desk.add_person("Bea Boss", "boss@desk.example", "admin")
    (found,) = [one for one in doctor.examine(h.app, "support") if one.code == "HS10"]
    assert (found.level, "its role is" in found.what) == ("warn", True)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_agents_that_our_key_may_not_list_are_no_verdict(house):
    h = house(desk={"ai_agents": ["robo@desk.example"]})
    h.api.plan = lambda call: "status_before:403" if call.path.endswith("/agents") else ""
    (found,) = [one for one in doctor.examine(h.app, "support") if one.code == "FD12"]
    assert (found.level, "cannot be looked up" in found.what) == ("warn", True)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_the_address_of_one_of_our_people_fails(said):
    _, found = said("robo@desk.example", people={"anna": {"email": "robo@desk.example"}})
    assert ("fail", True) in [(level, "[people.anna]" in words) for level, words in found]


@pytest.mark.parametrize("vendor", ["zendesk", "helpscout"])
def test_a_list_of_held_back_mail_that_we_may_not_read_is_named(house, vendor):
    h = house()
    marks = {"zendesk": "suspended_tickets", "helpscout": "/conversations"}
    assert not [one for one in doctor.examine(h.app, "support") if one.code == "DK06"]
    h.api.plan = lambda call: "status_before:403" if marks[vendor] in call.path else ""
    (found,) = [one for one in doctor.examine(h.app, "support") if one.code == "DK06"]
    assert (found.level, "suspended or spam" in found.what) == ("warn", True)
    assert found.remedy
