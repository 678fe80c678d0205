"""Wishes turned round: a message may say that it does *not* want what its words are about, or tell of it.

Similarity is blind to "not". So where a message has a word that negates, or that tells a wish as past, hypothetical, given up or
another person's, and the examples nearest to it have none, the guess is held back from the automatic band. Where the negation
stands beside the wish itself ("I do not want to cancel"), it is held back further: its intent would mislead the specialist, too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.classify.concepts import Lexicon, folded, lexicon

NOT, TOLD, NEVER, WISH, LONGER = "not", "told", "never", "wish", "longer"
BELOW = 0.84  # what a guess that is held back is worth at most: less than the automatic band
OPPOSITE = 0.55  # … where the wish itself is negated: less than the specialists' band
CONTRACTED = "t"  # what is left of "can't" in the words of an example
BEFORE = {"en": 3}  # words from a negation to the wish behind it; elsewhere 2
BEHIND = {
    "de": 3,
    "nl": 3,
    "sv": 3,
    "da": 3,
    "nb": 3,
    "fr": 2,
}  # words from a wish to a negation behind it; elsewhere 1
_WORDS = re.compile(r"\w+")
_CLAUSE = re.compile(
    r"[,.;:!?()\n]+|\b(?:and|but|because|und|aber|weil|et|mais|car|pero|porque|ma|mas|maar|men|ale|bo)\b"
)


@dataclass(frozen=True)
class Turn:
    """Words that may turn a wish round. An example takes the doubt away that has all words of one of `alike`; `most` is what
    the guess is worth otherwise."""

    said: str
    alike: tuple[tuple[str, ...], ...]
    most: float = BELOW


def turns(text: str, language: str) -> Iterator[Turn]:
    """Yield what may turn the wish of a text round, the plainest first."""
    plain = folded(text.lower()).replace("’", "'")
    for clause in _CLAUSE.split(plain):
        yield from _negated_wish(_WORDS.findall(clause), language)
    words = _WORDS.findall(plain)
    found = [
        (words[at : at + length], kind)
        for at in range(len(words))
        for kind, length in _markers(language).at(words, at).items()
    ]
    yield from (Turn(" ".join(said), (), OPPOSITE) for said, kind in found if kind == NEVER)
    for said, kind in found:
        if kind in {NOT, TOLD}:
            yield Turn(" ".join(said), _negations(language) if kind == NOT else (tuple(said),))


def _negated_wish(words: Sequence[str], language: str) -> Iterator[Turn]:
    """A negation beside a word of wishing, in one clause. "No longer" gives a thing up: that is a wish."""
    kinds = [_markers(language).at(words, at) for at in range(len(words))]
    if any(LONGER in one for one in kinds):
        return
    for at, here in enumerate(kinds):
        for other in range(
            max(0, at - BEFORE.get(language, 2)), min(len(words), at + BEHIND.get(language, 1) + 1)
        ):
            if WISH in here and NOT in kinds[other]:
                said = words[min(at, other) : max(at, other) + 1]
                yield Turn(" ".join(said), (), OPPOSITE)


@cache
def _markers(language: str) -> Lexicon:
    return lexicon(_table()[language])


@cache
def _negations(language: str) -> tuple[tuple[str, ...], ...]:
    """The words by one of which an example is known to be negated."""
    entries = (one.strip() for one in _table()[language][NOT].split(","))
    return (*((one.strip("*"),) for one in entries if " " not in one), (CONTRACTED,))


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("turned.toml").read_text("utf-8"))
