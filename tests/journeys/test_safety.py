"""Messages about somebody's safety: never answered automatically, whatever the rules; people are notified at once."""

from __future__ import annotations

import pytest
from words import ORDER

NOTE = f"{ORDER} If I do not get my refund I am going to end my life tonight."
LETTER = "We act on behalf of our client Mr Harrow. Failing payment within 14 days, proceedings will be issued without further notice."


def note_of(h, case) -> str:
    return "\n".join(h.bot_says(case, public=False))


@pytest.mark.parametrize(
    ("vendor", "words", "topic"),
    [("zendesk", NOTE, "self-harm"), ("freshdesk", LETTER, "legal steps"), ("helpscout", NOTE, "self-harm")],
)
def test_it_pages_people_and_the_note_says_topic_and_words(house, words, topic):
    h = house()
    case = h.writes_in(words)
    row = h.ticket(case)
    assert (row.state, row.priority) == ("escalated", "urgent"), h.story(case)
    assert {"ai_safety", "ai_escalated"} <= h.seen(case).tags
    assert "ai_auto_resolved" not in h.seen(case).tags
    assert len(h.urgent.sent) == 1
    assert f"it is about {topic}: a human must see it" in note_of(h, case)
    assert not any("parcel is on its way" in said for said in h.bot_says(case, public=True))


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_a_lawyers_letter_in_the_subject_alone_is_seen(house):
    h = house()
    case = h.writes_in("Please see the attached document.", subject="Letter before action")
    assert "ai_safety" in h.seen(case).tags, h.story(case)
    assert len(h.urgent.sent) == 1


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_it_has_a_channel_and_a_priority_of_its_own(house):
    h = house(safety={"priority": "high", "channels": ["webhook:boss"]})
    case = h.writes_in(LETTER)
    assert h.ticket(case).priority == "high", h.story(case)
    assert (len(h.boss.sent), len(h.urgent.sent)) == (1, 0)


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_a_further_message_with_a_graver_topic_calls_people_again(house):
    h = house()
    case = h.writes_in(LETTER)
    h.now = h.now.replace(minute=5)
    h.writes_in("I can't do this any more, I want to die.", case_id=case.id)
    assert len(h.urgent.sent) == 2, h.story(case)
    assert "self-harm" in note_of(h, case)
    h.now = h.now.replace(minute=10)
    h.writes_in("I am in such pain that I want to die.", case_id=case.id)
    assert len(h.urgent.sent) == 2, h.story(case)


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_a_figure_of_speech_is_answered_like_any_other_message(house):
    h = house()
    case = h.writes_in(ORDER.rstrip(".?! ") + "? The waiting is killing me.")
    assert "ai_safety" not in h.seen(case).tags, h.story(case)
