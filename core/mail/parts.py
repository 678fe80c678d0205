"""What a mail is taken apart into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a part of a mail is."""

    NEW = "new"
    FORWARDED = "forwarded"
    QUOTED = "quoted"
    FRAME = "frame"  # attribution, header block, ruled line: written by the mail program
    SIGNATURE = "signature"


@dataclass(frozen=True)
class Part:
    """Consecutive lines of one kind; `why` they are not new words ("" when they are)."""

    kind: Kind
    why: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines as text."""
        return "\n".join(self.lines).strip()
