"""Every topic of the safety net is caught in each of the twelve languages; a figure of speech is not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classify.safety import HERE, dangers, topics
from core.language import LANGUAGES

TEXTS = Path(__file__).parents[3] / "bench" / "data" / "safety"
NAMES = [topic.name for topic in topics()]


def texts_of(language: str) -> dict[str, list[str]]:
    return tomllib.loads((TEXTS / f"{language}.toml").read_text("utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nineteen_of_twenty_are_caught_and_near_misses_are_not(language):
    texts = texts_of(language)
    meant = [text for name in NAMES for text in texts[name]]
    assert sum(bool(dangers(text)) for text in meant) >= 0.95 * len(meant)
    false = [text for text in texts["ordinary"] if dangers(text)]
    assert len(false) <= 1, false


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_named_by_its_own_topic(language, name):
    named = [one.topic for text in texts_of(language)[name] for one in dangers(text)]
    assert named.count(name) >= 3, named


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_words_for_every_part(language):
    words = tomllib.loads((HERE / f"{language}.toml").read_text("utf-8"))
    assert set(words) == {part for topic in topics() for parts in topic.alternatives for part in parts}


@pytest.mark.parametrize(
    "text",
    [
        "this bug is killing me",
        "I'm dying to know when it ships",
        "how do I kill a process",
        "my wife is dead set on the blue one",
        "my son's tablet died last week",
        "the deadline has passed, can I still order",
        "the table arrived with a broken leg",
        "die Blüten sind verwelkt angekommen",
        "Je meurs d'envie de recevoir mon colis",
        "",
        "4711",
        "🙂",
    ],
)
def test_a_figure_of_speech_is_none(text):
    assert dangers(text) == ()


def test_the_words_that_say_so_are_named():
    (one,) = dangers("Where is my refund? I want to die. Thanks")
    assert (one.topic, one.words) == ("self_harm", ("want to die",))


def test_parts_of_different_sentences_do_not_add_up():
    assert dangers("My hands are full today. The burn rate report is wrong.") == ()


def test_the_end_of_a_very_long_message_is_read():
    assert dangers("All is well with the order. " * 5_000 + "I want to die.")


@given(st.text(max_size=400))
def test_it_never_raises(text):
    dangers(text)


@pytest.mark.parametrize(
    "text",
    [
        "My husband died, please close his account.",
        "hi, my mum's died and her bill still comes",
        "Meine Mutter ist gestorben.",
        "Annem vefat etti, hesabını kapatmak istiyorum.",
    ],
)
def test_a_death_goes_to_a_human(text):
    assert [one.topic for one in dangers(text)] == ["bereavement"]
