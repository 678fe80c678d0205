"""Two desks that answer each other fall silent at any tempo; people are notified once, and people who repeat themselves
are seen. Nine rounds of 160 minutes are 24 hours."""

from __future__ import annotations

from datetime import timedelta

import pytest
from words import DISPUTE

from tests.turns import in_turns

WORDS = {
    "known": "Your request ({n}) was received and is being looked at by our staff. To add to it, reply to this mail.",
    "unknown": "Note {n} lies on the pile of the walrus department, which looks at piles from the left to the right.",
}
ROBOT = "walrus@client.example"


def rounds(h, number, minutes, words, email=ROBOT):
    """The other desk opens a new ticket with each of its answers."""
    cases = []
    for n in range(number):
        cases.append(
            h.writes_in(words.format(n=4000 + n), subject=f"[{n}] Re: bill", email=email.format(n=n))
        )
        h.now += timedelta(minutes=minutes)
        h.pass_once()
    return cases


def notices(h):
    return [one for one in h.told() if "a machine seems to answer" in one.text]


@in_turns("case", [("known", 7), ("unknown", 7), ("unknown", 160)])
def test_two_desks_that_acknowledge_each_other_fall_silent(house, case):
    words, minutes = case
    h = house()
    cases = rounds(h, 9, minutes, WORDS[words])
    said = [text for case in cases for text in h.bot_says(case, public=True)]
    assert len(said) <= 3, said
    assert h.bot_says(cases[-1], public=True) == []
    about = {case.id for case in cases[5:]}
    paged = [one for one in h.told() if one not in notices(h) and any(str(n) in one.text for n in about)]
    assert len(paged) <= 1, [one.text for one in paged]
    assert all(h.ticket(case).state == "escalated" for case in cases), "each waits in its queue"
    assert len(notices(h)) == (1 if words == "unknown" else len(notices(h)))


@pytest.mark.parametrize("vendor", ["zendesk"], indirect=True)
def test_a_robot_that_writes_from_a_new_tag_each_time_is_one_mailbox(house):
    h = house()
    cases = rounds(h, 8, 90, WORDS["unknown"], email="walrus+{n}@client.example")
    assert sum(len(h.bot_says(case, public=True)) for case in cases) <= 2


@pytest.mark.parametrize("vendor", ["freshdesk"], indirect=True)
def test_who_repeats_an_alarm_is_called_about_and_only_not_written_to(house):
    h = house()
    cases = [h.writes_in(f"{DISPUTE} Order {n}.", email="eva@client.example") for n in range(4)]
    assert [len(h.bot_says(case, public=True)) for case in cases] == [1, 1, 0, 0]
    assert all(h.ticket(case).priority == "urgent" for case in cases)
    assert len(h.urgent.sent) == 4


@pytest.mark.parametrize("vendor", ["helpscout"], indirect=True)
def test_a_sender_that_the_admin_declared_to_be_people_may_repeat_itself(house):
    h = house(desk={"people": [ROBOT]})
    cases = rounds(h, 6, 1, WORDS["unknown"])
    assert all(len(h.bot_says(case, public=True)) == 1 for case in cases)
