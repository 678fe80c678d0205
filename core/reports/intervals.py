"""How sure a figure is: 95 % intervals for shares and medians, exact enough for ten tickets."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, sqrt

Z = 1.959963984540054  # the normal distribution's 97.5 % point
EXACT_UP_TO = 500  # above, the normal approximation of the binomial differs by less than one rank


def wilson(k: int, n: int) -> tuple[float, float]:
    """Wilson's score interval for k of n; (0, 1) when there is nothing to count."""
    if n == 0:
        return 0.0, 1.0
    share, spread = k / n, Z * Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, centre - half) if k else 0.0, min(1.0, centre + half) if k < n else 1.0


def median(ordered: Sequence[float]) -> float | None:
    """Return the median of sorted values; infinite values (still waiting) may be among them."""
    n = len(ordered)
    if n == 0:
        return None
    low, high = ordered[(n - 1) // 2], ordered[n // 2]
    return low if low == high else (low + high) / 2


def median_interval(ordered: Sequence[float]) -> tuple[float, float | None]:
    """Order-statistic interval for the median, no shape assumed: (0, None) below six values."""
    n = len(ordered)
    rank = _rank(n)
    return (0.0, None) if rank == 0 else (ordered[rank - 1], ordered[n - rank])


def _rank(n: int) -> int:
    """Return the largest r such that at most r-1 of n fair coins show heads with chance 2.5 % or less."""
    if n > EXACT_UP_TO:
        return int((n - Z * sqrt(n)) / 2)
    tail, rank = 0, 0
    while rank < n and (tail := tail + comb(n, rank)) <= 0.025 * 2**n:
        rank += 1
    return rank
