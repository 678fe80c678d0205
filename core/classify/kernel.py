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

Matrix = NDArray[np.float32]
Index = NDArray[np.int64]
SHARPNESS = 1.5
RIDGE = 0.03
GROUPS = 20  # of intents left out together: few at a time, so that what remains is as in earnest
FOLDS = 5  # of background rows
FEWEST = 3
CHUNK = 512


@dataclass(frozen=True)
class HeldOut:
    """Scores and nearest similarities (rows x classes) of rows that the scoring model has not seen."""

    scores: Matrix
    nearest: Matrix


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


def solve(rows: Any, labels: Index, classes: int) -> Solved:
    """Fit rows sorted by class; the last class is the background."""
    starts = np.searchsorted(labels, np.arange(classes))
    inverse, alone_near = _gram(rows, starts)
    targets = np.eye(classes, dtype=np.float32)[labels]
    _invert(inverse)
    alpha = inverse @ targets
    inside = labels < classes - 1
    alone = HeldOut((targets - alpha / inverse.diagonal()[:, None])[inside], alone_near[inside])
    held = _Blocks(rows, labels, targets, inverse, alpha, starts)
    where, strangers = _strangers(held, classes - 1)
    blocks = _noise_blocks(labels, classes - 1)
    noise = _gather([held.out(block, ()) for block in blocks], classes)
    return Solved(alpha, alone, strangers, where, noise, np.concatenate([np.empty(0, np.int64), *blocks]))


def nearest_by_class(similarity: Matrix, starts: Index) -> Matrix:
    """The highest similarity to each class; columns sorted by class. An empty class counts as 0."""
    size = np.diff(np.append(starts, similarity.shape[1]))
    padded = np.concatenate([similarity, np.zeros((len(similarity), 1), np.float32)], axis=1)
    best = np.maximum.reduceat(padded, starts, axis=1)
    return np.where(size > 0, np.maximum(best, 0), 0).astype(np.float32)


@dataclass(frozen=True)
class _Blocks:
    rows: Any
    labels: Index
    targets: Matrix
    inverse: Matrix
    alpha: Matrix
    starts: Index

    def out(self, block: Index, gone: Sequence[int]) -> HeldOut:
        """The block scored by a model without it, the intents in `gone` unknown."""
        left = self.inverse[np.ix_(block, block)]
        scores = self.targets[block] - np.linalg.solve(left, self.alpha[block])
        similarity = (self.rows[block] @ self.rows.T).toarray()
        similarity[:, block] = 0
        near = nearest_by_class(similarity, self.starts)
        scores[:, list(gone)] = -1
        return HeldOut(scores.astype(np.float32), near)


def _gram(rows: Any, starts: Index) -> tuple[Matrix, Matrix]:
    """The regularised kernel, and each row's nearest other row of each class."""
    n = rows.shape[0]
    full = np.empty((n, n), np.float32)
    near = np.empty((n, len(starts)), np.float32)
    turned = rows.T.tocsr()
    for first in range(0, n, CHUNK):
        similarity = (rows[first : first + CHUNK] @ turned).toarray()
        full[first : first + CHUNK] = kernel(similarity)
        similarity[np.arange(len(similarity)), np.arange(first, first + len(similarity))] = 0
        near[first : first + CHUNK] = nearest_by_class(similarity, starts)
    full[np.diag_indices(n)] += RIDGE
    return full, near


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
    if intents < FEWEST:  # nothing would be left to mistake them for
        return (), _gather([], intents + 1)
    groups = [list(range(g, intents, GROUPS)) for g in range(min(GROUPS, intents))]
    blocks = [np.flatnonzero(np.isin(held.labels, group)) for group in groups]
    parts = [held.out(block, group) for block, group in zip(blocks, groups, strict=True)]
    return tuple(blocks), _gather(parts, intents + 1)


def _noise_blocks(labels: Index, background: int) -> list[Index]:
    rows = np.flatnonzero(labels == background)
    return [rows[fold::FOLDS] for fold in range(FOLDS) if len(rows[fold::FOLDS])]


def _gather(parts: Sequence[HeldOut], classes: int) -> HeldOut:
    none = np.empty((0, classes), np.float32)
    scores = np.concatenate([none, *(part.scores for part in parts)])
    return HeldOut(scores, np.concatenate([none, *(part.nearest for part in parts)]))
