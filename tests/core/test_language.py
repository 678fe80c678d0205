"""Which language a customer is answered in."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classify.starter import held_out
from core.language import LANGUAGES, guess, language_of, tag, tongues
from core.sandbox import environment, render

BENCH = Path(__file__).parents[2] / "bench" / "data"
TEXTS = BENCH / "languages"
NORDIC = ("da", "nb", "sv")


def messages(language: str) -> list[str]:
    return [text for lines in held_out(language).values() for text in lines]


def lines(name: str) -> list[str]:
    return (TEXTS / f"{name}.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_short_messages_are_distinguished_and_none_is_taken_for_another_language_with_certainty(
    language: str,
) -> None:
    found = [guess(text) for text in messages(language)]
    assert sum(one.language == language for one in found) >= 0.9 * len(found)
    assert [one for one in found if one.sure and one.language != language] == []
    assert sum(one.sure for one in found) >= (0.5 if language in NORDIC else 0.8) * len(found)


@pytest.mark.parametrize("language", NORDIC)
@pytest.mark.parametrize("locale", ["own", "en-GB", ""])
def test_danes_norwegians_and_swedes_are_answered_in_their_own_language_or_in_english(
    language: str, locale: str
) -> None:
    given = language if locale == "own" else locale
    later = tomllib.loads((BENCH / "mail_blind" / "nordic.toml").read_text("utf-8"))[language]
    assert {language_of(text, given) for text in [*messages(language), *later]} <= {language, "en"}


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        (
            "Hej, jeg har bestilt en lampe for to uger siden, men jeg har stadig ikke modtaget den. Kan I se hvor den er?",
            "da",
        ),
        (
            "Hei, jeg bestilte en jakke for to uker siden og har fortsatt ikke fått den. Kan dere sjekke hvor pakken er?",
            "no",
        ),
        (
            "Hej! Jag köpte en cykelhjälm hos er i förra veckan och den har gått sönder redan efter två dagar. Jag vill gärna "
            "lämna tillbaka den och få pengarna tillbaka. Hur gör jag? Tack på förhand och ha en fin dag. Vänliga hälsningar",
            "sv",
        ),
        ("Har I modtaget min mail fra i går?", "da"),
        ("Kan dere ringe meg tilbake i morgen tidlig?", "nb"),
        ("Varför kommer inte paketet fram?", "sv"),
    ],
)
@pytest.mark.parametrize("said", ["", "given"])
def test_nordic_mail_is_never_taken_for_dutch_or_german(text: str, locale: str, said: str) -> None:
    assert language_of(text, locale if said else "") in {tag(locale), "en"}


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ("ok", "fr", "fr"),
        ("AB-20394", "pt-BR", "pt"),
        ("", "", "en"),
        ("😀", "sv", "sv"),
        ("https://www.beispiel.de/meine-bestellung", "", "en"),
        ("passer den også til den nye modellen?", "nb", "nb"),
        ("passer den også til den nye modellen?", "da", "da"),
        ("Wo bleibt meine Bestellung? Ich warte seit zwei Wochen.", "en-US", "de"),
        ("Where is my order? I have been waiting for two weeks.", "de", "en"),
        ("Kde je moje objednávka? Čekám už dva týdny", "", "cs"),
        ("Hei, kan dere sende fakturaen på nytt? Jeg finner den ikke lenger.", "nn", "nb"),
    ],
)
def test_the_locale_wins_unless_the_words_are_certainly_in_another_language(
    text: str, locale: str, language: str
) -> None:
    assert language_of(text, locale) == language


@pytest.mark.parametrize("language", ["ru", "uk", "cs", "fi", "hu", "ro", "id", "ja", "el", "ar"])
def test_other_languages_are_not_taken_for_one_that_we_answer_in(language: str) -> None:
    found = [guess(text) for text in lines(language)]
    assert [one for one in found if one.sure and one.language in LANGUAGES] == []
    assert sum(one.language == language for one in found) >= 0.9 * len(found)


def test_codes_names_and_brands_are_of_no_language() -> None:
    assert [text for text in lines("unclear") if guess(text).sure] == []


@given(st.text(max_size=400), st.text(max_size=8))
def test_any_text_and_locale_get_a_language(text: str, locale: str) -> None:
    found = tongues(text)
    assert sum(one.probability for one in found) <= 1 + 1e-6
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    assert isinstance(language_of(text, locale), str)


def test_a_norwegian_template_may_bear_either_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "reply.txt").write_text("English")
    (tmp_path / "reply.no.txt").write_text("Norsk")
    assert render(environment([tmp_path]), "reply.txt", {}, "nb") == "Norsk"
    (tmp_path / "reply.nb.txt").write_text("Bokmål")
    assert render(environment([tmp_path]), "reply.txt", {}, "nb") == "Bokmål"
    assert render(environment([tmp_path]), "reply.txt", {}, "da") == "English"
