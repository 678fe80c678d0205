"""How many single messages one person is sent; further ones go into a digest. Pure.

What each channel can take is in its `Abilities`; pagers are machines and take anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

M, H = timedelta(minutes=1), timedelta(hours=1)
Limits = tuple[tuple[int, timedelta], ...]

LOOK_BACK = 3 * H
GATHER = M  # a digest waits so long for company
BETWEEN = 15 * M  # and comes at most so often


def too_many(limits: Limits, sent: Sequence[datetime], now: datetime) -> bool:
    """Return whether one more message to an address would be too many; `sent`: when the last ones went."""
    return any(sum(at > now - span for at in sent) >= most for most, span in limits)


def digest_at(digests: Sequence[datetime], now: datetime) -> datetime:
    """Return when the next digest to this address goes out: soon, but not one after the other."""
    return max([now + GATHER, *(at + BETWEEN for at in digests)])
