"""How many messages are of no intent: the automatic band begins where it is proven for that share.

Nobody knows the share of a desk at first, and labels of such tickets come late. But held-out rows show how sure the classifier
is of messages of an intent and of others, so the share can be read off what it makes of the desk's own tickets, labelled or not
(expectation maximisation: Saerens, Latinne and Decaestecker, 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SHARES = tuple(tenths / 10 for tenths in range(1, 10))
UNKNOWN = 0.6  # expected of a desk of which nothing is known
BEGINNING = 0.3  # … where the starter's lines are all there is: they ask more of a message than a desk's own
LEARNED = 0.3  # the share that the confidence itself is learned with; a greater one raises the floor of the band alone
LEAST = 0.05
PRIOR = 30  # tickets, as many of which the expectation weighs
MARGIN = 0.05  # by which near strangers, which look like messages of an intent, lower the estimate
BINS = 10
SMOOTH = 0.5  # rows that every bin has at least
ROUNDS = 100


@dataclass(frozen=True)
class Shares:
    """What a classifier knows of each share of messages of no intent."""

    start: float  # the share that is expected before any ticket was seen
    floors: Array  # for each of SHARES, the probability from which on the band is proven
    edges: Array  # of the bins of a probability
    inside: Array  # which share of the held-out messages of an intent lies in each bin
    outside: Array  # … and of the others

    def floor(self, share: float) -> float:
        """Return where the band begins at this share, or the next greater one that was tried."""
        return float(self.floors[min(int(np.searchsorted(SHARES, share - 1e-9)), len(SHARES) - 1)])

    def estimate(self, sure: Array, known: Sequence[bool | None]) -> float:
        """Return the share among tickets, from how sure the classifier is of each before any floor; `known`: whether a ticket
        is of no intent, where a person said so."""
        if not len(sure):
            return self.start
        at = np.searchsorted(self.edges, sure, side="right")
        said = np.array([np.nan if one is None else float(one) for one in known])
        share = self.start
        for _ in range(ROUNDS):
            none = share * self.outside[at] / (share * self.outside[at] + (1 - share) * self.inside[at])
            none = np.where(np.isnan(said), none, said)
            share = float((none.sum() + PRIOR * self.start) / (len(none) + PRIOR))
        return min(share + MARGIN, SHARES[-1])


def expected(ours: float) -> float:
    """Return the share to begin with, where this share of the examples is the starter's."""
    return UNKNOWN + ours * (BEGINNING - UNKNOWN)


def shares(
    start: float, sure: Array, mass: Callable[[float], Array], inside: int, floor: Callable[[Array], float]
) -> Shares:
    """Return what held-out rows teach, the first `inside` of which are of an intent. `mass`: the weight of each row at a share;
    `floor`: where the band begins with these weights."""
    edges = np.unique(np.quantile(sure, np.arange(1, BINS) / BINS))
    at, weight = np.searchsorted(edges, sure, side="right"), mass(LEARNED)
    parts = [_spread(at[part], weight[part], len(edges) + 1) for part in (slice(inside), slice(inside, None))]
    return Shares(start, np.array([floor(mass(one)) for one in SHARES]), edges, *parts)


def _spread(at: NDArray[np.int64], weight: Array, bins: int) -> Array:
    rows = len(at) * weight / max(weight.sum(), 1e-12)
    counted = np.bincount(at, rows, bins) + SMOOTH
    result: Array = counted / counted.sum()
    return result
