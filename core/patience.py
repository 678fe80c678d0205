"""Repeat calls after the wait that the desk asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from core.errors import TryLater

T = TypeVar("T")
PATIENCE = 20  # consecutive waits for a desk's rate limit before giving up
LONGEST_WAIT = timedelta(minutes=15)


def patiently(call: Callable[[], T], sleep: Callable[[float], None], *, first: bool = False) -> T:
    """Return the call's answer, after the waits that the desk asks for. Raises TryLater when they do not end,
    and at once when nothing answers the `first` call: then the address is wrong rather than the desk busy."""
    for _ in range(PATIENCE):
        try:
            return call()
        except TryLater as err:
            if first and not err.status:
                raise
            sleep(min(err.wait, LONGEST_WAIT).total_seconds())
    return call()
