"""The words of a message with what each shows: that something is negated, told, imagined or asked for. Looked up once a message."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.classify.concepts import Lexicon, folded, lexicon

_WORDS = re.compile(r"\w+")
Kinds = dict[str, int]  # what the words from one place on show, with how many words that takes


@dataclass(frozen=True)
class Marked:
    """A message in small letters without marks over them, and its words."""

    language: str
    plain: str
    words: tuple[str, ...]
    kinds: tuple[Kinds, ...]
    starts: tuple[int, ...]

    def parts(self, between: re.Pattern[str], begin: int = 0, end: int | None = None) -> list[slice]:
        """Return the places of the words of each part of the text, or of its characters from `begin` to `end`."""
        last = len(self.plain) if end is None else end
        breaks = [one.span() for one in between.finditer(self.plain, begin, last)]
        bounds = zip([begin, *(b for _, b in breaks)], [*(a for a, _ in breaks), last], strict=True)
        places = (slice(bisect_left(self.starts, a), bisect_left(self.starts, b)) for a, b in bounds)
        return [one for one in places if one.start < one.stop]


def marked(text: str, language: str) -> Marked:
    """Return a message with what its words show in this language, one of those with a table."""
    plain = folded(text.lower()).replace("’", "'")
    found = list(_WORDS.finditer(plain))
    words = tuple(one.group() for one in found)
    known = _lexicon(language)
    kinds = tuple(known.at(words, at) for at in range(len(words)))
    return Marked(language, plain, words, kinds, tuple(one.start() for one in found))


@cache
def _lexicon(language: str) -> Lexicon:
    return lexicon(entries(language))


def entries(language: str) -> dict[str, str]:
    """Return the words of a language by what they show."""
    return {**_table("turned")[language], **_table("asked")[language]}


@cache
def _table(name: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text("utf-8"))
