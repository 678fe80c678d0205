"""A mail as lines: what each says, how deep it is quoted, and what the mail program marked it as."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from core.mail.characters import clean

LINE_LIMIT = 2_000
_QUOTED = re.compile(r"^\s{0,3}(?:[>\uff1e]\s?)+")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")


class Mark(StrEnum):
    """What a mail program says by the structure of its HTML."""

    NONE = ""
    QUOTE = "quote"  # surely a quotation
    ATTRIBUTION = "attribution"  # "On Monday X wrote:"
    HISTORY = "history"  # everything below belongs to an earlier mail
    SIGNATURE = "signature"


@dataclass(frozen=True)
class Line:
    """One line without its quotation marks; `depth`: how many there were."""

    text: str
    depth: int = 0
    mark: Mark = Mark.NONE

    @property
    def blank(self) -> bool:
        """Whether nothing is said on it."""
        return not self.text


def lines_of(text: str) -> tuple[Line, ...]:
    """Return the lines of a plain text; ">" at their beginning is their depth."""
    return tuple(line_of(piece) for raw in clean(text).split("\n") for piece in _pieces(raw))


def line_of(raw: str) -> Line:
    """Return one line; runs of spaces become one."""
    quoted = _QUOTED.match(raw)
    rest = raw[quoted.end() :] if quoted else raw
    depth = sum(c in ">\uff1e" for c in quoted.group()) if quoted else 0
    return Line(_SPACES.sub(" ", rest).strip(), depth)


def deeper(line: Line, by: int, mark: Mark) -> Line:
    """Return the line as part of a quotation around it."""
    return replace(line, depth=line.depth + by, mark=mark or line.mark)


def _pieces(line: str) -> list[str]:
    """Break very long lines between words, so that no pattern meets a line without end."""
    pieces = []
    while len(line) > LINE_LIMIT:
        cut = line.rfind(" ", LINE_LIMIT // 2, LINE_LIMIT)
        cut = LINE_LIMIT if cut < 0 else cut
        pieces.append(line[:cut])
        line = line[cut:].lstrip(" ")
    return [*pieces, line]
