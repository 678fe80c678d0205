"""Words of one meaning: "hacked", "compromised" and "broken into" count as one, whichever of them the examples use.

A few dozen lines teach a language's grammar of complaints, not its vocabulary. So a language's file lists, for about ninety
concepts, the words that express them. An entry is a word (`visa`), its beginning (`hack*`), a part of compounds (`*konto*`,
or `*konto` at the end) or several words in a row (`not me`, each with its own `*`), separated by commas; marks over letters
are left out on both sides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

_WORDS = re.compile(r"\w+")
_MARKS = re.compile("[\u0300-\u036f]")  # over Latin, Greek and Cyrillic letters; other scripts need theirs
_SPELT = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe"})
KEPT = 8192  # words whose concepts are kept in memory
STEM = 3  # letters that are enough to look for a phrase
Index = dict[str, set[str]]


def folded(text: str) -> str:
    """Return the text without the marks over its letters, as many people type it."""
    if text.isascii():
        return text
    plain = _MARKS.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", plain).translate(_SPELT)


@dataclass(frozen=True)
class Lexicon:
    """The concepts of one language, by the form of their words."""

    whole: Index
    beginnings: Index
    inside: Index
    endings: Index
    phrases: dict[str, list[tuple[tuple[str, ...], str]]]

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        """The lengths that beginnings and endings have."""
        return tuple(sorted({*map(len, self.beginnings), *map(len, self.endings)}))

    @cached_property
    def _parts(self) -> tuple[int, ...]:
        """The lengths that parts of compounds have."""
        return tuple(sorted(set(map(len, self.inside))))

    @cached_property
    def _alone(self) -> Callable[[str], frozenset[str]]:
        """What a word expresses by itself: few words make up most of what is written."""
        return lru_cache(maxsize=KEPT)(self._of_word)

    def _of_word(self, word: str) -> frozenset[str]:
        found = set(self.whole.get(word, ()))
        for cut in self._ends:
            found.update(self.beginnings.get(word[:cut], ()), self.endings.get(word[-cut:], ()))
        for length in self._parts:
            for first in range(len(word) - length + 1):
                found.update(self.inside.get(word[first : first + length], ()))
        return frozenset(found)

    def concepts(self, text: str) -> list[str]:
        """Return the concepts that a text names, each once."""
        words = _WORDS.findall(folded(text.lower()))
        return list(dict.fromkeys(one for at in range(len(words)) for one in sorted(self.at(words, at))))

    def at(self, words: Sequence[str], at: int) -> dict[str, int]:
        """Return the concepts that the words from this place on express, with how many words it takes."""
        word = words[at]
        lengths = dict.fromkeys(self._alone(word), 1)
        for phrase, concept in self.phrases.get(word[:STEM], ()):
            said = words[at : at + len(phrase)]
            if len(said) == len(phrase) and all(map(_matches, phrase, said)):
                lengths[concept] = max(len(phrase), lengths.get(concept, 0))
        return lengths


def lexicon(table: Mapping[str, str]) -> Lexicon:
    """Read a language's concepts: their words by name."""
    found = Lexicon({}, {}, {}, {}, {})
    for concept, entries in table.items():
        for entry in filter(None, (folded(one.strip().lower()) for one in entries.split(","))):
            _enter(found, entry, concept)
    return found


def _enter(found: Lexicon, entry: str, concept: str) -> None:
    if " " in entry:
        words = tuple(entry.split())
        found.phrases.setdefault(words[0].strip("*")[:STEM], []).append((words, concept))
        return
    forms = {
        (False, False): found.whole,
        (False, True): found.beginnings,
        (True, True): found.inside,
        (True, False): found.endings,
    }
    forms[entry.startswith("*"), entry.endswith("*")].setdefault(entry.strip("*"), set()).add(concept)


def _matches(pattern: str, word: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern
