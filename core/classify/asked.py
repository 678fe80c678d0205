"""Whether a message asks at all: the automatic band is for what is a plain request, question or trouble of the writer's own.

Whoever tells of a sister's refund, of last year or of what might be uses the same words as one who asks. So evidence is wanted:
a question mark, a word of asking, wanting or trouble, an imperative, or a heading of a few words. What is negated is no evidence,
and what is imagined ("if the parcel got lost, would you …") asks for nothing now.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from core.classify.marked import Kinds, Marked, marked
from core.classify.turned import NOT, TOLD
from core.language import EVEN, LANGUAGES, Tongue, tongues

ASKS, BEGINS, POLITE, IF, UNREAL = "asks", "begins", "polite", "if", "unreal"
ENGLISH = "en"
LAST = {"tr"}  # languages that say "if" with the end of the verb, which stands last
HEADING = 5  # words that a heading may have
STATED = 0.1  # of an intent's examples ask for nothing: what it is about is usually stated ("two plates are chipped")
SHOWN = 100  # examples of an intent that are looked at for that
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+|;\s+|(?<=[?!…])(?=\w)")
_CLAUSE = re.compile(r"[,:()]|\s[-–—]+\s")


@dataclass(frozen=True)
class Speech:
    """What a message does with what it speaks of."""

    asks: bool = True
    plainly: bool = True  # it asks in a sentence that has no word of telling
    negates: bool = False
    imagines: bool = False


def speech(message: Marked) -> Speech:
    """Return what a message does."""
    sentences = [(_question(message, place), _clauses(message, place)) for place in message.parts(_SENTENCE)]
    imagined = [_imagined(clauses, anywhere=message.language in LAST) for _, clauses in sentences]
    asking = [
        clauses
        for (asked, clauses), no in zip(sentences, imagined, strict=True)
        if not no and _asks(clauses, asked)
    ]
    return Speech(
        bool(asking),
        any(not any(TOLD in word for word in chain(*clauses)) for clauses in asking),
        any(NOT in word for word in message.kinds),
        any(imagined),
    )


def read_speech(text: str, language: str = "") -> tuple[Marked, Speech]:
    """Return a message's words and what it does; by the language it is in where none is named, as a request where that one's
    words are not known."""
    known = language or _language(text)
    message = marked(text, known or ENGLISH)
    return message, speech(message) if known else Speech()


def stated(examples: Mapping[str, Sequence[str]], language: str) -> tuple[str, ...]:
    """Return the intents whose matter is usually stated rather than asked for, as their examples show, or may be."""
    return tuple(name for name, texts in sorted(examples.items()) if _stated(texts[:SHOWN], language))


def _stated(examples: Sequence[str], language: str) -> bool:
    known = language or _language("\n".join(examples))
    found = [speech(marked(one, known)) for one in examples if known]
    return sum(not (one.asks or one.negates) for one in found) > STATED * len(found) or not known


def _language(text: str) -> str:
    """Return the language that a text is in, English where it is hardly any; "" for one whose words are not known."""
    found = next(iter(tongues(text)), Tongue())
    if found.probability < EVEN:
        return ENGLISH
    return found.language if found.language in LANGUAGES else ""


def _question(message: Marked, place: slice) -> bool:
    """Return whether a question mark stands behind the words of this place, before the next ones."""
    after = message.starts[place.stop] if place.stop < len(message.starts) else len(message.plain)
    return "?" in message.plain[message.starts[place.start] : after]


def _clauses(message: Marked, place: slice) -> list[Sequence[Kinds]]:
    end = message.starts[place.stop - 1] + len(message.words[place.stop - 1])
    return [message.kinds[one] for one in message.parts(_CLAUSE, message.starts[place.start], end)]


def _asks(clauses: Sequence[Sequence[Kinds]], question: bool) -> bool:
    """Whether a sentence is a question, or asks in a clause that is not negated."""
    if question:
        return True
    affirmed = [clause for clause in clauses if not any(NOT in word for word in clause)]
    if len(affirmed) == len(clauses) and sum(map(len, clauses)) <= HEADING:
        return True
    return any(
        BEGINS in clause[0] or any(ASKS in word or POLITE in word for word in clause) for clause in affirmed
    )


def _imagined(clauses: Sequence[Sequence[Kinds]], *, anywhere: bool) -> bool:
    """An "if" at the beginning of a clause, or anywhere, and beside it a word of what is not so."""
    words = [(word, at == 0 or anywhere) for clause in clauses for at, word in enumerate(clause)]
    opens = next((at for at, (word, may) in enumerate(words) if may and IF in word), None)
    if opens is None or any(POLITE in word for word, _ in words):
        return False
    return any(UNREAL in word for at, (word, _) in enumerate(words) if at != opens)
