"""Words with one slip of the finger: an unknown word that is one edit from a known one counts as that one.

Known words are kept as 64-bit hashes alone, so that a model file holds no customer's words: a slip is undone by trying each edit of
the unknown word, not by looking among the known ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import mmh3
import numpy as np
from numpy.typing import NDArray

from core.classify.text import STANDS_FOR

SHORTEST = 4  # letters of a word that may be a slip
LONGEST = 20
SURE = 6  # letters from which on any edit is believed; in a shorter word only a swap, a doubled or a missing letter
KEPT = 4096  # unknown words whose correction is kept in memory
MOST = 6  # words of one message that are looked at, for the sake of time
ONE_LETTER_NEGATES = frozenset({"tr"})  # "açılıyor" opens, "açılmıyor" does not
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORD = re.compile(r"\b[^\W\d_]+\b")


@dataclass(frozen=True)
class Spelling:
    """The words that the examples know, hashed, the most frequent first."""

    known: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rank", {int(one): at for at, one in enumerate(self.known)})
        object.__setattr__(self, "_mended", lru_cache(maxsize=KEPT)(self._nearest))

    def corrected(self, text: str) -> str:
        """Return the text with such words replaced."""
        left = MOST
        rank: dict[int, int] = self._rank  # type: ignore[attr-defined]

        def mended(match: re.Match[str]) -> str:
            nonlocal left
            word = match[0]
            if (
                not SHORTEST <= len(word) <= LONGEST
                or not left
                or mmh3.hash64(word)[0] in rank
                or word in STANDS_FOR
            ):
                return word
            left -= 1
            return self._mended(word)  # type: ignore[attr-defined, no-any-return]

        return _WORD.sub(mended, text) if rank else text

    def _nearest(self, word: str) -> str:
        """The most frequent known word that is one edit from an unknown one; itself where there is none."""
        rank: dict[int, int] = self._rank  # type: ignore[attr-defined]
        found = [(rank[place], one) for one in _edits(word) if (place := _hash(one)) in rank]
        return min(found)[1] if found else word


UNSPELT = Spelling(np.empty(0, np.int64))


def spelling(texts: Iterable[str], language: str) -> Spelling:
    """Return the words of the texts, hashed; none in a language where one letter is grammar."""
    if language in ONE_LETTER_NEGATES:
        return UNSPELT
    counted: dict[str, int] = {}
    for text in texts:
        for word in _WORD.findall(text):
            if len(word) >= SHORTEST and word not in STANDS_FOR:
                counted[word] = counted.get(word, 0) + 1
    ordered = sorted(counted, key=lambda word: (-counted[word], word))
    return Spelling(np.array([_hash(word) for word in ordered], np.int64))


def _hash(word: str) -> int:
    return mmh3.hash64(word)[0]


def _edits(word: str) -> Iterator[str]:
    """Every word of enough letters from which this one came by one slip."""
    splits = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    for head, tail in splits:
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in LETTERS:
            yield head + letter + tail
    if len(word) <= SHORTEST:
        return
    for head, tail in splits[:-1]:
        if len(word) >= SURE or head[-1:] == tail[0]:
            yield head + tail[1:]
        if len(word) >= SURE:
            for letter in LETTERS:
                yield head + letter + tail[1:]
