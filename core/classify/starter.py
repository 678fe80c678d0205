"""The intents of general customer support that Backstop knows before anybody has taught it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.model import Priority

HERE = Path(__file__).parent


@dataclass(frozen=True)
class StarterIntent:
    """One intent to begin with; a configuration may overrule everything but the name."""

    name: str
    priority: Priority
    description: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Starter:
    """All starter intents, and lines that belong to none."""

    intents: tuple[StarterIntent, ...]
    background: tuple[str, ...]

    @property
    def examples(self) -> dict[str, tuple[str, ...]]:
        """Examples by intent, as `fit` wants them."""
        return {intent.name: intent.examples for intent in self.intents}


@cache
def starter() -> Starter:
    """Read the starter set."""
    table = tomllib.loads((HERE / "starter.toml").read_text("utf-8"))["intents"]
    intents = tuple(
        StarterIntent(name, Priority(row["priority"]), row["description"], tuple(row["examples"]))
        for name, row in table.items()
    )
    lines = (HERE / "background.txt").read_text("utf-8").splitlines()
    return Starter(intents, tuple(line for line in lines if line.strip() and not line.startswith("# ")))
