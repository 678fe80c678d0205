"""How far to trust the best score: what speaks for it, and the model that learns from held-out rows what that is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.classify.calibrate import Calibrator, fit_calibrator, proof, proven_floor
from core.classify.features import Weights, occurrences
from core.classify.kernel import HeldOut, Solved
from core.classify.share import LEARNED, Shares, shares

NEAR = 1 / 3  # of the messages of no intent, how many are about something that might have been one,
FIELD = 20  # with up to so many intents; with more of them less of the field is left outside
LINE = 5.0  # a background line, which we wrote, weighs at most as so many examples, which customers wrote
TRAPS = 0.05  # of the messages of no intent that are nothing like one, how many are traps
RIVALS = 3
EXPECTED = 3.0  # examples, as many of which the mean of all intents counts beside an intent's own
STEEP = 12.0
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """What messages are expected, and how the rows that stand for them were come by."""

    outside: float  # share of messages of no intent
    ours: float  # share of the examples that are the starter's
    traps: NDArray[np.bool_]  # which background lines are traps


def usual_of(alone: HeldOut, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what an example of each intent scores for it when left out, and which share of it the others have (2 x intents): an
    intent whose examples are all alike asks for more, and one with few examples for less."""
    rows, intents = np.arange(len(labels)), alone.scores.shape[1] - 1
    many = np.bincount(labels, minlength=intents) + EXPECTED
    owns = (alone.scores[rows, labels], alone.covered[rows, labels])
    means = [(np.bincount(labels, own, intents) + EXPECTED * own.mean()) / many for own in owns]
    usual: NDArray[np.float32] = np.array(means, np.float32)
    return usual


def trust_evidence(held: HeldOut, known: NDArray[np.float32], usual: NDArray[np.float32]) -> Array:
    """Return what speaks for the best intent, column by column; each rises with trust. `usual`: what `usual_of`
    returned."""
    rows = np.arange(len(held.scores))
    best = np.argmax(held.scores[:, :-1], axis=1)
    score, rivals = held.scores[rows, best], held.scores.copy()
    rivals[rows, best] = -1
    none = held.scores[:, -1]
    by_words, *by_meaning = (_apart(one, rows, best) for one in held.nearest)
    columns = (score, score - rivals.max(axis=1), score - none, *by_words, known)
    share, apart = _apart(held.covered, rows, best)
    unusual = (share - usual[1, best], apart, score - usual[0, best])
    return np.stack([*columns, *_crowd(score, rivals[:, :-1]), *unusual, *chain(*by_meaning)], axis=1).astype(
        float
    )


def _apart(values: NDArray[np.float32], rows: NDArray[np.int64], best: NDArray[np.int64]) -> tuple[Any, Any]:
    """Return the best intent's value, and how far it stands above the others'."""
    own, others = values[rows, best], values.copy()
    others[rows, best] = -1
    return own, own - others.max(axis=1)


def _crowd(score: NDArray[np.float32], rivals: NDArray[np.float32]) -> tuple[Any, Any]:
    """Return how far the best stands above the next few, and above all others together."""
    apart = score[:, None] - np.maximum(rivals, 0)  # what cannot be meant counts as 0, not as -1
    next_few = np.sort(apart, axis=1)[:, :RIVALS].mean(axis=1)
    return next_few, -np.log(np.exp(-STEEP * apart).sum(axis=1))


def trust(
    solved: Solved,
    labels: NDArray[np.int64],
    scale: Weights,
    words: Any,
    traffic: Traffic,
    usual: NDArray[np.float32],
) -> tuple[Calibrator, Calibrator, Shares]:
    """Return what the evidence is worth: for the best intent, and for the message belonging to any; and where the band
    begins by the share of messages of no intent."""
    inside = len(solved.alone.scores)
    parts = (
        (solved.alone, scale.known_share(words[:inside], 1)),
        (solved.strangers, _strangers_known(solved, scale, words)),
        (solved.noise, scale.known_share(words[solved.noise_rows])),
    )
    evidence = np.concatenate([trust_evidence(held, known, usual) for held, known in parts])
    mass = partial(_mass, solved, _usual(traffic.traps[solved.noise_rows - inside]))
    place, learned = np.arange(len(evidence)), mass(min(traffic.outside, LEARNED))
    right = np.zeros(len(evidence), bool)
    right[:inside] = np.argmax(solved.alone.scores[:, :-1], axis=1) == labels[:inside]
    found = fit_calibrator(evidence, right, learned)
    sure = found(evidence)
    strangers = (place >= inside) & (place < inside + len(solved.strangers.scores))
    asked = proof(traffic.ours)
    known = shares(
        traffic.outside,
        sure,
        mass,
        inside,
        lambda weight: proven_floor(sure, right, weight, strangers, asked),
    )
    floor = proven_floor(sure, right, mass(traffic.outside), strangers, asked)
    return replace(found, floor=floor), fit_calibrator(evidence, place < inside, learned), known


def _mass(solved: Solved, usual: Array, outside: float) -> Array:
    """Return the weight of each held-out row where this share of the messages is of no intent."""
    near = NEAR * min(1.0, FIELD / (solved.alone.scores.shape[1] - 1))
    rows = [len(held.scores) for held in (solved.alone, solved.strangers, solved.noise)]
    parts = (1 - outside, outside * near, outside * (1 - near))
    mass = [np.full(many, part / max(many, 1)) for many, part in zip(rows, parts, strict=True)]
    mass[-1] = np.minimum(mass[-1] * usual, LINE * mass[0][0])
    return np.concatenate(mass)


def _usual(traps: NDArray[np.bool_]) -> Array:
    """Return how often a message like each background line comes, on average 1: traps are few, however many of them
    we wrote."""
    usual = np.where(traps, TRAPS / (1 - TRAPS) * (~traps).sum() / max(traps.sum(), 1), 1.0)
    return usual / (usual.mean() if len(usual) else 1.0)


def _strangers_known(solved: Solved, scale: Weights, words: Any) -> NDArray[np.float32]:
    """Return what a model without these intents would know of their words."""
    shares = [scale.known_share(words[block], occurrences(words[block])) for block in solved.stranger_blocks]
    return np.concatenate([np.empty(0, np.float32), *shares])
