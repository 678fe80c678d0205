"""Wishes turned round: a message may say that it does *not* want what its words are about, or tell of it.

Similarity is blind to "not". So where a message has a word that negates, or that tells a wish as past, hypothetical, given up or
another person's, and the examples nearest to it have none, the guess is held back from the automatic band.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from core.classify.concepts import Lexicon, folded, lexicon

NOT, NEVER = "not", "never"
BELOW = 0.84  # what a guess that is held back is worth at most: less than the automatic band
CONTRACTED = "t"  # what is left of "can't" in the words of an example
_WORDS = re.compile(r"\w+")


def turns(text: str, language: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the words of a text that may turn its wish round, each with the words one of which an example must have to be as much
    turned as the text is."""
    words = _WORDS.findall(folded(text.lower()).replace("’", "'"))
    for at in range(len(words)):
        for kind, length in _markers(language).at(words, at).items():
            said = words[at : at + length]
            yield " ".join(said), _alike(kind, said, language)


def _alike(kind: str, said: Sequence[str], language: str) -> tuple[str, ...]:
    if kind == NEVER:
        return ()
    return _negations(language) if kind == NOT else (max(said, key=len),)


@cache
def _markers(language: str) -> Lexicon:
    return lexicon(_table()[language])


@cache
def _negations(language: str) -> tuple[str, ...]:
    """The words by which an example is known to be negated."""
    entries = (one.strip() for one in _table()[language][NOT].split(","))
    return (*(one.strip("*") for one in entries if " " not in one), CONTRACTED)


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("turned.toml").read_text("utf-8"))
