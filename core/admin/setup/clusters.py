"""Wishes that no starter intent takes: the desk's tickets that are like each other, named by their commonest words. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.classify.alike import grouped
from core.classify.features import terms_of
from core.classify.masking import mask
from core.classify.starter import starter
from core.classify.text import STANDS_FOR
from core.language import LANGUAGES, guess

APART = 0.82  # mean distance between two groups, up to which they are one
LEAST = 5  # different texts: so many examples an intent needs
MOST = 40  # texts of a group that become its examples
GROUPS = 8
COMMON = 0.4  # share of a group's texts that have the word it is named by
USUAL = 0.3  # share of the starter's intents above which a word that they have in common is grammar
FORM = 0.7  # share of all tickets above which a word belongs to the form that they came by
LETTERS = 4


@dataclass(frozen=True)
class Cluster:
    """Tickets about one thing. `lines`: what their customers wrote, each once, without addresses and numbers."""

    name: str
    tickets: tuple[str, ...]
    lines: tuple[str, ...]


def clusters(texts: Mapping[str, str], rest: Iterable[str] = (), known: Iterable[str] = ()) -> list[Cluster]:
    """Return groups of alike texts, the largest first; what has no word in common that says what it is about is none. `texts`:
    ticket → what its customer wrote; `rest`: what customers wrote in all other tickets; `known`: names that are taken."""
    everything = [*texts.values(), *rest]
    form = {word for word, share in _shares(everything).items() if share >= FORM}
    bare = {one: " ".join(word for word in terms_of(text) if word not in form) for one, text in texts.items()}
    tickets = [one for one in texts if " " in bare[one]]
    if len(tickets) < LEAST:
        return []
    places = grouped([bare[one] for one in tickets], APART)
    taken, found = set(known), list[Cluster]()
    for place, _ in Counter(places).most_common():
        inside = [ticket for ticket, own in zip(tickets, places, strict=True) if own == place]
        lines = tuple(dict.fromkeys(mask(texts[one]) for one in inside))
        name = _name([bare[one] for one in inside], everything) if len(lines) >= LEAST else ""
        if name and len(found) < GROUPS:
            name = next(one for one in (name, *(f"{name}_{n}" for n in range(2, 100))) if one not in taken)
            taken.add(name)
            found.append(Cluster(name, tuple(inside), lines[:MOST]))
    return found


def _name(inside: Sequence[str], everything: Sequence[str]) -> str:
    """Return the two words of some meaning that most of the texts have and few of all, "" where there are none."""
    language = guess(" ".join(inside)[:2000]).language
    subjects = list(starter(language if language in LANGUAGES else "en").examples.values())
    grammar = Counter(word for lines in subjects for word in {w for line in lines for w in terms_of(line)})
    own, of_all = _shares(inside), _shares(everything)
    score = {
        word: share - of_all.get(word, 0.0)
        for word, share in own.items()
        if share >= COMMON and grammar[word] <= USUAL * len(subjects) and _is_word(word)
    }
    best = sorted(score, key=lambda word: (-score[word], grammar[word], word))[:2]
    return "_".join(filter(None, map(_plain, best)))


def _is_word(text: str) -> bool:
    return len(text) >= LETTERS and text.isalpha() and text not in STANDS_FOR


def _shares(texts: Sequence[str]) -> dict[str, float]:
    found = Counter(word for text in texts for word in terms_of(text))
    return {word: number / len(texts) for word, number in found.items()}


def _plain(word: str) -> str:
    """Return a word as a part of an intent's name, "" where none of its letters can stand there."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", word.casefold()))
