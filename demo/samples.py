"""The messages of the story."""

from __future__ import annotations

import html
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parent / "samples.toml"


@dataclass(frozen=True)
class Sample:
    """One message: a new ticket, or a reply to the one that `follows` names. `means`: what should come of it."""

    id: str
    means: str
    name: str = ""
    email: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    follows: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """The plain part; of a mail that has none, what a help desk makes of its HTML."""
        if self.text:
            return self.text
        from inscriptis import get_text

        return str(get_text(self.html)).strip()

    @property
    def markup(self) -> str:
        """The HTML part, as mail programs send one beside the plain text."""
        return self.html or f"<div>{html.escape(self.text).replace(chr(10), '<br>')}</div>"


def samples(path: Path = FILE) -> list[Sample]:
    """Return all of them, in the order they arrive."""
    return [Sample(**one) for one in tomllib.loads(path.read_text(encoding="utf-8"))["messages"]]
