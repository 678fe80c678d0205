"""The line above a quotation ("On 5 May 2026 at 9:12, Support <help@shop.example> wrote:"), in any language.

What mail programs write there has an address, a date and mostly a verb, and ends in a colon. A customer who retells what
somebody wrote ("On 3 March your agent wrote:") gives neither an address nor the minute.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import IntEnum

from core.mail.frames import frames, key

WRAPPED = 4  # lines over which mail programs break it
LONGEST = 400
_ADDRESS = re.compile(r"[<(\[]\s*(?:mailto:)?[^\s<>()\[\]@]+@[^\s<>()\[\]@]+\s*[>)\]]", re.IGNORECASE)
_BARE_ADDRESS = re.compile(r"[^\s<>()\[\]@,;:]+@[^\s<>()\[\]@,;:]+\.[^\s<>()\[\]@,;:]+")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}(?!\d)")
_TIME = re.compile(r"(?<!\d)(?:[01]?\d|2[0-3])\s?[:.h]\s?[0-5]\d(?!\d)")
_END = re.compile(r"[:\uff1a][\s*_]*$|\s-{2,}[\s*]*$")
_LABELLED = re.compile(r"^[^\s:]{1,20}[:\uff1a]\s|[:\uff1a]\s.*[:\uff1a]\s")  # a form, or a header block
_QUOTATION = re.compile(r"^[\"'\u201c\u201e\u201d\u00ab\u00bb\u2018\u300c]")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")


class Grade(IntEnum):
    """How surely a line is an attribution."""

    NONE = 0
    BEFORE_QUOTE = 1  # it is one if a quotation follows
    ALONE = 2  # it is one if it stands in a paragraph of its own
    SURE = 3  # whatever follows is an earlier mail


def attribution(lines: Sequence[str]) -> tuple[int, Grade]:
    """Return how many of the first lines form an attribution, and how surely; (0, NONE) when they do not."""
    for length in range(1, min(WRAPPED, len(lines)) + 1):
        part = lines[:length]
        if not part[-1]:
            break
        grade = _grade(_joined(part))
        if grade and not _begins_later(part):
            return length, grade
    return 0, Grade.NONE


def quotes_words(line: str) -> bool:
    """Whether the line opens with a quotation mark, as people put around what they retell."""
    return bool(_QUOTATION.match(line))


def _begins_later(part: Sequence[str]) -> bool:
    """Whether the first line is the customer's own, and the attribution is only what follows it."""
    if len(part) == 1 or not _grade(_joined(part[1:])):
        return False
    return not (_DATE.search(_digits(part[0])) and not _DATE.search(_digits(_joined(part[1:]))))


def _joined(part: Sequence[str]) -> str:
    text = " ".join(part)
    return re.sub(r"([<(\[])\s+", r"\1", text)


def _digits(text: str) -> str:
    """Digits of all scripts as 0 to 9; years and months of Chinese, Japanese and Korean dates as numbers alone."""
    plain = "".join(str(unicodedata.digit(c)) if c.isdigit() and c > "9" else c for c in text)
    return re.sub(r"\s?[年년]\s?", " ", plain)


def _grade(text: str) -> Grade:
    if len(text) > LONGEST or not _END.search(text) or _LABELLED.search(text):
        return Grade.NONE
    plain = _digits(text)
    address, date, time = _ADDRESS.search(plain), _DATE.search(plain), _TIME.search(plain)
    verb = frames().wrote.search(key(_ADDRESS.sub(" ", text)))
    dated = bool(date and time)
    if verb and _own(text, verb.group(), lower=True):
        return Grade.BEFORE_QUOTE if address or dated else Grade.NONE
    if (address and (date or verb)) or (dated and _BARE_ADDRESS.search(plain)):
        return Grade.SURE
    if dated and verb and not _own(text, verb.group(), lower=False):
        return Grade.ALONE
    return Grade.BEFORE_QUOTE if verb else Grade.NONE


def _own(text: str, verb: str, *, lower: bool) -> bool:
    """Whether words stand in it by which the sentence is the customer's own; `lower`: names in capitals do not count,
    but for the word that begins the sentence."""
    words = _WORD.findall(_ADDRESS.sub(" ", text))
    own = frames().own[verb]
    return any(
        word.casefold() in own and (not lower or word.islower() or word == "I" or place == 0)
        for place, word in enumerate(words)
    )
