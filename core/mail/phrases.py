"""The words of each language, one file per language in `phrases/`, and how much of a text they explain. Pure.

A language is one file `phrases/<code>.toml`; adding one needs no code. At its top stand `words` (function words, weekdays, months:
they say nothing by themselves), `asks` (what shows a question or a request that has no question mark, or that somebody
else lacks something), `topics` (what customers write about and absence notes do not), `banner` (how the warning begins that a
receiver's mail server puts above a mail), and for what is told by its form (`machine_shape`) `first` (somebody speaks of
themselves), `yet` (a complaint or a need), `away` (who is absent) and `notices` (what programs report). Then follows a table for each kind of message (`absence`,
`acknowledgment`, `bounce`, …) with up to three lists: `subject` (how a subject begins), `states` (what only that kind says) and
`more` (what such a message says beside it); `[thanks]` has `says` and `words`. `any.toml` belongs to all languages.

A phrase is a regular expression in lower case, with three conveniences: a space stands for any white space, `…` for up to
sixty characters of the same sentence, and `*` behind a letter for any ending of the word. Accents need not be right.
"""

from __future__ import annotations

import functools
import re
import threading
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "phrases"
LIMIT = 1_200  # characters of a text that are looked at
EVERYWHERE = "any"
# kinds whose subjects begin with a word and a colon
SHORT_HEADS = frozenset({"absence", "bounce", "receipt", "calendar"})
LIKELIEST = 3  # languages that are tried on a text
CLOSE = 0.4  # of the best one's words that another must share

_MARKS = re.compile("[\u0300-\u036f\u064b-\u0652\u200b-\u200f\u00ad\ufe0f]")
_ALIKE = str.maketrans("’‘`´“”„«»–—‐‑　、", '\'\'\'\'"""""---- ,')
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_THINGS = re.compile(r"\S+@\S+|(?:https?://|www\.)\S+|\S*\d\S*")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
_COMPILING = threading.Lock()  # one thread compiles; the others find the pattern in re's own cache
_HOLE = "\x00"
_GAP = r"((?:[^.!?\n。！？]|(?<=\d)\.|\.(?=\s?\d)){0,60}?)"  # a full stop beside a digit ends no sentence


@dataclass(frozen=True)
class Table:
    """One kind of message in one language. A pattern that never matches stands for an empty list."""

    states: re.Pattern[str]
    more: re.Pattern[str]


@dataclass(frozen=True)
class Language:
    """One file of `phrases/`; its patterns are compiled when they are first asked for."""

    code: str
    words: frozenset[str]
    # those of its words that are written without spaces between them, longest first
    unspaced: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False)

    def table(self, kind: str) -> Table | None:
        """The table of a kind of message; None when the file has none."""
        return _table(self.code, kind) if kind in self.raw else None

    def pattern(self, name: str) -> re.Pattern[str]:
        """`asks`, `topics`, `banner`, `first`, `yet`, `away` or `notices`."""
        return _listed(self.code, name)


def fold(text: str) -> str:
    """The form that phrases are looked for in: no case, no accents, plain quotes and dashes."""
    plain = unicodedata.normalize("NFKD", text.translate(_ALIKE).casefold())
    return re.sub(r"[^\S\n]+", " ", unicodedata.normalize("NFC", _MARKS.sub("", plain))).strip()


def tokens(folded: str) -> list[str]:
    """The words of a folded text, in order."""
    return _WORD.findall(folded)


@functools.cache
def languages() -> Mapping[str, Language]:
    """All languages that there is a file for, by code."""
    return {path.stem: _language(path) for path in sorted(HERE.glob("*.toml"))}


def likely_languages(folded: str) -> list[Language]:
    """Those that share the most words with the text, best first, then the table that belongs to all."""
    said = tokens(folded)
    scored = []
    for one in languages().values():
        common = sum(1 for token in said if token in one.words) + sum(1 for w in one.unspaced if w in folded)
        scored += [(common, one)] if common and one.code != EVERYWHERE else []
    most = max((common for common, _ in scored), default=0)
    best = sorted((pair for pair in scored if pair[0] >= most * CLOSE), key=lambda pair: -pair[0])[:LIKELIEST]
    return [*(one for _, one in best), languages()[EVERYWHERE]]


@functools.cache
def heads(kind: str) -> re.Pattern[str]:
    """How the subject of this kind of message begins, in any language: a mail program has its own."""
    end = r"(?=\s*(?:$|[:(\[]|-(?!\w)|re\b))" if kind in SHORT_HEADS else r"(?!\w)"
    lists = (one.raw.get(kind, {}).get("subject", ()) for one in languages().values())
    return _compiled((f"{one}{end}" for listed in lists for one in listed), bounded=False)


@functools.cache
def banners() -> re.Pattern[str]:
    """How a mail server's warning begins, in any language."""
    return _compiled(one for language in languages().values() for one in language.raw.get("banner", ()))


def unexplained(folded: str, patterns: Iterable[re.Pattern[str]], language: Language) -> tuple[float, int]:
    """What neither the phrases nor the language's words account for: the share of the text's letters (0 to 1), and how
    many words."""
    rest = _THINGS.sub(" ", folded)
    total = sum(map(len, tokens(rest)))
    for pattern in patterns:
        rest = pattern.sub(_gaps, rest)
    for word in language.unspaced:
        rest = rest.replace(word, " ")
    left = [token for token in tokens(rest) if token not in language.words]
    return (sum(map(len, left)) / total if total else 0.0), len(left)


def _gaps(found: re.Match[str]) -> str:
    """What stood in the gaps of a phrase: that is not explained by it."""
    return " ".join(["", *filter(None, found.groups()), ""]) or " "


@functools.cache
def thanks(code: str) -> tuple[re.Pattern[str], frozenset[str], tuple[str, ...]] | None:
    """What thanks in a language, and what else a mere thank-you is made of (twice: the unspaced words apart)."""
    raw = languages()[code].raw.get("thanks")
    if raw is None:
        return None
    words = frozenset(fold(raw["words"]).split())
    return _compiled(raw["says"]), words, _without_spaces(words)


def _language(path: Path) -> Language:
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    words = frozenset(fold(raw.get("words", "")).split())
    return Language(path.stem, words, _without_spaces(words), raw)


def _without_spaces(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted((word for word in words if _UNSPACED.search(word)), key=len, reverse=True))


@functools.cache
def _table(code: str, kind: str) -> Table:
    lists = languages()[code].raw[kind]
    return Table(states=_compiled(lists.get("states", ())), more=_compiled(lists.get("more", ())))


@functools.cache
def _listed(code: str, name: str) -> re.Pattern[str]:
    return _compiled(languages()[code].raw.get(name, ()))


def _compiled(phrases: Iterable[str], *, bounded: bool = True) -> re.Pattern[str]:
    """One pattern for any of the phrases; one that never matches when there are none. Raises ValueError."""
    parts = [_regex(one, bounded=bounded) for one in phrases]
    try:
        with _COMPILING:
            return re.compile("|".join(parts) if parts else r"(?!)")
    except re.error as err:
        raise ValueError(f"a phrase is no regular expression ({err}): {err.pattern!r}") from err


def _regex(phrase: str, *, bounded: bool) -> str:
    parts = re.findall(r"\\.|[^\\]+", phrase.replace("…", _HOLE))
    text = "".join(part if part.startswith("\\") else _fold_inside(part) for part in parts)
    text = re.sub(r"(?<=\w)(?<!\\\w)\*", r"\\w*", text)
    text = re.sub(r"(?<!\\)\((?!\?)", "(?:", text)  # what is captured is what stands in the gaps
    text = (
        text.replace(f"{_HOLE} ?(", f"{_HOLE}(").replace(f"{_HOLE}(", rf"{_GAP}(?<!\w)(").replace(_HOLE, _GAP)
    )
    text = text.replace(" ?", r"\s*").replace(" ", r"\s+")
    if not bounded or _UNSPACED.search(text):
        return f"(?:{text})"
    return rf"(?<!\w)(?:{text})(?!\w)"


def _fold_inside(part: str) -> str:
    """`fold` that keeps the spaces at the ends."""
    return fold(f"({part})")[1:-1]
