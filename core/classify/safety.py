"""The net under the classifier: messages that a human must always see, found by their words in twelve languages.

No confidence decides here and no setting switches it off: whoever writes of suicide, a lawyer or an injured child is never answered
automatically. `safety_words/topics.toml` says which parts make a topic, a file for each language the words of each part.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.classify.concepts import Lexicon, folded, lexicon
from core.language import LANGUAGES, tongues
from core.model import Danger

HERE = Path(__file__).with_name("safety_words")
NEAR = 12  # words between the first and the last part of a topic
POSSIBLE = 0.05  # a language this probable counts
ENGLISH = "en"  # is read in every message: much mail is written in two languages
READ = 60_000  # characters: of a longer message the beginning and the end
_BREAK = re.compile(r"[.!?…;]+(?:\s|$)|\n\s*\n|[。！？]")
_WORDS = re.compile(r"\w+")
_FIGURES = re.compile(r"\bdead (?=set|serious|sure|certain|keen|against|easy|right|wrong|good|tired)")  # very
_APART = re.compile(r"['’&-]")


@dataclass(frozen=True)
class Topic:
    """What always goes to a human. Each of the alternatives is a set of parts that stand near each other."""

    name: str
    title: str
    alternatives: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class _Found:
    """A part of a topic in a sentence: words `first` to `last`."""

    language: str
    part: str
    first: int
    last: int


def dangers(text: str) -> tuple[Danger, ...]:
    """Return the topics in a text that a human must see, each once, with the words that say so. Never raises."""
    half = READ // 2
    parts = [text] if len(text) <= READ else [text[:half], text[-half:]]
    found: dict[str, Danger] = {}
    possible: frozenset[str] | None = None
    for sentence in (one for part in parts for one in _BREAK.split(part)):
        words = _WORDS.findall(_FIGURES.sub("", folded(sentence.lower())))
        hits = list(_hits(words))
        if not hits:
            continue
        if possible is None:
            possible = _languages(text)
        for topic, said in _meant(hits, possible | _languages(sentence)):
            found.setdefault(topic.name, Danger(topic.name, topic.title, _quoted(words, said)))
    return tuple(found[topic.name] for topic in topics() if topic.name in found)


@cache
def topics() -> tuple[Topic, ...]:
    """Return all topics, the gravest first."""
    rows = tomllib.loads((HERE / "topics.toml").read_text("utf-8"))
    return tuple(
        Topic(name, row["title"], tuple(frozenset(one.split()) for one in row["any"]))
        for name, row in rows.items()
    )


@cache
def _lexicon() -> Lexicon:
    """Return all languages' words in one table, so that a message is read once."""
    return lexicon(
        {
            f"{language} {part}": _APART.sub(" ", words)
            for language in LANGUAGES
            for part, words in _parts(language)
        }
    )


def _parts(language: str) -> Iterable[tuple[str, str]]:
    rows: dict[str, str] = tomllib.loads((HERE / f"{language}.toml").read_text("utf-8"))
    return ((part, words.replace("\n", " ")) for part, words in rows.items())


def _hits(words: Sequence[str]) -> Iterator[_Found]:
    for at in range(len(words)):
        for name, length in _lexicon().at(words, at).items():
            language, _, part = name.partition(" ")
            yield _Found(language, part, at, at + length - 1)


def _languages(text: str) -> frozenset[str]:
    """Return the languages that a text may be written in; all where nobody can tell."""
    found = tongues(text)
    if not found:
        return frozenset(LANGUAGES)
    return frozenset({ENGLISH, *(one.language for one in found if one.probability >= POSSIBLE)})


def _meant(hits: Sequence[_Found], languages: frozenset[str]) -> Iterator[tuple[Topic, tuple[_Found, ...]]]:
    """The topics of one sentence, each with the words of its parts."""
    for language in sorted({one.language for one in hits} & languages):
        own = [one for one in hits if one.language == language]
        for topic in topics():
            said = next(filter(None, (_together(own, parts) for parts in topic.alternatives)), ())
            if said:
                yield topic, said


def _together(hits: Sequence[_Found], parts: frozenset[str]) -> tuple[_Found, ...]:
    """Return the first words that express all parts near each other; () where there are none."""
    wanted = [one for one in hits if one.part in parts]
    for place, begin in enumerate(wanted):
        near = [one for one in wanted[place:] if one.last - begin.first <= NEAR]
        if {one.part for one in near} == parts:
            return tuple(next(one for one in near if one.part == part) for part in sorted(parts))
    return ()


def _quoted(words: Sequence[str], said: Iterable[_Found]) -> tuple[str, ...]:
    places = sorted({(one.first, one.last) for one in said})
    return tuple(" ".join(words[first : last + 1]) for first, last in places)
