from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classify.concepts import folded, lexicon
from core.classify.starter import starter
from core.language import LANGUAGES

FORMS = lexicon(
    {
        "hack": "hack*, gehackt",
        "account": "*konto*",
        "mail": "*post",
        "notme": "not me, was* not me",
        "person": "Ęcole, ærlig",
    }
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hacked", ["hack"]),
        ("Gehackt!", ["hack"]),
        ("ungehackt", []),
        ("Mein Kundenkontoauszug", ["account"]),
        ("Epost", ["mail"]),
        ("postbox", []),
        ("that wasn not me", ["notme"]),
        ("me not", []),
        ("not", []),
        ("ecole", ["person"]),
        ("aerlig", ["person"]),
        ("hack hacked hacking", ["hack"]),
        ("", []),
    ],
)
def test_each_form_of_an_entry_finds_its_words(text: str, found: list[str]) -> None:
    assert FORMS.concepts(text) == found


@given(st.text(max_size=200))
def test_any_text_can_be_looked_through(text: str) -> None:
    assert set(FORMS.concepts(text)) <= {"hack", "account", "mail", "notme", "person"}
    assert folded(folded(text)) == folded(text)


def test_marks_of_other_scripts_stay_where_they_make_the_letter() -> None:
    assert folded("żółć şığ Straße") == "zolc sig Strasse"
    assert folded("हिन्दी ภาษาไทย") == "हिन्दी ภาษาไทย"


def test_every_language_knows_the_same_concepts() -> None:
    english = set(starter("en").concepts)
    assert [language for language in LANGUAGES if set(starter(language).concepts) != english] == []
