"""Customers write in their own language: what is urgent pages people, what is ordinary is answered in that language or by a human."""

from __future__ import annotations

import pytest

from tests.turns import in_turns

HACKED = {
    "tr": "Hesabım hacklendi, biri şifremi değiştirmiş ve siparişler veriyor. Lütfen yardım edin!",
    "de": "Mein Konto wurde gehackt, jemand hat meine E-Mail-Adresse geändert",
    "pl": "Ktoś włamał się na moje konto i zmienił hasło",
}
DANISH = "Hvor er min bestilling? Jeg har ventet i to uger og har ikke fået min pakke endnu."
CZECH = "Dobrý den, chtěl bych se zeptat na jednu věc ohledně vašich služeb a nabídky pro firmy"


def note_of(h, case) -> str:
    return "\n".join(h.bot_says(case, public=False))


@in_turns("language", HACKED)
def test_a_hacked_account_pages_on_call_in_any_of_the_twelve_languages(house, language):
    h = house()
    case = h.writes_in(HACKED[language])
    row = h.ticket(case)
    assert (row.state, row.priority) == ("escalated", "urgent"), h.story(case)
    assert len(h.urgent.sent) == 1
    assert "account_compromise" in note_of(h, case)


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_a_french_request_for_a_human_is_recognised(house):
    h = house()
    case = h.writes_in("je veux parler à un humain, pas à une machine")
    assert "ai_human_requested" in h.seen(case).tags, h.story(case)
    assert h.ticket(case).state == "escalated"


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_an_ordinary_danish_question_is_answered_in_danish_where_there_is_a_danish_reply(house):
    h = house()
    (h.home / "templates" / "order_status.da.txt").write_text(
        "Hej {{ name }}, din pakke er på vej.\n", "utf-8"
    )
    case = h.writes_in(DANISH)
    assert h.ticket(case).state == "auto_resolved", h.story(case)
    assert h.bot_says(case, public=True)[0].startswith("Hej Carla, din pakke er på vej")
    assert h.ticket(case).language == "da"


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_without_a_danish_reply_a_human_answers_it(house):
    h = house()
    case = h.writes_in(DANISH)
    assert h.ticket(case).state == "escalated", h.story(case)
    assert not any("parcel is on its way" in said for said in h.bot_says(case, public=True))
    assert "there is no order_status.txt in the customer's language (da)" in note_of(h, case)


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_an_untrained_language_goes_to_a_human_at_high_priority_and_the_note_says_why(house):
    h = house()
    case = h.writes_in(CZECH)
    row = h.ticket(case)
    assert (row.state, row.priority) == ("escalated", "high"), h.story(case)
    assert "written in a language (cs) in which an urgent message may be missed" in note_of(h, case)
