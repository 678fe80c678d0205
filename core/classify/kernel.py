"""Kernel ridge regression on text similarity, with every held-out score in closed form.

Leaving rows B out of a ridge regression changes their scores to `y_B - inverse(G_BB) a_B`, where G is the inverse of the
regularised kernel and a = G y. One factorisation thus gives leave-one-out and leave-intents-out scores without a second fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.classify.coverage import covered_apart

Matrix = NDArray[np.float32]
Index = NDArray[np.int64]
SHARPNESS = 1.5
RIDGE = 0.03
MEANING = 0.7  # of a similarity, where an embedding model says how alike the meanings are
GROUPS = 20  # of intents left out together: few at a time, so that what remains is as in earnest
FOLDS = 5  # of background rows
FEWEST = 3
CHUNK = 512


@dataclass(frozen=True)
class HeldOut:
    """Scores and nearest similarities (rows x classes; by words and, with an embedding model, by meaning) of rows that the
    scoring model has not seen, and which share of each row the intents' examples have (rows x intents)."""

    scores: Matrix
    nearest: tuple[Matrix, ...]
    covered: Matrix


@dataclass(frozen=True)
class Solved:
    """The fitted coefficients and the rows held out in three ways."""

    alpha: Matrix
    alone: HeldOut  # each example of an intent, left out alone
    strangers: HeldOut  # examples of intents left out altogether
    stranger_blocks: tuple[Index, ...]
    noise: HeldOut  # background rows, a fifth left out at a time
    noise_rows: Index


def capped(groups: list[list[str]], limit: int) -> list[list[str]]:
    """At most `limit` rows in all, the largest intents cut first; the factorisation is cubic in rows."""
    cap = max(map(len, groups))
    while sum(min(len(group), cap) for group in groups) > limit and cap > 1:
        cap = int(cap * 0.95)
    return [group[:cap] for group in groups]


def kernel(similarity: Matrix) -> Matrix:
    """Similarity (0 to 1) sharpened; products of words count, not only their sum."""
    result: Matrix = np.exp(SHARPNESS * (similarity - 1))
    return result


def together(similar: Sequence[Matrix]) -> Matrix:
    """Return one similarity from that by words and, where there is one, that by meaning."""
    return similar[0] if len(similar) == 1 else (1 - MEANING) * similar[0] + MEANING * similar[1]


def solve(rows: Any, labels: Index, classes: int, vectors: Matrix | None = None) -> Solved:
    """Fit rows sorted by class; the last class is the background. `vectors`: their meanings, of unit length."""
    starts = np.searchsorted(labels, np.arange(classes))
    inverse, alone_near = _gram(rows, starts, vectors)
    targets = np.eye(classes, dtype=np.float32)[labels]
    _invert(inverse)
    alpha = inverse @ targets
    inside = labels < classes - 1
    shares = covered_apart(rows, starts, labels)
    scores = (targets - alpha / inverse.diagonal()[:, None])[inside]
    alone = HeldOut(scores, tuple(near[inside] for near in alone_near), shares[inside])
    held = _Blocks(labels, targets, inverse, alpha, alone_near, shares)
    where, strangers = _strangers(held, classes - 1)
    blocks = _noise_blocks(labels, classes - 1)
    apart = [_apart(one[starts[-1] :]) for one in (rows, vectors) if one is not None]
    noise = _gather(
        [held.noise(block, [one[block - starts[-1]] for one in apart]) for block in blocks],
        classes,
        len(apart),
    )
    return Solved(alpha, alone, strangers, where, noise, np.concatenate([np.empty(0, np.int64), *blocks]))


def nearest_by_class(similarity: Matrix, starts: Index) -> Matrix:
    """Return the highest similarity to each class; columns sorted by class. An empty class counts as 0."""
    size = np.diff(np.append(starts, similarity.shape[1]))
    padded = np.concatenate([similarity, np.zeros((len(similarity), 1), np.float32)], axis=1)
    best = np.maximum.reduceat(padded, starts, axis=1)
    return np.where(size > 0, np.maximum(best, 0), 0).astype(np.float32)


@dataclass(frozen=True)
class _Blocks:
    labels: Index
    targets: Matrix
    inverse: Matrix
    alpha: Matrix
    near: tuple[Matrix, ...]  # of each row, the nearest other row of each class
    covered: Matrix  # of each row, which share the other rows of each intent have

    def strangers(self, block: Index, gone: Sequence[int]) -> HeldOut:
        """Return all rows of the classes in `gone`, scored by a model that knows none of them."""
        scores, shares = self._scores(block), self.covered[block]
        nearest = tuple(one[block] for one in self.near)
        scores[:, list(gone)] = -1
        for one in (*nearest, shares):
            one[:, list(gone)] = 0
        return HeldOut(scores, nearest, shares)

    def noise(self, block: Index, apart: Sequence[NDArray[np.float32]]) -> HeldOut:
        """Return background rows scored by a model without them; `apart`: their similarity to the background beyond the block."""
        nearest = tuple(one[block] for one in self.near)
        for one, beyond in zip(nearest, apart, strict=True):
            one[:, -1] = beyond
        return HeldOut(self._scores(block), nearest, self.covered[block])

    def _scores(self, block: Index) -> Matrix:
        left = self.inverse[np.ix_(block, block)]
        scores: Matrix = self.targets[block] - np.linalg.solve(left, self.alpha[block])
        return scores.astype(np.float32)


def _apart(background: Any) -> NDArray[np.float32]:
    """Return how near each background row comes to one of another fold."""
    if not background.shape[0]:
        return np.empty(0, np.float32)
    similarity = background @ background.T
    similarity = similarity if isinstance(similarity, np.ndarray) else similarity.toarray()
    fold = np.arange(len(similarity)) % FOLDS
    similarity[fold[:, None] == fold[None, :]] = 0
    best: NDArray[np.float32] = similarity.max(axis=1)
    return best


def _gram(rows: Any, starts: Index, vectors: Matrix | None) -> tuple[Matrix, tuple[Matrix, ...]]:
    """Return the regularised kernel, and each row's nearest other row of each class."""
    full = _similarities(rows)
    n = len(full)
    near = tuple(np.empty((n, len(starts)), np.float32) for one in (rows, vectors) if one is not None)
    for first in range(0, n, CHUNK):
        similar = [full[first : first + CHUNK].copy()]
        if vectors is not None:
            similar.append(vectors[first : first + CHUNK] @ vectors.T)
        full[first : first + CHUNK] = kernel(together(similar))
        for one, nearest in zip(similar, near, strict=True):
            one[np.arange(len(one)), np.arange(first, first + len(one))] = 0
            nearest[first : first + CHUNK] = nearest_by_class(one, starts)
    full[np.diag_indices(n)] += RIDGE
    return full, near


def _similarities(rows: Any) -> Matrix:
    """Return each row's similarity to each, one half of them computed."""
    n = rows.shape[0]
    full = np.empty((n, n), np.float32)
    for first in range(0, n, CHUNK):
        last = first + CHUNK
        found = (rows[first:last] @ rows[first:].T).toarray()
        full[first:last, first:] = found
        full[last:, first:last] = found[:, CHUNK:].T
    return full


def _invert(full: Matrix) -> None:
    """Invert a symmetric positive matrix in its own memory."""
    from scipy.linalg import lapack

    factor, bad = lapack.spotrf(full.T, lower=1, overwrite_a=1)
    inverse, worse = lapack.spotri(factor, lower=1, overwrite_c=1)
    if bad or worse:
        raise np.linalg.LinAlgError("the examples could not be told apart numerically")
    upper = inverse.T  # rows of the C-ordered matrix: its upper triangle is filled
    for first in range(0, len(upper), CHUNK):
        last = first + CHUNK
        full[first:last, first:] = upper[first:last, first:]
        square = full[first:last, first:last]
        square[:] = np.triu(square) + np.triu(square, 1).T
        full[last:, first:last] = full[first:last, last:].T


def _strangers(held: _Blocks, intents: int) -> tuple[tuple[Index, ...], HeldOut]:
    kinds = len(held.near)
    if intents < FEWEST:  # nothing would be left to mistake them for
        return (), _gather([], intents + 1, kinds)
    groups = [list(range(g, intents, GROUPS)) for g in range(min(GROUPS, intents))]
    blocks = [np.flatnonzero(np.isin(held.labels, group)) for group in groups]
    parts = [held.strangers(block, group) for block, group in zip(blocks, groups, strict=True)]
    return tuple(blocks), _gather(parts, intents + 1, kinds)


def _noise_blocks(labels: Index, background: int) -> list[Index]:
    rows = np.flatnonzero(labels == background)
    return [rows[fold::FOLDS] for fold in range(FOLDS) if len(rows[fold::FOLDS])]


def _gather(parts: Sequence[HeldOut], classes: int, kinds: int) -> HeldOut:
    none = np.empty((0, classes), np.float32)
    scores = np.concatenate([none, *(part.scores for part in parts)])
    nearest = tuple(np.concatenate([none, *(part.nearest[kind] for part in parts)]) for kind in range(kinds))
    return HeldOut(scores, nearest, np.concatenate([none[:, 1:], *(part.covered for part in parts)]))
