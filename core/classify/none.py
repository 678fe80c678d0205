"""A guess that is none of the intents we know, in one form whoever made it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from core.model import NO_INTENT, Guess, Prediction
from core.ports import Classifier

JUST_BELOW = 0.0001


def among(found: Prediction, known: Collection[str], route: float) -> Prediction:
    """Return the guess where it is one of the known intents; else `none_of_these`, as surely as the best real one and
    below `route`: bands follow from the confidence alone."""
    if found.intent in known:
        return found
    real = tuple(one for one in found.alternatives if one.intent in known)
    best = max((one.confidence for one in real), default=0.0)
    sure = max(min(best, route - JUST_BELOW), 0.0)
    return replace(found, intent=NO_INTENT, confidence=sure, alternatives=real, evidence=())


class Known:
    """A classifier whose guesses are kept to the known intents."""

    def __init__(self, inner: Classifier, known: Collection[str], route: float) -> None:
        self.inner, self.known, self.route, self.model = inner, frozenset(known), route, inner.model

    def predict(self, text: str) -> Prediction:
        """Return the inner classifier's guess, or `none_of_these`."""
        return among(self.inner.predict(text), self.known, self.route)

    def suspects(self, text: str) -> tuple[Guess, ...]:
        """Return what single sentences may be about."""
        return self.inner.suspects(text)

    def examine(self, words: str, everything: str) -> Prediction:
        """Return both, in one pass."""
        return among(self.inner.examine(words, everything), self.known, self.route)
