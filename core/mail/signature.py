"""Signatures, sign-offs, "Sent from my phone" and legal notices around what is said.

Only lines that look like a contact block go; a sentence below a sign-off or a line of dashes is the customer's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from core.mail.frames import frames, key

NAME_WORDS = 4
LINE_WORDS = 9
CLOSING_WORDS = 7
SENT_WORDS = 14
_DELIMITER = re.compile(r"^(?:--|__|—|––)$")
_CONTACT = re.compile(
    r"https?://|www\.|[^\s@]+@[^\s@]+\.\w"
    r"|\b(?:tel|phone|mobile?|cell|fax|mob|t|m|f|тел|電話|电话|telefon|tél|handy|gsm|mobil)\b[.:]*\s*[+(\d]"
    r"|(?:\+|00|\()\d[\d ()./-]{6,}|^\d[\d ()./-]{7,}$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…。！？;]$")
_ABBREVIATION = re.compile(
    r"\b(?:ltd|inc|co|corp|gmbh|llc|jr|sr|dr|s\.a|s\.l|s\.r\.l|s\.p\.a|b\.v|z o\.o|s\.r\.o|a\.s)\.$",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"[,;:?!]\s+\S+\s+\S+\s+\S+")
_TWO_SENTENCES = re.compile(r"[.!]\s+[^\W\d_]{2,}\s+\S+")
_LINK = re.compile(r"<?https?://\S+")
_WARNS = re.compile(
    r"^\W*(?:caution|warning|external|ext|attention|achtung|vorsicht|extern|notice|sicherheitshinweis|attenzione|atención|atenção|waarschuwing|uwaga|varning)\b",
    re.IGNORECASE,
)


def around(lines: Sequence[str]) -> dict[int, str]:
    """Return which of the lines are no words of the message, and why: place → reason."""
    found: dict[int, str] = {}
    for first, end in _paragraphs(lines):
        why = _why_no_paragraph(" ".join(lines[first:end]), top=first == 0)
        if why:
            found.update(dict.fromkeys(range(first, end), why))
    found.update({place: "mail program's line" for place, line in enumerate(lines) if is_sent_from(line)})
    for start in _starts(lines, found):
        end = _end_of_block(lines, start + 1, found)
        if end > start + 1 or not any(lines[end:]):
            why = "signature" if _DELIMITER.match(lines[start]) else "sign-off"
            found.update(dict.fromkeys(range(start, end), why))
    return found


def is_sent_from(line: str) -> bool:
    """Return whether it is a line like "Sent from my iPhone", in any language."""
    plain = key(_LINK.sub("", line))
    if not plain or len(plain.split()) > SENT_WORDS or _GOES_ON.search(_LINK.sub("", line)):
        return False
    sent = frames().sent.search(plain)
    if not sent or not frames().device.search(plain):
        return False
    return (
        sent.start() == 0
        or sent.end() == len(plain)
        or (len(plain.split()) <= LINE_WORDS and not _SENTENCE_END.search(line))
    )


def is_contact(line: str, *, first: bool = False) -> bool:
    """Return whether the line looks like part of a contact block; the `first` must look like a name or a contact."""
    if _CONTACT.search(line) and len(line.split()) <= LINE_WORDS and not _says_something(line):
        return True
    if _SENTENCE_END.search(line) and not _ABBREVIATION.search(line):
        return False
    if first:
        return _is_name(line)
    titled = frames().title.match(key(line))
    return bool(titled and len(line.split()) <= LINE_WORDS) or _is_titled(line)


def _why_no_paragraph(text: str, *, top: bool) -> str:
    plain = key(text)
    if top and _WARNS.match(text) and frames().banner.search(plain):
        return "caution banner"
    if not top and frames().notice.search(plain) and "?" not in text:
        return "legal notice"
    return ""


def _says_something(line: str) -> bool:
    return "?" in line or bool(_TWO_SENTENCES.search(line))


def _is_name(line: str) -> bool:
    words = line.strip(" ,*_-/").split()
    if not 0 < len(words) <= NAME_WORDS or any(c.isdigit() for c in line) or line.isupper():
        return False
    return _capital(words[0]) and all(_capital(word) or word.casefold() in frames().small for word in words)


def _is_titled(line: str, *, digits: bool = False) -> bool:
    """Words in capitals and small words only, as in titles and company names; `digits`: and numbers."""
    words = line.strip(" ,*_-/|").split()
    if not 0 < len(words) <= LINE_WORDS or line.isupper() or (not digits and any(c.isdigit() for c in line)):
        return False
    small = frames().small
    return all(_capital(w) or w.casefold() in small or not any(c.isalpha() for c in w) for w in words)


def _capital(word: str) -> bool:
    """Whether it begins with a capital. Scripts without capitals cannot tell a name from a sentence."""
    return next((c.isupper() for c in word if c.isalpha()), False)


def _starts(lines: Sequence[str], found: dict[int, str]) -> Iterator[int]:
    """Where a signature may begin: a line of two dashes, or a sign-off, with something said above it."""
    said = False
    for place, line in enumerate(lines):
        if said and place not in found and (_DELIMITER.match(line) or _is_closing(line)):
            yield place
        said = said or (bool(line) and place not in found)


def _is_closing(line: str) -> bool:
    return len(line.split()) <= CLOSING_WORDS and key(line) in frames().closing


def _end_of_block(lines: Sequence[str], place: int, found: dict[int, str]) -> int:
    """Where the contact block that begins at `place` ends: before the first line that does not look like one. A
    second sign-off, and what is no message anyway, belong to it."""
    first, end = True, place
    for here in range(place, len(lines)):
        line = lines[here]
        if not line:
            continue
        if here not in found and not _is_closing(line):
            if not is_contact(line, first=first):
                if first or not _is_place(line):
                    break
                continue  # an address, if a way to reach somebody follows; else it may be the customer's order
            first = False
        end = here + 1
    return end


def _is_place(line: str) -> bool:
    """Words in capitals with numbers: a street, a town, or an order."""
    return any(c.isdigit() for c in line) and _is_titled(line, digits=True)


def _paragraphs(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = 0
    for place in range(len(lines) + 1):
        if place == len(lines) or not lines[place]:
            if place > first:
                yield first, place
            first = place + 1
