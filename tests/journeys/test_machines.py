"""Two robots must never talk to each other: machines are neither answered nor acknowledged, but seen by a human."""

from __future__ import annotations

import pytest
from words import NONSENSE, ORDER


@pytest.mark.parametrize(
    ("email", "subject", "body"),
    [
        (
            "mailer-daemon@mail.example.com",
            "Undelivered Mail Returned to Sender",
            "I could not deliver your message.",
        ),
        ("noreply@shop.example.com", "Newsletter", ORDER),
        (
            "carla@example.com",
            "Automatic reply: Hello",
            "I am out of the office until Monday and will answer then.",
        ),
        ("carla@example.com", "Abwesenheitsnotiz: Hello", "Ich bin bis Montag nicht im Büro."),
    ],
)
def test_what_a_machine_wrote_is_put_in_a_queue_and_nobody_is_written_to(house, email, subject, body):
    h = house()
    case = h.writes_in(body, email=email, subject=subject)
    assert h.bot_says(case, public=True) == [], h.story(case)
    assert h.ticket(case).outcome == "general_queue", h.story(case)
    assert h.seen(case).queue_name == "Support" or h.vendor == "helpscout"
    assert h.urgent.sent == []


def test_a_name_that_is_a_message_is_not_greeted(house):
    h = house()
    case = h.writes_in(NONSENSE, name="CLICK http://evil.example NOW")
    (ack,) = h.bot_says(case, public=True)
    assert "evil" not in ack


def test_no_more_than_the_configured_number_of_messages_goes_to_one_address_in_an_hour(house):
    h = house(limits={"per_address_per_hour": 2})
    cases = [h.writes_in(NONSENSE, subject=f"no {n}") for n in range(4)]
    assert [len(h.bot_says(case, public=True)) for case in cases] == [1, 1, 0, 0]
    assert all(h.ticket(case).state == "escalated" for case in cases)
    h.later(hours=2)
    late = h.writes_in(NONSENSE, subject="later")
    assert len(h.bot_says(late, public=True)) == 1
