"""One message read in one pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.classify.build import embedded_of
from core.classify.linear import LinearClassifier
from core.model import Guess
from core.settings import Settings

TEXTS = (
    "where is my parcel",
    "Hi, I moved house. Where is my order? Somebody has hacked my account!\n\n- my card was charged twice",
    "mein Konto wurde gehackt. Where is my order?",
    "4711",
    "",
)


def parts(found):
    """Sums of many numbers differ in their last digits by how many texts are compared at once."""
    guesses = (Guess(found.intent, found.confidence), *found.alternatives, *found.suspects)
    bare = replace(found, confidence=0.0, alternatives=(), suspects=())
    return bare, [one.intent for one in guesses], [one.confidence for one in guesses]


@pytest.fixture(scope="module")
def classifier(classifier_cache, tmp_path_factory):
    place = tmp_path_factory.mktemp("examine") / "backstop.toml"
    return embedded_of(Settings(path=place, classifier={"cache": str(classifier_cache)}))


@pytest.mark.parametrize("words", TEXTS)
@pytest.mark.parametrize("everything", [TEXTS[1], "Mein Konto wurde gehackt.", ""])
def test_one_pass_finds_what_two_find(classifier, words, everything):
    found = classifier.examine(words, everything)
    alone = replace(classifier.predict(words), suspects=classifier.suspects(everything))
    bare, intents, odds = parts(found)
    assert (bare, intents) == parts(alone)[:2]
    assert odds == pytest.approx(parts(alone)[2], abs=1e-3)


def test_each_text_is_compared_once(classifier, monkeypatch):
    judged, compared = LinearClassifier._judge, []

    def counted(self, texts):
        compared.append((self.language, tuple(texts)))
        return judged(self, texts)

    monkeypatch.setattr(LinearClassifier, "_judge", counted)
    classifier.examine(TEXTS[1], TEXTS[1])
    assert len(compared) == 2  # what was learned, and the alarms
    assert all(len(set(texts)) == len(texts) for _, texts in compared)
