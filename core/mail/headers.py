"""Blocks of "From: … Sent: … To: … Subject: …" above an earlier or a forwarded mail, in any language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.mail.frames import frames, key

MOST_LINES = 24
_LABEL = re.compile(
    r"^[\s*_|\u2022]{0,4}([^\s:\uff1a\d<>@][^:\uff1a<>@\d]{0,28}?)[\s*_]{0,3}[:\uff1a][\s*_]*(.*)$"
)
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.h]\s?\d{2}(?!\d)")
_DIGIT = re.compile(r"\d")
_RULE = re.compile(r"^[\s*]*[-_=\u2010-\u2015\u2500]{3,}(.*?)[-_=\u2010-\u2015\u2500]*[\s*:\uff1a]*$")
_DESK_LINE = re.compile(r"^\W{0,3}#{2}-.{0,200}-#{2}\W{0,3}$")
_MESSAGE_OF = re.compile(r"\b\d{1,2}/\d{1,2}/\d{2,4}\s+\d{1,2}:\d{2}")


@dataclass
class Block:
    """A header block; `length` in lines. `subjects`: the places of its subject lines."""

    length: int = 0
    values: dict[str, str] = field(default_factory=dict)
    subjects: list[int] = field(default_factory=list)

    @property
    def sure(self) -> bool:
        """Whether only a mail program writes this: who and when, to the minute or with an address. "From: Leeds,
        To: York" is a delivery, and "From: Rome, To: Oslo, Date: 3 May" a journey."""
        roles, when = set(self.values), self.values.get("date", "")
        if not {"from", "date"} <= roles or not {"to", "subject"} & roles:
            return False
        addressed = any(_ADDRESS.search(self.values.get(role, "")) for role in ("from", "to"))
        if addressed:
            return bool(_DIGIT.search(when)) or {"to", "subject"} <= roles
        return "subject" in roles and bool(_TIME.search(when))

    @property
    def addressed(self) -> bool:
        """Whether it names a sender's address and a subject or a recipient: enough inside a quotation."""
        sender = self.values.get("from", "")
        return bool(_ADDRESS.search(sender)) and bool({"to", "subject"} & set(self.values))


def header_block(lines: Sequence[str]) -> Block:
    """Return the block that the lines begin with; its length is 0 where they begin with none."""
    block, place, last = Block(), 0, ""
    while place < min(len(lines), MOST_LINES):
        label = _label(lines[place])
        if label is not None:
            roles, value = label
            last = next((role for role in sorted(roles) if role not in block.values), next(iter(roles)))
            _add(block, last, value, place)
            block.length = place + 1
        elif not _goes_on(lines, place, block, last):
            break
        place += 1
    return block


def rule_above(lines: Sequence[str]) -> int:
    """Return how many lines stand above a header block that belong to it: a ruled line, blanks, an orange
    "Message du …"; 0 where the lines begin with none."""
    if not lines or not (_RULE.match(lines[0]) or _MESSAGE_OF.search(lines[0])):
        return 0
    place = 1
    while place < min(len(lines), 3) and not lines[place]:
        place += 1
    return place


def is_original(line: str) -> bool:
    """Whether it is the ruled line above an earlier mail ("-----Original Message-----")."""
    return _says(line, frames().original)


def is_forwarded(line: str) -> bool:
    """Whether it is the line above a forwarded mail ("---------- Forwarded message ---------")."""
    return _says(line, frames().forwarded)


def is_reply_line(line: str) -> bool:
    """Return whether a help desk wrote it above its mail: what stands below it is not read as an answer."""
    return bool(_DESK_LINE.match(line)) or (
        bool(_RULE.match(line)) and bool(frames().reply_line.search(key(line)))
    )


def _says(line: str, wanted: frozenset[str]) -> bool:
    ruled = _RULE.match(line)
    if not ruled and not line.rstrip("* ").endswith((":", "\uff1a")):
        return False
    words = ruled.group(1) if ruled else line
    return key(words) in wanted


def _label(line: str) -> tuple[frozenset[str], str] | None:
    match = _LABEL.match(line)
    roles = frames().labels.get(key(match.group(1))) if match else None
    return (roles, match.group(2)) if roles and match else None


def _add(block: Block, role: str, value: str, place: int) -> None:
    block.values.setdefault(role, value)
    if role == "subject":
        block.subjects.append(place)


def _goes_on(lines: Sequence[str], place: int, block: Block, last: str) -> bool:
    """Whether a line without a label still belongs to the block: a value below its label, a list of recipients
    that goes on, or a blank line with a label after it."""
    if not block.length:
        return False
    line = lines[place]
    if not line:
        rest = [one for one in lines[place : place + 3] if one]
        label = _label(rest[0]) if rest else None
        return label is not None and not label[0] <= set(block.values)
    if not block.values[last]:
        block.values[last] = line
        block.length = place + 1
        return True
    if last in {"to", "cc", "from"} and (_ADDRESS.search(line) or lines[place - 1].endswith((",", ";", "<"))):
        block.length = place + 1
        return True
    return False
