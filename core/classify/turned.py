"""Wishes turned round: a message may say that it does *not* want what its words are about, or tell of it.

Similarity is blind to "not". So where a message has a word that negates, or that tells a wish as past, hypothetical, given up or
another person's, and the examples nearest to it have none, the guess is held back from the automatic band. Where the negation
stands beside the wish itself ("I do not want to cancel"), where a sentence of its own denies what was said before ("It says I
cancelled. I didn't!"), or where two different words tell it as past or given up ("I wanted to …, but now I keep …"), it is held
back further: its intent would mislead the specialist, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from core.classify.marked import Marked, entries

NOT, TOLD, NEVER, WISH, LONGER = "not", "told", "never", "wish", "longer"
DENIAL, DENIED, DOUBTED = "denial", "denied", "doubted"
DENYING = {DENIAL, DENIED, DOUBTED}  # what a denial is made of
BELOW = 0.84  # what a guess that is held back is worth at most: less than the automatic band
OPPOSITE = 0.55  # … where the wish itself is negated: less than the specialists' band
CONTRACTED = "t"  # what is left of "can't" in the words of an example
BEFORE = {"en": 3}  # words from a negation to the wish behind it; elsewhere 2
# words from a wish to a negation behind it; elsewhere 1
BEHIND = {"de": 3, "nl": 3, "sv": 3, "da": 3, "nb": 3, "fr": 2}
NEAR = 3  # words on either side of a negation that say what it negates
SHORTEST = 2  # words of a clause that denies; a sentence may do with one
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


def turns(message: Marked, *, complaint: bool = False) -> Iterator[Turn]:
    """Yield what may turn the wish of a message round, the plainest first. `complaint`: it would be about something that went
    wrong, which is mostly told with a negation ("I did not make this payment"), so any negation in an example will do."""
    clauses = message.parts(_CLAUSE)
    for clause in clauses:
        yield from _negated_wish(message, clause)
    if not complaint:
        yield from _denials(message, clauses)
    found = [
        (message.words[at : at + length], kind)
        for at, kinds in enumerate(message.kinds)
        for kind, length in kinds.items()
    ]
    yield from (Turn(" ".join(said), (), OPPOSITE) for said, kind in found if kind == NEVER)
    told = [said for said, kind in found if kind == TOLD]
    if told and any(said != told[0] for said in told):
        yield Turn(" ".join(told[0]), tuple(told), OPPOSITE)
    for said in told:
        yield Turn(" ".join(said), (said,))
    if complaint:
        alike = _negations(message.language)
        yield from (Turn(" ".join(said), alike) for said, kind in found if kind == NOT)
    else:
        yield from (turn for clause in clauses for turn in _unlike(message, clause))


def _negated_wish(message: Marked, clause: slice) -> Iterator[Turn]:
    """A negation beside a word of wishing, in one clause. "No longer" gives a thing up: that is a wish where examples say so."""
    words, kinds = message.words[clause], message.kinds[clause]
    if any(LONGER in one for one in kinds):
        if any(WISH in one for one in kinds):
            yield Turn(" ".join(words), _given_up(message.language), OPPOSITE, anywhere=True)
        return
    before, behind = BEFORE.get(message.language, 2), BEHIND.get(message.language, 1)
    for at in (at for at, here in enumerate(kinds) if WISH in here):
        for other in range(max(0, at - before), min(len(words), at + behind + 1)):
            if NOT in kinds[other]:
                yield Turn(" ".join(words[min(at, other) : max(at, other) + 1]), (), OPPOSITE)


def _unlike(message: Marked, clause: slice) -> Iterator[Turn]:
    """A negation, which is no doubt only where an example negates the same: has it beside one of the words beside it here."""
    words, kinds = message.words[clause], message.kinds[clause]
    for at, length in ((at, here[NOT]) for at, here in enumerate(kinds) if NOT in here):
        beside = [*range(max(0, at - NEAR), at), *range(at + length, min(len(words), at + length + NEAR))]
        telling = [words[one] for one in beside if not DENYING & kinds[one].keys()]
        negations = _negations(message.language)
        pairs = ((one[0], other) for one in negations for other in telling or [words[one] for one in beside])
        yield Turn(" ".join(words[at : at + length]), tuple(pairs) or negations)


def _denials(message: Marked, clauses: Sequence[slice]) -> Iterator[Turn]:
    """A sentence or clause that says nothing but that something is not so: "I have not", "Das stimmt nicht", "No way!"."""
    long = (one for one in clauses if one.stop - one.start >= SHORTEST)
    for place in (*message.parts(_SENTENCE), *long):
        kinds = message.kinds[place]
        if not all(DENYING & one.keys() for one in kinds):
            continue
        if any(DENIED in one for one in kinds):
            yield Turn(" ".join(message.words[place]), (), OPPOSITE)
        elif any(DOUBTED in one for one in kinds):
            yield Turn(" ".join(message.words[place]), (), BELOW)


@cache
def _negations(language: str) -> tuple[tuple[str, ...], ...]:
    """The words by one of which an example is known to be negated."""
    found = (one.strip() for one in entries(language)[NOT].split(","))
    return (*((one.strip("*"),) for one in found if " " not in one), (CONTRACTED,))


@cache
def _given_up(language: str) -> tuple[tuple[str, ...], ...]:
    """The words by which an example is known to give something up."""
    return tuple(tuple(one.split()) for one in entries(language)[LONGER].split(",") if "*" not in one)
