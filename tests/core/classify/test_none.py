"""A message of no intent has one form: `none_of_these`, with the best real intent's confidence, below `route`."""

from __future__ import annotations

import pytest

from core.classify.build import classifier_of
from core.classify.none import Known, among
from core.model import NO_INTENT, Guess, Prediction
from core.settings import Settings

KNOWN = {"order_status", "refund_request"}


@pytest.mark.parametrize(
    ("found", "confidence"),
    [
        (Prediction("invented", 0.99, (Guess("order_status", 0.3),)), 0.3),
        (Prediction("invented", 0.99, (Guess("other", 0.9),)), 0.0),
        (Prediction(NO_INTENT, 0.9, (Guess("refund_request", 0.95),)), 0.5999),
        (Prediction(NO_INTENT, 0.9), 0.0),
    ],
)
def test_a_guess_outside_the_list_is_none_of_these(found, confidence):
    told = among(found, KNOWN, 0.6)
    assert (told.intent, told.confidence) == (NO_INTENT, pytest.approx(confidence))
    assert all(one.intent in KNOWN for one in told.alternatives)


def test_a_known_guess_stays_as_it_is():
    found = Prediction("order_status", 0.9)
    assert among(found, KNOWN, 0.6) is found


def test_whatever_an_outside_service_invents():
    class Service:
        model = "http"

        def predict(self, text):
            return Prediction("invented", 1.0)

        def suspects(self, text):
            return ()

    assert Known(Service(), KNOWN, 0.6).predict("hello").intent == NO_INTENT


@pytest.mark.parametrize(
    "text", ["purple seventeen umbrella the quick moon", "4711", "", "Lovely weather today"]
)
def test_bands_follow_from_the_confidence_alone(classifier_cache, tmp_path, text):
    settings = Settings(path=tmp_path / "b.toml", classifier={"cache": str(classifier_cache)})
    found = classifier_of(settings).predict(text)
    assert found.intent == NO_INTENT
    assert found.confidence < settings.bands.route
    assert found.confidence == pytest.approx(max(one.confidence for one in found.alternatives), abs=0.6)


def test_what_weighed_most_are_words_that_say_something(classifier_cache, tmp_path):
    settings = Settings(path=tmp_path / "b.toml", classifier={"cache": str(classifier_cache)})
    for text in (
        "I want to return the shoes that I got from you",
        "there is a charge on my card that I did not make",
    ):
        said = {word for one in classifier_of(settings).predict(text).evidence for word in one.split()}
        assert said
        assert not said & {"i", "to", "the", "that", "on", "my", "a", "is", "you", "from"}
