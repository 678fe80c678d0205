"""What must not be answered automatically does not reach the band, out of the box."""

from __future__ import annotations

from pathlib import Path

from core.classify.linear import LinearClassifier
from core.classify.starter import starter
from core.model import NO_INTENT, Priority

AUTO = 0.85
FILE = Path(__file__).parent / "never_automatic.txt"


def messages() -> list[str]:
    return [line for line in FILE.read_text("utf-8").splitlines() if line and not line.startswith("# ")]


def test_there_are_at_least_150_different_messages() -> None:
    assert len(set(messages())) >= 150


def test_no_message_that_needs_a_human_reaches_the_automatic_band(embedded: LinearClassifier) -> None:
    by_rule = {i.name for i in starter().intents if i.priority in {Priority.URGENT, Priority.HIGH}} | {
        NO_INTENT
    }
    found = [(text, embedded.predict(text)) for text in messages()]
    leaked = [
        (p.intent, round(p.confidence, 2), text)
        for text, p in found
        if p.confidence >= AUTO and p.intent not in by_rule
    ]
    assert leaked == []
