"""Starter intents that say the same as one of the file's own: the admin's goes first, or each would take half of the other's trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.classify.cache import load_or_fit
from core.classify.starter import URGENT, starter
from core.model import NO_INTENT, Prediction
from core.settings import Settings

LIKE = 0.5  # of an intent's own examples, from which share on it says the same as the starter's
SURE = 0.5  # how surely an example must be taken for the starter's intent


def stepping_back(settings: Settings, folder: Path) -> dict[str, str]:
    """Return the starter's intents that most examples of one of the file's are about, by name, with the file's intent; none that the
    file names itself, and none of the urgent ones."""
    begin = starter()
    named = begin.examples.keys()
    own = {name: one.examples for name, one in settings.intents.items() if name not in named and one.examples}
    if not own or not settings.classifier.starter:
        return {}
    model = load_or_fit(begin.examples, begin.background, folder)
    found = {name: _said_by(model.predict_many(lines), lines) for name, lines in own.items()}
    return {
        theirs: name
        for name, theirs in found.items()
        if theirs and theirs not in settings.intents and theirs not in URGENT
    }


def without(examples: Mapping[str, Sequence[str]], back: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the examples of the intents that do not step back."""
    return {name: tuple(lines) for name, lines in examples.items() if name not in back}


def _said_by(found: Sequence[Prediction], lines: Sequence[str]) -> str:
    """Return the intent that most of the lines are surely taken for; "" where there is none."""
    heard = Counter(one.intent for one in found if one.intent != NO_INTENT and one.confidence >= SURE)
    best, many = (heard.most_common(1) or [("", 0)])[0]
    return best if many > LIKE * len(lines) else ""
