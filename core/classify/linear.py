"""The embedded classifier: similarity to the examples, and a second model that says how far to trust it.

A message's score for an intent is a weighted sum of its similarities to all examples (kernel ridge regression). How far to
trust the best score is learned from rows the scoring model has not seen: examples left out (mostly right), examples of intents
left out altogether, and background lines (always wrong). Weighed as live traffic would bring them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.classify.calibrate import Calibrator, fit_calibrator, proven_floor
from core.classify.features import Weights, clauses, counts, hashed, occurrences, terms_of, weights
from core.classify.kernel import SHARPNESS, HeldOut, Solved, kernel, nearest_by_class, solve
from core.classify.sentences import suspects
from core.model import NO_INTENT, Guess, Prediction

FORMAT = 3  # to be raised when a saved model would be read wrongly by newer code
OUTSIDE = 0.3
NEAR = 1 / 3  # of the messages of no intent, how many are about something that might have been one,
FIELD = 20  # with up to so many intents; with more of them less of the field is left outside
LINE = 5.0  # a background line, which we wrote, weighs at most as so many examples, which customers wrote
RIVALS = 3
STEEP = 12.0
ALTERNATIVES = 3
EVIDENCE = 5
BATCH = 256
EVEN = 0.5
MAX_ROWS = 16_000  # 1 GB while learning: the kernel is a square of rows
Array = NDArray[np.float64]


@dataclass(eq=False)
class LinearClassifier:
    """A fitted classifier; `predict` never raises on any text."""

    model: str
    intents: tuple[str, ...]
    weights: Weights
    rows: Any  # the examples, sorted by intent, background last
    starts: NDArray[np.int64]
    alpha: NDArray[np.float32]
    temperature: float
    right: Calibrator  # is the best intent the right one?
    inside: Calibrator  # does the message belong to any intent at all?

    def __post_init__(self) -> None:
        self._turned = self.rows.T.tocsr()

    def predict(self, text: str) -> Prediction:
        """The intent, its calibrated confidence, the runners-up and the words that weighed most."""
        return self.predict_many([text])[0]

    def suspects(self, text: str) -> tuple[Guess, ...]:
        """The intents that single sentences are about, best first."""
        return suspects(self.predict_many, text)

    def predict_many(self, texts: Sequence[str]) -> list[Prediction]:
        """`predict` for many texts at once."""
        found: list[Prediction] = []
        for first in range(0, len(texts), BATCH):
            found += self._batch(list(texts[first : first + BATCH]))
        return found

    def _batch(self, texts: list[str]) -> list[Prediction]:
        shares, right, nothing, sharp = self._judge(texts)
        seconds = self._requests_in_parts(texts)
        return [
            self._prediction(text, shares[i], float(right[i]), float(nothing[i]), sharp[i], seconds[i])
            for i, text in enumerate(texts)
        ]

    def _judge(self, texts: list[str]) -> tuple[Array, Array, Array, NDArray[np.float32]]:
        """For each text: the intents' shares, is the best right, is it none, the sharpened similarities."""
        blocks = counts(texts)
        similarity = (self.weights.transform(blocks) @ self._turned).toarray()
        sharp = kernel(similarity)
        held = HeldOut(sharp @ self.alpha, nearest_by_class(similarity, self.starts))
        known = self.weights.known_share(blocks[0])
        evidence = trust_evidence(held, known)
        right = np.where(known > 0, self.right(evidence), 0.0)
        nothing = np.where(known > 0, 1 - self.inside(evidence), 1.0)
        return softmax(held.scores, self.temperature), right, nothing, sharp

    def _requests_in_parts(self, texts: list[str]) -> list[dict[str, float]]:
        """For each text: the intents that single parts of it express clearly, and how clearly."""
        parts = [(i, part) for i, text in enumerate(texts) for part in clauses(text)]
        found: list[dict[str, float]] = [{} for _ in texts]
        if not parts:
            return found
        shares, right, _, _ = self._judge([part for _, part in parts])
        for row in np.flatnonzero(right > EVEN):
            intent, place = self.intents[int(np.argmax(shares[row, :-1]))], found[parts[row][0]]
            place[intent] = max(place.get(intent, 0.0), float(right[row]))
        return found

    def _prediction(
        self,
        text: str,
        shares: Array,
        right: float,
        nothing: float,
        sharp: NDArray[np.float32],
        parts: Mapping[str, float],
    ) -> Prediction:
        guesses = self._guesses(shares, right, parts)
        top = guesses[0]
        if nothing > top.confidence or right == 0:
            sure = min(nothing, 1 - top.confidence)
            return Prediction(NO_INTENT, sure, guesses[:ALTERNATIVES], self.model)
        words = self._words(text, self.intents.index(top.intent), sharp)
        return Prediction(top.intent, top.confidence, guesses[1 : ALTERNATIVES + 1], self.model, words)

    def _guesses(self, shares: Array, right: float, parts: Mapping[str, float]) -> tuple[Guess, ...]:
        """The likeliest intents, best first. What the best leaves over is divided as the scores are; where a part of the message
        clearly asks for something else, either may be meant, so the best loses and the other gains half of the part's trust."""
        best = int(np.argmax(shares[:-1]))
        rest = (1 - right) * shares / max(1 - shares[best], 1e-9)
        odds = {name: float(min(rest[i], right)) for i, name in enumerate(self.intents)}
        others = {name: trust / 2 for name, trust in parts.items() if name != self.intents[best]}
        odds |= {name: max(odds[name], half) for name, half in others.items()}
        odds[self.intents[best]] = right * (1 - max(others.values(), default=0.0))
        ordered = sorted(odds.items(), key=lambda item: -item[1])[: ALTERNATIVES + 1]
        return tuple(Guess(name, odd) for name, odd in ordered)

    def _words(self, text: str, best: int, sharp: NDArray[np.float32]) -> tuple[str, ...]:
        """The words that drew the message to its intent, heaviest first."""
        terms = terms_of(text)
        if not terms:
            return ()
        pull = SHARPNESS * sharp * self.alpha[:, best]
        columns = hashed([[term] for term in terms]).indices
        near: Array = self._turned[columns] @ pull
        weight = near * self.weights.idf[0][columns]
        top = [i for i in np.argsort(-weight, kind="stable") if weight[i] > 0]
        return _without_parts([terms[i] for i in top if len(terms[i]) > 1])


def fit(
    examples: Mapping[str, Sequence[str]],
    background: Sequence[str] = (),
    *,
    outside: float = OUTSIDE,
    max_rows: int = MAX_ROWS,
    model: str = "embedded",
) -> LinearClassifier:
    """Learn from examples by intent and lines that are none; `outside`: the expected share of such messages."""
    intents = tuple(sorted(name for name, texts in examples.items() if texts))
    if not intents:
        raise ValueError("there is no intent with examples: give at least one [intents.NAME] with examples")
    kept = _capped([list(dict.fromkeys(examples[name])) for name in intents], max_rows - len(background))
    texts = [text for group in kept for text in group] + list(background)
    labels = np.repeat(np.arange(len(intents) + 1), [*map(len, kept), len(background)])
    blocks = counts(texts)
    scale = weights(blocks, len(texts) - len(background))
    rows = scale.transform(blocks)
    solved = solve(rows, labels, len(intents) + 1)
    temperature = _temperature(solved.alone.scores, labels[: len(solved.alone.scores)])
    right, inside = _trust(solved, labels, scale, blocks[0], outside)
    name = f"{model}-{fingerprint(examples, background, outside)[:8]}"
    starts = np.searchsorted(labels, np.arange(len(intents) + 1))
    return LinearClassifier(name, intents, scale, rows, starts, solved.alpha, temperature, right, inside)


@cache
def _code() -> str:
    """The learning code's own hash: a cache made by other code is not used."""
    parts = ("text", "features", "kernel", "calibrate", "linear")
    return hashlib.sha256(
        b"".join(Path(__file__).with_name(f"{p}.py").read_bytes() for p in parts)
    ).hexdigest()


def fingerprint(examples: Mapping[str, Sequence[str]], background: Sequence[str], outside: float) -> str:
    """A hash of everything that decides what is learned: data, settings, version of the code."""
    ordered = {name: list(texts) for name, texts in sorted(examples.items())}
    content = json.dumps([_code(), ordered, list(background), outside], ensure_ascii=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def trust_evidence(held: HeldOut, known: NDArray[np.float32]) -> Array:
    """What speaks for the best intent, column by column; each rises with trust."""
    rows = np.arange(len(held.scores))
    best = np.argmax(held.scores[:, :-1], axis=1)
    score, near = held.scores[rows, best], held.nearest[rows, best]
    rivals, others = held.scores.copy(), held.nearest.copy()
    rivals[rows, best] = others[rows, best] = -1
    none = held.scores[:, -1]
    columns = (score, score - rivals.max(axis=1), score - none, near, near - others.max(axis=1), known)
    return np.stack([*columns, *_crowd(score, rivals[:, :-1])], axis=1).astype(float)


def _crowd(score: NDArray[np.float32], rivals: NDArray[np.float32]) -> tuple[Any, Any]:
    """How far the best stands above the next few, and above all others together."""
    apart = score[:, None] - np.maximum(rivals, 0)  # what cannot be meant counts as 0, not as -1
    next_few = np.sort(apart, axis=1)[:, :RIVALS].mean(axis=1)
    return next_few, -np.log(np.exp(-STEEP * apart).sum(axis=1))


def softmax(scores: NDArray[np.float32], temperature: float) -> Array:
    """Scores as shares of one."""
    scaled = scores.astype(float) * temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _capped(groups: list[list[str]], limit: int) -> list[list[str]]:
    """At most `limit` rows in all, the largest intents cut first; the factorisation is cubic in rows."""
    cap = max(map(len, groups))
    while sum(min(len(group), cap) for group in groups) > limit and cap > 1:
        cap = int(cap * 0.95)
    return [group[:cap] for group in groups]


def _temperature(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        shares = softmax(scores, float(np.exp(log_t)))
        return float(-np.log(np.maximum(shares[np.arange(len(labels)), labels], 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(0.0, 4.0), method="bounded").x))


def _trust(
    solved: Solved, labels: NDArray[np.int64], scale: Weights, words: Any, outside: float
) -> tuple[Calibrator, Calibrator]:
    inside = len(solved.alone.scores)
    near = NEAR * min(1.0, FIELD / (solved.alone.scores.shape[1] - 1))
    parts = (
        (solved.alone, scale.known_share(words[:inside], 1), 1 - outside),
        (solved.strangers, _strangers_known(solved, scale, words), outside * near),
        (solved.noise, scale.known_share(words[solved.noise_rows]), outside * (1 - near)),
    )
    evidence = np.concatenate([trust_evidence(held, share) for held, share, _ in parts])
    mass = np.concatenate([np.full(len(share), part / max(len(share), 1)) for _, share, part in parts])
    place = np.arange(len(evidence))
    mass = np.minimum(
        mass, np.where(place < len(evidence) - len(solved.noise.scores), np.inf, LINE * mass[0])
    )
    belongs = place < inside
    right = np.zeros(len(evidence), bool)
    right[:inside] = np.argmax(solved.alone.scores[:, :-1], axis=1) == labels[:inside]
    found = fit_calibrator(evidence, right, mass)
    strangers = (place >= inside) & (place < inside + len(solved.strangers.scores))
    floor = proven_floor(found(evidence), right, mass, strangers)
    return replace(found, floor=floor), fit_calibrator(evidence, belongs, mass)


def _strangers_known(solved: Solved, scale: Weights, words: Any) -> NDArray[np.float32]:
    """What a model without these intents would know of their words."""
    shares = [scale.known_share(words[block], occurrences(words[block])) for block in solved.stranger_blocks]
    return np.concatenate([np.empty(0, np.float32), *shares])


def _without_parts(terms: Sequence[str]) -> tuple[str, ...]:
    """The heaviest terms, leaving out words that a heavier pair already shows."""
    shown: list[str] = []
    for term in terms:
        if not any(set(term.split()) <= set(other.split()) for other in shown):
            shown.append(term)
    return tuple(shown[:EVIDENCE])
