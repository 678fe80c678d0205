"""A notice names the ticket and the reason, and contains customer text only where allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.hours import Hours
from core.notifications.texts import plain, render, waited

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOURS = Hours.make("Europe/Berlin")
TEMPLATES = ("escalated", "unclaimed", "promise_breaking", "forgotten", "resumed", "claimed")
SUBJECT = "Wem gehört 4929 1111\u202e und\nBcc: x?"
LINK = "https://backstop.acme.example/claim/abcdefghijklmnopqrstuv"


def facts(template: str, **more: Any) -> dict[str, Any]:
    return {
        "template": template,
        "ticket": "4711",
        "desk": "support",
        "priority": "urgent",
        "subject": SUBJECT,
        "customer_name": "Mara",
        "intent": "billing_dispute",
        "confidence": 0.724,
        "queue": "Billing",
        "claimed_by": "Anna",
        "waiting_since": (NOW - timedelta(minutes=35)).isoformat(),
        "promise_at": (NOW + timedelta(minutes=25)).isoformat(),
        **more,
    }


def words(given: dict[str, Any], form: str, length: int = 2000) -> tuple[str, str]:
    return render(
        given,
        form,
        length=length,
        words=form != "short",
        now=NOW,
        hours=HOURS,
        urls=("https://desk.example/4711", LINK),
    )


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("form", ["short", "rich", "mail"])
def test_every_notice_in_every_form_names_the_ticket_first(template: str, form: str) -> None:
    subject, text = words(facts(template), form)
    assert "4711" in subject
    assert "4711" in text.splitlines()[0]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_short_form_contains_no_customer_text(template: str) -> None:
    subject, text = words(facts(template), "short")
    assert "4929" not in subject + text
    assert "Mara" not in subject + text


def test_customers_words_cannot_hide_or_turn_around_ours() -> None:
    subject, text = words(facts("escalated"), "rich")
    assert "\u202e" not in subject + text
    assert "Subject: Wem gehört 4929 1111 und Bcc: x?" in text
    assert "\n" not in subject


def test_what_is_the_matter_is_said() -> None:
    assert "Nobody has taken ticket 4711 (support) for 35 min" in words(facts("unclaimed"), "short")[1]
    assert "Promised by 11:25 today" in words(facts("escalated"), "short")[1]
    assert "Likely intent: billing_dispute (72% confidence)" in words(facts("escalated"), "rich")[1]
    assert "taken by Anna" in words(facts("forgotten"), "rich")[1]
    assert "the automatic answer did not help" in words(facts("escalated", state="reescalated"), "short")[1]
    late = facts("promise_breaking", promise_at=(NOW - timedelta(minutes=5)).isoformat())
    assert "by 10:55, which has passed" in words(late, "rich")[1]


@pytest.mark.parametrize("form", ["short", "rich", "mail"])
def test_a_detour_a_repeat_and_a_delay_are_admitted(form: str) -> None:
    text = words(
        facts("escalated", because="slack:urgent failed: HTTP 404", repeat=True, collapsed=[0]), form
    )[1]
    assert "slack:urgent failed: HTTP 404" in text
    assert "ent again" in text
    assert form == "short" or "takes the place of earlier notices" in text


@pytest.mark.parametrize("length", [120, 160, 320])
def test_what_is_too_long_is_cut_between_the_ticket_and_the_link(length: int) -> None:
    text = words(facts("escalated", because="x" * 400), "short", length)[1]
    assert len(text) <= length
    assert "4711" in text
    assert text.endswith(LINK) or length // 2 <= len(LINK) + 4


def test_a_digest_names_every_ticket() -> None:
    many = [facts("escalated", ticket=str(5000 + n)) for n in range(30)]
    given = {"template": "digest", "priority": "urgent", "tickets": many, "ticket": "", "desk": ""}
    for form in ("short", "rich", "mail"):
        text = words(given, form, 5000)[1]
        assert all(str(5000 + n) in text for n in range(30))
    assert "4929" not in words(given, "short")[1]


def test_a_digest_too_long_for_a_text_message_says_how_many_it_does_not_name() -> None:
    many = [facts("escalated", ticket=str(5000 + n)) for n in range(100)]
    text = words(
        {"template": "digest", "priority": "urgent", "tickets": many, "ticket": "", "desk": ""}, "short", 320
    )[1]
    named = sum(str(5000 + n) in text for n in range(100))
    assert len(text) <= 320
    assert f"and {100 - named} more" in text
    assert "100 tickets wait" in text
    assert text.isascii()


def test_a_trouble_of_ours_and_a_report_are_said_as_they_were_written() -> None:
    for headline in ({"headline": "The desk refuses us"}, {"what": "The desk refuses us"}):
        subject, text = words(
            {
                "template": "alarm",
                "priority": "high",
                "ticket": "",
                "desk": "support",
                "text": "401\nsince 10:00",
                **headline,
            },
            "mail",
        )
        assert subject == "The desk refuses us"
        assert "401\nsince 10:00" in text


def test_the_least_that_must_be_said_names_the_ticket() -> None:
    assert "4711 (support)" in plain(facts("escalated"))
    assert "4711" in plain({"tickets": [facts("escalated"), facts("escalated", ticket="4712")]})


@pytest.mark.parametrize(
    ("span", "said"),
    [(0, "0 min"), (35, "35 min"), (60, "1 h"), (125, "2 h 5 min"), (3 * 1440, "3 days"), (-5, "0 min")],
)
def test_a_wait_is_said_as_people_do(span: int, said: str) -> None:
    assert waited(timedelta(minutes=span)) == said
