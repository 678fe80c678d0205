"""Two robots must never talk to each other; and who merely looks like one is not written to, but seen by a human."""

from __future__ import annotations

import pytest
from words import DISPUTE, NONSENSE, ORDER

from core.model import Status
from tests.turns import in_turns


@in_turns(
    "mail",
    [
        (
            "mailer-daemon@mail.example.com",
            "Undelivered Mail Returned to Sender",
            "I could not deliver your message.",
        ),
        (
            "carla@example.com",
            "Automatic reply: Hello",
            "I am out of the office until Monday and will answer then.",
        ),
        ("carla@example.com", "Abwesenheitsnotiz: Hello", "Ich bin bis Montag nicht im Büro."),
    ],
    ["returned", "automatic reply", "German"],
)
def test_what_a_machine_wrote_is_queued_and_gets_no_reply(house, mail):
    email, subject, body = mail
    h = house()
    case = h.writes_in(body, email=email, subject=subject)
    assert h.bot_says(case, public=True) == [], h.story(case)
    assert h.ticket(case).outcome == "general_queue", h.story(case)
    assert h.seen(case).queue_name == "Support" or h.vendor == "helpscout"
    assert "ai_automatic_mail" in h.seen(case).tags
    h.later(minutes=1)
    assert h.told() == [], "a machine's mail wakes nobody"
    assert all(step["notify"] == "team" for row in h.open_rows() for step in row.ladder)


GROUP = {"Precedence": "list", "List-ID": "<help.ourshop.example>", "X-Google-Group-Id": "88"}
FORWARDED = {"Auto-Submitted": "auto-generated", "X-MS-Exchange-Inbox-Rules-Loop": "help@ourshop.example"}
PEOPLE = {
    "a mailing list": {"headers": GROUP, "email": "ana@client.example"},
    "a mailing list that says bulk": {"headers": {"Precedence": "bulk", "List-Id": "<all.client.example>"}},
    "a forwarding rule": {"headers": FORWARDED, "email": "ben@client.example"},
    "a rule that says auto-replied": {"headers": {"Auto-Submitted": "auto-replied"}},
    "a form's sender": {"email": "noreply@ourshop.example", "subject": "New message from the website"},
    "a form's other sender": {"email": "do-not-reply@forms.example", "subject": "Contact: Ana"},
    "a surname": {"email": "lena.bounce@client.example"},
    "a subject": {"subject": "Automatic reply: who switched it on, and a charge"},
    "a tagged subject": {"subject": "[EXT] Out of office: nobody answers, and a wrong charge"},
    "a German subject": {
        "subject": "Unzustellbar",
        "body": f"Laut Bote ist mein Paket unzustellbar. {DISPUTE}",
    },
    "an opening": {"body": f"I am on vacation until 3 June. {DISPUTE}"},
    "another opening": {"body": f"I'm currently travelling with limited access to email, and {DISPUTE}"},
    "a thank-you": {"body": f"Thank you for your email. {DISPUTE}"},
}


@in_turns("kind", PEOPLE)
def test_a_person_who_looks_like_a_machine_gets_no_reply_and_people_are_notified(house, kind):
    h = house()
    case = h.writes_in(**{"body": DISPUTE, "subject": "Charge"} | PEOPLE[kind])
    assert h.urgent.sent, h.story(case)
    assert h.ticket(case).priority == "urgent"
    assert h.open_rows()
    marked = "ai_automatic_mail" in h.seen(case).tags
    assert marked is (h.bot_says(case, public=True) == []), h.story(case)


@pytest.mark.parametrize("vendor", ["helpscout"], indirect=True)
@pytest.mark.parametrize("headers", [GROUP, FORWARDED, {"X-Autoreply": "yes"}])
def test_the_note_says_why_it_looks_automatic_and_a_sure_guess_is_not_answered(house, headers):
    h = house()
    case = h.writes_in(ORDER, headers=headers)
    assert h.bot_says(case, public=True) == []
    assert "looks automatic because" in h.bot_says(case, public=False)[0]
    assert h.ticket(case).outcome == "routed"
    assert h.seen(case).status not in {Status.SOLVED, Status.CLOSED}


@pytest.mark.parametrize("vendor", ["helpscout"], indirect=True)
@pytest.mark.parametrize(
    ("people", "entry"),
    [
        (["list-id:help.ourshop.example"], {"headers": GROUP}),
        (["LIST-ID:all.client.example"], {"headers": {"List-Id": "Everybody <all.client.example>"}}),
        (["forms@ourshop.example"], {"headers": FORWARDED, "email": "forms@ourshop.example"}),
    ],
)
def test_a_list_or_a_sender_that_the_admin_declared_to_be_people_is_answered(house, people, entry):
    h = house(desk={"people": people})
    case = h.writes_in(ORDER, **entry)
    assert len(h.bot_says(case, public=True)) == 1, h.story(case)
    assert "ai_automatic_mail" not in h.seen(case).tags


NULL_SENDER = {"Return-Path": "<>"}
REPORT = {"Content-Type": "multipart/report; report-type=delivery-status; boundary=b"}
RECEIPT = {"Content-Type": 'multipart/report; boundary="b"; report-type=disposition-notification'}


@pytest.mark.parametrize("vendor", ["helpscout"], indirect=True)
@pytest.mark.parametrize("headers", [NULL_SENDER, REPORT, RECEIPT])
def test_what_a_mail_server_wrote_is_queued_and_notifies_no_one(house, headers):
    h = house()
    case = h.writes_in(DISPUTE, headers=headers)
    assert h.bot_says(case, public=True) == []
    assert h.ticket(case).outcome == "general_queue", h.story(case)
    assert h.told() == h.open_rows() == []


def test_a_name_that_is_a_message_is_not_greeted(house):
    h = house()
    case = h.writes_in(NONSENSE, name="CLICK http://evil.example NOW")
    (ack,) = h.bot_says(case, public=True)
    assert "evil" not in ack


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_no_more_than_the_configured_number_of_messages_goes_to_one_address_in_an_hour(house):
    h = house(limits={"per_address_per_hour": 2})
    cases = [h.writes_in(NONSENSE, subject=f"no {n}") for n in range(4)]
    assert [len(h.bot_says(case, public=True)) for case in cases] == [1, 1, 0, 0]
    assert all(h.ticket(case).state == "escalated" for case in cases)
    h.later(hours=2)
    late = h.writes_in(NONSENSE, subject="later")
    assert len(h.bot_says(late, public=True)) == 1
