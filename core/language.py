"""The language a message is written in. Pure: a table of letters and short words, counted from support messages.

The probability is honest about short texts: what two languages may have said alike belongs to both. The table is made by
`bench/language_table.py`; docs/classifier.md compares it with other detectors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "tr")
"""What is answered and learned from out of the box. `nb` is Norwegian, whichever of its two names a desk uses."""

TABLE = Path(__file__).with_name("language.npz")
SURE = 0.95
ALIKE = {"da", "nb", "sv"}  # whoever is answered in the wrong one of them notices
SURER = 0.97
POSSIBLE = 0.05
EVEN = 0.5
READ = 2_000  # characters
WORD = 6  # letters of the longest word that is counted whole
PIECE = 4
PAST = 0.15  # how much one piece says beside its neighbours, with which it shares letters
_ALSO = {"no": "nb", "nn": "nb"}
_NO_WORDS = re.compile(r"\S*(?:@|://|www\.|\d)\S*")
_WORDS = re.compile(r"[^\W\d_]+")
_SCRIPTS = (  # letters that one language writes, in this order: Japanese writes Chinese ones too
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_RUSSIAN, _UKRAINIAN = re.compile("[ыэё]", re.IGNORECASE), re.compile("[іїєґ]", re.IGNORECASE)
SHARE = 0.2  # of a text's letters that are of one script


@dataclass(frozen=True)
class Tongue:
    """A language with the probability that a text is written in it; "" and 0 where nothing can be said."""

    language: str = ""
    probability: float = 0.0

    @property
    def sure(self) -> bool:
        """Whether one may act on it."""
        return self.probability >= (SURER if self.language in ALIKE else SURE)


def tag(locale: str) -> str:
    """Return the language of a locale ("de-AT", "pt_BR", "no") by its two letters."""
    name = locale.lower().replace("_", "-").partition("-")[0]
    return _ALSO.get(name, name)


def language_of(words: str, locale: str = "") -> str:
    """Return the language to answer in: the customer's locale, unless the words are surely in another; English when
    neither is known."""
    known, found = tag(locale), tongues(words)
    if any(one.language == known and one.probability >= POSSIBLE for one in found):
        return known
    return found[0].language if found and found[0].sure else known or "en"


def guess(text: str) -> Tongue:
    """Return the likeliest language."""
    return next(iter(tongues(text)), Tongue())


def tongues(text: str) -> tuple[Tongue, ...]:
    """Return the languages a text may be in, likeliest first; () where it has no word that says anything."""
    return _tongues(text[:READ])


@lru_cache(maxsize=32)  # a message is asked about from several places
def _tongues(text: str) -> tuple[Tongue, ...]:
    plain = _NO_WORDS.sub(" ", text)
    script = _script(plain)
    if script:
        return script
    import numpy as np

    table = _table()
    rows = [row for piece in dict.fromkeys(pieces(plain)) if (row := table.rows.get(piece)) is not None]
    if not rows:
        return ()
    scores = table.weights[rows].sum(axis=0) * (table.unit * PAST)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    best = np.argsort(-shares, kind="stable")
    return tuple(Tongue(table.languages[i], float(shares[i])) for i in best if shares[i] >= POSSIBLE / 10)


def _script(text: str) -> tuple[Tongue, ...]:
    """Return the language by its letters alone; () for Latin ones."""
    few = SHARE * sum(map(len, _WORDS.findall(text)))
    for language, letters in _SCRIPTS:
        if len(letters.findall(text)) > few:
            return (Tongue(language, SURER),)
    if len(_CYRILLIC.findall(text)) <= few:
        return ()
    if _UKRAINIAN.search(text):
        return (Tongue("uk", SURER),)
    return (Tongue("ru", SURER if _RUSSIAN.search(text) else EVEN),)


def pieces(text: str) -> list[str]:
    """Return what is counted of a text: up to four neighbouring letters of its words, and its short words whole."""
    found: list[str] = []
    for word in _WORDS.findall(text.lower()):
        padded = f"_{word}_"
        for size in range(1, PIECE + 1):
            found += [padded[i : i + size] for i in range(len(padded) - size + 1)]
        if len(word) <= WORD:
            found.append(f"={word}")
    return found


@dataclass(frozen=True)
class _Table:
    languages: tuple[str, ...]
    rows: dict[str, int]
    weights: Any  # piece x language, small whole numbers of `unit`
    unit: float


@cache
def _table() -> _Table:
    import numpy as np

    with np.load(TABLE, allow_pickle=False) as arrays:
        names = arrays["pieces"].tobytes().decode("utf-8").split("\n")
        languages = tuple(arrays["languages"].tobytes().decode("ascii").split())
        rows = {name: row for row, name in enumerate(names)}
        return _Table(languages, rows, arrays["weights"], float(arrays["unit"]))
