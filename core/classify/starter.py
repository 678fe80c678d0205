"""The intents of general customer support that Backstop knows before anybody has taught it, in twelve languages."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from core.model import NO_INTENT, Priority

ENGLISH = "en"
HERE = Path(__file__).parent
STARTER, HELD_OUT = HERE / "starter", HERE / "heldout"
URGENT = ("billing_dispute", "account_compromise", "critical_bug", "human_request")
"""The kinds of message that must be seen in every language."""


@dataclass(frozen=True)
class StarterIntent:
    """One intent to begin with; a configuration may overrule everything but the name."""

    name: str
    priority: Priority
    description: str
    examples: tuple[str, ...]
    doubt: float = 1.0  # see IntentRule


@dataclass(frozen=True)
class Starter:
    """All starter intents, lines that belong to none, those of them that only look like one, and the words of one meaning."""

    intents: tuple[StarterIntent, ...]
    background: tuple[str, ...]  # the traps among them
    traps: frozenset[str] = frozenset()
    concepts: dict[str, str] = field(default_factory=dict)

    @property
    def examples(self) -> dict[str, tuple[str, ...]]:
        """Examples by intent, as `fit` wants them."""
        return {intent.name: intent.examples for intent in self.intents}


@cache
def known() -> dict[str, Any]:
    """Return the starter intents by name, without their examples, which take long to read."""
    found: dict[str, Any] = _read(STARTER / "intents.toml")
    return found


@cache
def starter(language: str = "en") -> Starter:
    """Return the starter set of a language. Raises FileNotFoundError for a language that has none."""
    lines = _read(STARTER / f"{language}.toml")
    intents = tuple(
        StarterIntent(
            name,
            Priority(row["priority"]),
            row["description"],
            tuple(lines["examples"][name]),
            row.get("doubt", 1.0),
        )
        for name, row in known().items()
    )
    traps = tuple(lines.get("traps", {}).get("lines", ()))
    return Starter(intents, (*lines["examples"][NO_INTENT], *traps), frozenset(traps), lines["concepts"])


def of_the_starter(texts: Sequence[str], background: int, language: str) -> tuple[float, list[bool]]:
    """Return which share of the examples among the texts are the starter's, and which of the last `background` ones are traps."""
    begin, inside = starter(language or ENGLISH), len(texts) - background
    known = {line for lines in begin.examples.values() for line in lines}
    share = sum(text in known for text in texts[:inside]) / max(inside, 1)
    return share, [line in begin.traps for line in texts[inside:]]


def held_out(language: str) -> dict[str, tuple[str, ...]]:
    """Return messages by intent that the starter set of a language is measured by; nothing is ever learned from them."""
    return {intent: tuple(lines) for intent, lines in _read(HELD_OUT / f"{language}.toml").items()}


def _read(path: Path) -> Any:
    return tomllib.loads(path.read_text("utf-8"))
