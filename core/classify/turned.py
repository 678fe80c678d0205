"""Wishes turned round: a message may say that it does *not* want what its words are about, or tell of it.

Similarity is blind to "not". So where a message has a word that negates, or that tells a wish as past, hypothetical, given up or
another person's, and the examples nearest to it have none, the guess is held back from the automatic band. Where the negation
stands beside the wish itself ("I do not want to cancel"), where a sentence of its own denies what was said before ("It says I
cancelled. I didn't!"), or where two different words tell it as past or given up ("I wanted to …, but now I keep …"), it is held
back further: its intent would mislead the specialist, too.
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
DENIAL, DENIED, DOUBTED = "denial", "denied", "doubted"
BELOW = 0.84  # what a guess that is held back is worth at most: less than the automatic band
OPPOSITE = 0.55  # … where the wish itself is negated: less than the specialists' band
CONTRACTED = "t"  # what is left of "can't" in the words of an example
BEFORE = {"en": 3}  # words from a negation to the wish behind it; elsewhere 2
# words from a wish to a negation behind it; elsewhere 1
BEHIND = {"de": 3, "nl": 3, "sv": 3, "da": 3, "nb": 3, "fr": 2}
NEAR = 3  # words on either side of a negation that say what it negates
SHORTEST = 2  # words of a clause that denies; a sentence may do with one
_WORDS = re.compile(r"\w+")
_SENTENCE = re.compile(r"[.;:!?…\n]+|\s[-–—]+\s")
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
    anywhere: bool = False  # any example of the intent will do, not only those nearest


def turns(text: str, language: str, *, complaint: bool = False) -> Iterator[Turn]:
    """Yield what may turn the wish of a text round, the plainest first. `complaint`: it would be about something that went
    wrong, which is mostly told with a negation ("I did not make this payment"), so any negation in an example will do."""
    plain = folded(text.lower()).replace("’", "'")
    for clause in _CLAUSE.split(plain):
        yield from _negated_wish(_WORDS.findall(clause), language)
    if not complaint:
        yield from _denials(plain, language)
    words = _WORDS.findall(plain)
    found = [
        (words[at : at + length], kind)
        for at in range(len(words))
        for kind, length in _markers(language).at(words, at).items()
    ]
    yield from (Turn(" ".join(said), (), OPPOSITE) for said, kind in found if kind == NEVER)
    told = [said for said, kind in found if kind == TOLD]
    if told and any(said != told[0] for said in told):
        yield Turn(" ".join(told[0]), tuple(map(tuple, told)), OPPOSITE)
    for said in told:
        yield Turn(" ".join(said), (tuple(said),))
    if complaint:
        yield from (Turn(" ".join(said), _negations(language)) for said, kind in found if kind == NOT)
    else:
        yield from _unlike(plain, language)


def _negated_wish(words: Sequence[str], language: str) -> Iterator[Turn]:
    """A negation beside a word of wishing, in one clause. "No longer" gives a thing up: that is a wish where examples say so."""
    kinds = [_markers(language).at(words, at) for at in range(len(words))]
    if any(LONGER in one for one in kinds):
        if any(WISH in one for one in kinds):
            yield Turn(" ".join(words), _given_up(language), OPPOSITE, anywhere=True)
        return
    for at, here in enumerate(kinds):
        for other in range(
            max(0, at - BEFORE.get(language, 2)), min(len(words), at + BEHIND.get(language, 1) + 1)
        ):
            if WISH in here and NOT in kinds[other]:
                said = words[min(at, other) : max(at, other) + 1]
                yield Turn(" ".join(said), (), OPPOSITE)


def _unlike(plain: str, language: str) -> Iterator[Turn]:
    """A negation, which is no doubt only where an example negates the same: has it beside one of the words beside it here."""
    for clause in _CLAUSE.split(plain):
        words = _WORDS.findall(clause)
        for at in range(len(words)):
            length = _markers(language).at(words, at).get(NOT)
            if length is None:
                continue
            beside = [*words[max(0, at - NEAR) : at], *words[at + length : at + length + NEAR]]
            telling = [one for one in beside if not _denying(language).at([one], 0)] or beside
            pairs = tuple((one[0], other) for one in _negations(language) for other in telling)
            yield Turn(" ".join(words[at : at + length]), pairs or _negations(language))


def _denials(plain: str, language: str) -> Iterator[Turn]:
    """A sentence or clause that says nothing but that something is not so: "I have not", "Das stimmt nicht", "No way!"."""
    sentences = [_WORDS.findall(one) for one in _SENTENCE.split(plain)]
    clauses = [_WORDS.findall(one) for one in _CLAUSE.split(plain)]
    for words in [*sentences, *(one for one in clauses if len(one) >= SHORTEST)]:
        kinds = [_denying(language).at([word], 0).keys() for word in words]
        if not kinds or not all(kinds):
            continue
        if any(DENIED in one for one in kinds):
            yield Turn(" ".join(words), (), OPPOSITE)
        elif any(DOUBTED in one for one in kinds):
            yield Turn(" ".join(words), (), BELOW)


@cache
def _denying(language: str) -> Lexicon:
    """The words that a denial is made of."""
    return lexicon({kind: _table()[language][kind] for kind in (DENIAL, DENIED, DOUBTED)})


@cache
def _markers(language: str) -> Lexicon:
    return lexicon({kind: _table()[language][kind] for kind in (NOT, TOLD, NEVER, WISH, LONGER)})


@cache
def _negations(language: str) -> tuple[tuple[str, ...], ...]:
    """The words by one of which an example is known to be negated."""
    entries = (one.strip() for one in _table()[language][NOT].split(","))
    return (*((one.strip("*"),) for one in entries if " " not in one), (CONTRACTED,))


@cache
def _given_up(language: str) -> tuple[tuple[str, ...], ...]:
    """The words by which an example is known to give something up."""
    return tuple(tuple(one.split()) for one in _table()[language][LONGER].split(",") if "*" not in one)


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("turned.toml").read_text("utf-8"))
