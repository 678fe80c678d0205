"""The lowest threshold whose precision is proven: exact bounds, tested from strict to lax.

Fixed-sequence testing: candidates are tried in an order fixed beforehand, each at the full level, and the search stops at the
first that fails. The chance to recommend any threshold whose true precision is below the target then stays below 1 - confidence
without a further correction. A candidate with too few rows to prove anything is no test at all, so the order begins at the first
candidate that holds enough rows: how many rows lie above a threshold says nothing about how many of them are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil, log
from typing import TYPE_CHECKING, Any

from core.classify.evaluate import Judged
from core.model import NO_INTENT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TARGET = 0.95
CONFIDENCE = 0.95
CANDIDATES = tuple(round(0.99 - step / 100, 2) for step in range(40))  # 0.99 down to 0.60
OVERALL = "all intents"


@dataclass(frozen=True)
class Recommendation:
    """A threshold with its evidence; no threshold means: stay in suggest."""

    intent: str
    mode: str  # "act" or "suggest"
    threshold: float | None
    n: int
    right: int
    bound: float | None
    coverage: float
    reason: str


def lower_bound(right: int, n: int, confidence: float = CONFIDENCE) -> float:
    """Return the exact (Clopper-Pearson) one-sided lower bound on a share of `right` out of `n`."""
    from scipy.special import betaincinv  # the quantile of a beta distribution, without all of scipy.stats

    return float(betaincinv(right, n - right + 1, 1 - confidence)) if right else 0.0


def rows_needed(target: float = TARGET, confidence: float = CONFIDENCE) -> int:
    """Return how many rows, all right, prove the target: 59 for 95 % at 95 %."""
    return ceil(log(1 - confidence) / log(target))


def recommend(
    rows: Sequence[Judged],
    intent: str = OVERALL,
    *,
    target: float = TARGET,
    confidence: float = CONFIDENCE,
    candidates: Sequence[float] = CANDIDATES,
) -> Recommendation:
    """Return the lowest proven threshold for one intent's guesses (or for all). Rows must be held out from training."""
    import numpy as np

    guesses = [row for row in rows if row.guess != NO_INTENT and intent in {OVERALL, row.guess}]
    meant = [row for row in rows if row.intent != NO_INTENT and intent in {OVERALL, row.intent}]
    scores = np.array([row.confidence for row in guesses])
    right = np.array([row.right for row in guesses], bool)
    best: tuple[float, int, int, float] | None = None
    tried = (0, 0, 0.0)
    for threshold in _ordered(candidates, scores, rows_needed(target, confidence)):
        n, hits = _counted(scores, right, threshold)
        tried = (n, hits, lower_bound(hits, n, confidence))
        if tried[2] < target:
            break
        best = (threshold, *tried)
    return _said(intent, best, tried, len(guesses), len(meant), target, confidence)


def _ordered(candidates: Iterable[float], scores: NDArray[np.float64], needed: int) -> list[float]:
    """Strict to lax, beginning where a lone mistake would not yet end the search (if there are that many rows)."""
    enough = max(needed, min(3 * needed, len(scores) // 2))
    return [c for c in sorted(set(candidates), reverse=True) if int((scores >= c).sum()) >= enough]


def _counted(scores: NDArray[np.float64], right: NDArray[np.bool_], threshold: float) -> tuple[int, int]:
    above = scores >= threshold
    return int(above.sum()), int((above & right).sum())


def _said(
    intent: str,
    best: tuple[float, int, int, float] | None,
    tried: tuple[int, int, float],
    guesses: int,
    meant: int,
    target: float,
    confidence: float,
) -> Recommendation:
    if best:
        threshold, n, hits, bound = best
        reason = f"{hits} of {n} right: at least {bound:.1%} with {confidence:.0%} confidence"
        return Recommendation(intent, "act", threshold, n, hits, bound, n / max(meant, n), reason)
    n, hits, bound = tried
    if n == 0:
        needed = rows_needed(target, confidence)
        reason = f"too thin: {guesses} checked guesses, {needed} at high confidence are needed"
        return Recommendation(intent, "suggest", None, guesses, 0, None, 0.0, reason)
    reason = f"not proven: {hits} of {n} right is at least {bound:.1%} only, {target:.0%} is asked for"
    return Recommendation(intent, "suggest", None, n, hits, bound, 0.0, reason)


def run_thresholds(
    rows: Sequence[Judged],
    now: datetime,
    *,
    target: float = TARGET,
    confidence: float = CONFIDENCE,
    candidates: Sequence[float] = CANDIDATES,
) -> dict[str, Any]:
    """Return what the command prints as JSON: overall and per intent, with evidence and date."""
    settings = {"target": target, "confidence": confidence, "candidates": candidates}
    intents = sorted({row.intent for row in rows} | {row.guess for row in rows} - {NO_INTENT})
    found = [recommend(rows, name, **settings) for name in intents if name != NO_INTENT]  # type: ignore[arg-type]
    return {
        "date": now.date().isoformat(),
        "rows": len(rows),
        "target": target,
        "confidence": confidence,
        "overall": asdict(recommend(rows, **settings)),  # type: ignore[arg-type]
        "intents": [asdict(one) for one in found],
    }
