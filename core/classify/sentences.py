"""What single sentences of a message may be about: an alarm in the last of twenty is lost in a guess about the whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from core.model import NO_INTENT, Guess, Prediction

WORDS = 3  # fewer say too little by themselves
LETTERS = 8  # the same where a script writes no spaces
MOST = 400  # sentences of one message that are looked at
LONG = 400  # characters of a sentence that are looked at
FLOOR = 0.4  # a surer guess than about a whole message is asked for: with many sentences, some are guessed by chance
# words of a sentence that says little by itself ("I have tried it twice"), and its floor
SHORT, SURE = (6, 0.6)
_PARAGRAPH = re.compile(r"\n\s*\n")
_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each once, in order: lines are joined, since mail breaks them anywhere, and also
    taken singly, since lists have no full stops. Of a very long text, its beginning and its end."""
    found: dict[str, None] = {}
    for paragraph in _PARAGRAPH.split(text):
        for sentence in (
            *_END.split(" ".join(paragraph.split())),
            *_END.split(paragraph.replace("\n", ". \n")),
        ):
            said = " ".join(sentence.split())[:LONG]
            if said.count(" ") >= WORDS - 1 or (not said.isascii() and len(said) >= LETTERS):
                found.setdefault(said.removesuffix(".").strip())
    every = list(found)
    return every if len(every) <= MOST else [*every[: MOST // 2], *every[-MOST // 2 :]]


def suspects(predict: Callable[[Sequence[str]], Iterable[Prediction]], text: str) -> tuple[Guess, ...]:
    """Return the intents that single sentences are about, each as sure as the surest of them, best first."""
    asked = sentences(text)
    return among_sentences(asked, predict(asked))


def among_sentences(asked: Sequence[str], found: Iterable[Prediction]) -> tuple[Guess, ...]:
    """Return the same from what was made of each sentence."""
    surest: dict[str, float] = {}
    for sentence, one in zip(asked, found, strict=True):
        floor = SURE if sentence.isascii() and sentence.count(" ") < SHORT - 1 else FLOOR
        if one.intent != NO_INTENT and one.confidence >= floor:
            surest[one.intent] = max(one.confidence, surest.get(one.intent, 0.0))
    return tuple(sorted((Guess(*pair) for pair in surest.items()), key=lambda guess: -guess.confidence))
