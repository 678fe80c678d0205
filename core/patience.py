"""Calls that wait as long as the desk asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from core.errors import TryLater

T = TypeVar("T")
PATIENCE = 20  # waits for a desk's rate limit in a row, before giving up
LONGEST_WAIT = timedelta(minutes=15)


def patiently(call: Callable[[], T], sleep: Callable[[float], None], *, first: bool = False) -> T:
    """Return the call's answer; the desk's own wait is kept. Raises TryLater when the desk never lets us, and at once when
    nothing answers the `first` call: the address is wrong rather than the desk busy."""
    for _ in range(PATIENCE):
        try:
            return call()
        except TryLater as err:
            if first and not err.status:
                raise
            sleep(min(err.wait, LONGEST_WAIT).total_seconds())
    return call()
