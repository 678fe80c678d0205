"""Held-back mail is read, notified when it looks genuine, and recovered by a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE, NONSENSE, ORDER

from core.ledger import limbo as kept
from core.ledger import pausing
from core.ledger.db import reading
from core.pipeline import limbo
from core.pipeline.audit import audit

MACHINE = 8  # Zendesk's cause of an absence note


class Limbo:
    """A house with messages that its desk holds back."""

    def __init__(self, house, vendor, **config):
        self.home, self.vendor = house(**config), vendor

    def holds(self, body, email="nina@example.com", subject="Hello", **cause):
        """A message that goes to the limbo at once."""
        if self.vendor == "zendesk":
            return str(self.home.fake.state.suspend(email, subject, body, **cause))
        self.home.fake.hooks.hold = True
        case = self.home.desk.customer_writes(body, subject=subject, email=email)
        self.home.desk.agent_sets(case.id, self.home.ann.id, spam=True)
        return str(case.id)

    def look(self, **span):
        self.home.now += timedelta(**span)
        self.home.sweep()
        self.home.pass_once()

    def row(self, held_id):
        with reading(self.home.app.engine) as conn:
            return kept.one(conn, "support", held_id)

    def told(self):
        return [one for one in self.home.told() if one.template == "limbo"]


@pytest.fixture
def there(house, vendor):
    return lambda **config: Limbo(house, vendor, **config)


def test_an_urgent_one_is_notified_at_once_with_a_link_and_without_its_words(there):
    place = there()
    held = place.holds(DISPUTE)
    place.look(minutes=3)
    (said,) = place.told()
    assert place.row(held).url in said.text
    assert "credit card" not in said.text
    assert said.priority == "urgent"
    place.look(minutes=10)
    assert len(place.told()) == 1, "each is told once"


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_the_others_are_bundled_and_nonsense_notifies_no_one(there):
    place = there()
    place.holds(ORDER)
    place.look(minutes=3)
    place.holds(ORDER, email="max@example.com")
    place.holds(NONSENSE, email="who@example.com")
    place.look(minutes=10)
    assert len(place.told()) == 1, "the second waits for the hour to be over"
    place.look(minutes=60)
    assert len(place.told()) == 2
    found = audit(place.home.app, "support", place.home.now - timedelta(days=1), place.home.now)
    assert found["limbo"] == {"held": 3, "genuine": 2}


def test_whoever_has_written_before_is_known(there):
    place = there()
    place.home.writes_in(ORDER)
    held = place.holds(NONSENSE, email="carla@example.com")
    place.look(minutes=10)
    assert place.row(held).genuine
    assert place.row(held).known_customer


def test_what_a_person_recovers_enters_the_line_or_the_clicks_are_said(there, vendor):
    place = there()
    held = place.holds(DISPUTE)
    place.look(minutes=3)
    place.home.fake.hooks.hold = False
    clicks = limbo.recover(place.home.app, place.row(held))
    if vendor == "freshdesk":
        assert "Not spam" in clicks
        assert place.row(held).state == "held"
        place.home.desk.agent_sets(int(held), place.home.ann.id, spam=False)
    else:
        assert clicks == ""
        assert place.row(held).state == "recovered"
    place.look(minutes=3)
    (ticket,) = place.home.open_rows()
    assert ticket.customer_email == "nina@example.com", "not we, who recovered it"


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_known_customers_are_recovered_by_themselves_where_the_admin_says_so(there, vendor):
    place = there(limbo={"recover": "known customers"})
    place.home.writes_in(ORDER)
    known, stranger = place.holds(DISPUTE, email="carla@example.com"), place.holds(DISPUTE)
    place.look(minutes=10)
    assert place.row(known).state == ("held" if vendor == "freshdesk" else "recovered")
    assert place.row(stranger).state == "held"


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_what_the_desk_does_not_recover_is_notified_like_the_others(there):
    place = there(limbo={"recover": "known customers"})
    place.home.writes_in(ORDER)
    stuck, stranger = place.holds(DISPUTE, email="carla@example.com"), place.holds(DISPUTE)
    place.home.api.plan = lambda call: "status_before:422" if "recover" in call.path else ""
    place.look(minutes=10)
    assert place.row(stuck).state == place.row(stranger).state == "held"
    assert len(place.told()) == 2, "nobody heard of either"


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_while_the_list_cannot_be_read_the_last_day_is_warned_of_all_the_same(there):
    place = there()
    place.holds(ORDER)
    place.look(minutes=3)
    place.home.api.plan = lambda call: "status_before:503" if "suspended" in call.path else ""
    place.look(days=13, minutes=-2)
    assert len([one for one in place.told() if "deletes from" in one.subject]) == 1


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_nothing_is_recovered_at_a_desk_on_hold(there):
    place = there(limbo={"recover": "known customers"})
    place.home.writes_in(ORDER)
    known = place.holds(DISPUTE, email="carla@example.com")
    pausing.hold(place.home.app.engine, "support", place.home.now, "ann")
    place.look(minutes=10)
    assert place.row(known).state == "held"
    assert "on hold" in limbo.recover(place.home.app, place.row(known)), "nor by a person"
    pausing.resume(place.home.app.engine, "support", place.home.now, "ann")
    place.look(minutes=10)
    assert place.row(known).state == "recovered"


def test_a_part_of_the_account_has_the_limbo_of_that_part(there, vendor):
    kind = {"zendesk": "brands", "freshdesk": "brands", "helpscout": "mailboxes"}[vendor]
    place = there(desk={"only": {kind: ["999"]}})
    held = place.holds(DISPUTE)
    place.look(minutes=3)
    assert place.row(held) is None
    assert place.told() == []


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_a_day_before_the_desk_deletes_them_they_are_notified_once_more(there):
    place = there()
    place.holds(ORDER)
    place.look(minutes=3)
    place.look(days=13, minutes=-2)
    assert len([one for one in place.told() if "deletes from" in one.subject]) == 1
    place.look(hours=2)
    assert len(place.told()) == 2


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_a_machines_mail_notifies_no_one(there):
    place = there()
    held = place.holds(DISPUTE, cause="Vacation response", cause_id=MACHINE)
    place.look(minutes=3)
    assert not place.row(held).genuine
    assert place.told() == []


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_a_list_that_we_may_not_read_is_one_alarm(there):
    place = there()
    place.home.fake.state.bot_role = "agent"
    for _ in range(3):
        limbo.look(place.home.app, "support", place.home.now)
        place.home.pass_once()
        place.home.now += timedelta(days=1)
    assert (
        len([one for one in place.home.told() if "we may not read what the desk holds back" in one.text]) == 1
    )


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_a_list_that_we_may_not_read_costs_a_call_in_every_fifth_sweep(there):
    place = there()
    place.home.api.plan = lambda call: "status_before:403" if "suspended" in call.path else ""
    for _ in range(10):
        place.look(minutes=1)
    asked = [call for call in place.home.api.calls if "suspended" in call.path]
    assert len(asked) == 2


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_a_message_at_which_the_classifier_fails_is_notified_and_the_others_are_read(there, monkeypatch):
    place = there()
    guess = place.home.app.classifier.examine

    def fails(words, everything):
        if "umbrella" in words:
            raise ValueError("a fault of ours")
        return guess(words, everything)

    monkeypatch.setattr(place.home.app.classifier, "examine", fails)
    odd, other = place.holds(NONSENSE, email="odd@example.com"), place.holds(DISPUTE)
    place.look(minutes=3)
    assert place.row(odd).genuine
    assert place.row(odd).reason == "it could not be read"
    assert place.row(other).urgent
