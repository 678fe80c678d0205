"""What the form of a mail shows of who wrote it, where no phrase does: a case number in subject and text, a table of names and
values, sentences that only report. Pure.

None of this is proof, and a person may write so, too: who asks for something, complains ("but", "still"), or speaks of their own things, is never meant, and
whatever is found here is looked at by a human like any other message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.mail import phrases
from core.mail.phrases import Language
from core.model import Evidence, Grade, MachineKind

LONGEST = 600  # characters; a notice is short
VALUE = 4  # words of a table's value; more may be a sentence of somebody's
STRAY = {"away": 1, "notices": 2}  # words of a clause that no list explains
_NUMBER = re.compile(r"[\[(#]\s*[^\s\])]{0,12}?(\d{2,})")
_ROW = re.compile(r"^\s*[^\W\d_][^:：\n]{0,24}\s?[:：]\s?(\S.*)$")
_CONTACT = re.compile(r"\S+@\S+|https?://|www\.|\+\d[\d ]{6,}")
_FILE = re.compile(r"^\s*[!-~]+\s*$")  # a word by itself: a file's name, a button
_NAME = re.compile(r"(?<![.!?]\s)\b([^\W\d_][\w'-]+) ([^\W\d_][\w'-]+)")
_END = re.compile(
    r"(?<=[^\d\s][.!?])\s+|(?<=[。！？、])|\n+|[,;]\s+|\s(?:and|und|et|y|e|en|och|og|ve|и|i|a|oraz)\s",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Shape:
    """A mail that no phrase explains as a whole. Subject and text are folded (see `phrases.fold`), `raw` is the text as written."""

    subject: str
    text: str
    raw: str
    languages: Sequence[Language]
    asks: bool  # somebody asks or demands something
    topic: bool  # it speaks of what customers write about


def by_shape(mail: Shape) -> Evidence | None:
    """Return what the form alone shows; None when it is a person's, as far as one can see."""
    if mail.asks or not mail.text.strip() or _any(mail, "yet"):
        return None
    if not _any(mail, "first"):
        if not mail.topic and _numbered(mail):
            return _likely(MachineKind.ACKNOWLEDGMENT, "its subject and its text name the same case number")
        if _table(mail.text):
            return _likely(MachineKind.AUTOMATIC, "it is a table of names and values")
        if _only(mail, "notices"):
            return _likely(MachineKind.AUTOMATIC, "it only reports what was done")
    if not mail.topic and _only(mail, "away"):
        return _likely(MachineKind.ABSENCE, "it only says who is away")
    return None


def _likely(kind: MachineKind, why: str) -> Evidence:
    return Evidence(Grade.LIKELY, kind, why)


def _any(mail: Shape, name: str) -> bool:
    return any(language.pattern(name).search(mail.text) for language in _spoken(mail))


def _spoken(mail: Shape) -> Sequence[Language]:
    """The languages that the text may be in: all, when its words show none."""
    return mail.languages if len(mail.languages) > 1 else tuple(phrases.languages().values())


def _numbered(mail: Shape) -> bool:
    found = _NUMBER.search(mail.subject)
    return found is not None and re.search(rf"(?<!\d){found[1]}(?!\d)", mail.text) is not None


def _table(text: str) -> bool:
    """Whether half of the lines are names with short values."""
    lines = [line for line in text.splitlines() if line.strip()]
    values = [found[1] for line in lines if (found := _ROW.match(line))]
    short = all(len(phrases.tokens(value)) <= VALUE for value in values)
    return len(values) > 1 and 2 * len(values) >= len(lines) and short


def _only(mail: Shape, name: str) -> bool:
    """Whether a list of the text's languages is found, and each clause has one of its phrases or next to nothing."""
    if len(mail.text) > LONGEST or not _any(mail, name):
        return False
    spoken = mail.languages[0]
    patterns = [language.pattern(name) for language in _spoken(mail)]
    beside = [one for language in _spoken(mail) if (one := language.table(MachineKind.ABSENCE)) is not None]
    patterns += [one.more for one in beside] if name == "away" else []
    clauses = zip(_END.split(mail.text), _END.split(mail.raw), strict=False)
    return all(
        any(pattern.search(clause) for pattern in patterns)
        or _CONTACT.search(clause)
        or _FILE.match(clause)
        or _ROW.match(clause)
        or _named(raw)
        or phrases.unexplained(clause, (), spoken)[1] <= STRAY[name]
        for clause, raw in clauses
    )


def _named(raw: str) -> bool:
    """Whether somebody is named with two names."""
    return any(first[0].isupper() and last[0].isupper() for first, last in _NAME.findall(raw))
