"""How soon a desk may promise a human's answer: by what it has kept before. Pure.

Of n earlier cases that are exchangeable with the next one, a time that covers the smallest ⌈0.95·(n + 1)⌉ of their waits
covers the next wait with a probability of at least 95 %, whatever the waits' distribution: the quantile of split conformal
prediction (Angelopoulos and Bates, "A Gentle Introduction to Conformal Prediction", 2023, section 1.1, arXiv:2107.07511).
Desks change, so the same is asked of all the cases and of the newest alone: a team that has become slower promises
what it keeps now, and one that has become faster promises sooner once the slow cases are few.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import islice
from math import ceil

from core.hours import Hours, promise
from core.model import Priority
from core.sections import PromiseBounds

SHARE = 0.95  # of the cases
ENOUGH = 40  # cases from which on the history decides; the bound exists from 19 on
NEWEST = 80  # cases that must bear it by themselves
MOST = 300  # cases of one kind that are looked at
LOOK_BACK = timedelta(days=90)
_MINUTES, _DAY = (15, 30, 45, 60, 90, 120, 180, 240, 360, 480), 1440
STEPS = tuple(timedelta(minutes=n) for n in (*_MINUTES, *(_DAY * days for days in (1, 2, 3, 5, 7, 10))))
"""The times that are promised: whole days are business days, as in `core.hours.promise`."""


@dataclass(frozen=True)
class Wait:
    """One customer's wait for a human; `ended`: when an answer came, None while there is none."""

    since: datetime
    ended: datetime | None = None


ANY = PromiseBounds(least=STEPS[0], most=STEPS[-1])


@dataclass(frozen=True)
class Promised:
    """The time promised. `kept` of `cases` earlier ones would have been kept by it; `computed`: the history decided;
    `holds`: and bears it, which it does not where even the longest time allowed was not kept."""

    span: timedelta
    kept: int = 0
    cases: int = 0
    computed: bool = False
    holds: bool = False


def promised(
    waits: Iterable[Wait],
    configured: timedelta,
    bounds: PromiseBounds,
    *,
    now: datetime,
    priority: Priority,
    hours: Hours,
    is_open: bool | None = None,
) -> Promised:
    """Return the shortest time within the bounds that was kept often enough by cases that began as this one does, within
    business hours or outside (`is_open`: by default as at `now`); the configured one before there are enough, the longest where none was kept.

    `waits` come the newest first; no more of them are read than count. A case counts for a time that has passed by now: whoever still waits after it counts as broken.
    """
    is_open = hours.is_open(now) if is_open is None else is_open
    alike = (w for w in waits if w.since <= now and hours.is_open(w.since) == is_open)
    newest = sorted(islice(alike, MOST), key=lambda w: w.since)
    outcomes = lru_cache(partial(_outcomes, newest, now=now, priority=priority, hours=hours))
    spans = _candidates(bounds, now, priority, hours)
    if not spans:  # the bounds end the wrong way round today: eight hours may end after a business day
        said = outcomes(configured)
        return Promised(configured, sum(said), len(said))
    # the longer, the more are kept, and the fewer are over: the first that holds, or of which too few are over
    first = bisect_left(spans, True, key=lambda span: _few(outcomes(span)) or _holds(outcomes(span)))
    span = spans[min(first, len(spans) - 1)]
    computed = not _few(outcomes(span))
    said = outcomes(span) if computed else outcomes(configured)
    return Promised(
        span if computed else configured, sum(said), len(said), computed, computed and _holds(said)
    )


def needed(cases: int) -> int:
    """Return how many of so many cases must have been kept, so that the next one is kept with a probability of 95 %."""
    return ceil(SHARE * (cases + 1))


def short(span: timedelta) -> str:
    """`30m`, `1h 30m`, `2d`: as the configuration writes it."""
    parts = (("d", span.days), ("h", span.seconds // 3600), ("m", span.seconds % 3600 // 60))
    return " ".join(f"{n}{unit}" for unit, n in parts if n) or "0m"


def _few(outcomes: Sequence[bool]) -> bool:
    return len(outcomes) < ENOUGH


def _holds(outcomes: Sequence[bool]) -> bool:
    late = outcomes[-NEWEST:]
    return sum(outcomes) >= needed(len(outcomes)) and sum(late) >= needed(len(late))


def _outcomes(
    waits: Sequence[Wait], span: timedelta, *, now: datetime, priority: Priority, hours: Hours
) -> list[bool]:
    """Return whether a promise of `span` was kept, of each case in which its time has passed."""
    ends = ((w, _end(hours, w.since, span, priority)) for w in waits)
    return [w.ended is not None and w.ended <= end for w, end in ends if end <= now]


def _candidates(bounds: PromiseBounds, now: datetime, priority: Priority, hours: Hours) -> list[timedelta]:
    """Return the times that end between the bounds, by their ends: eight hours may be longer than a business day."""
    ends = {span: promise(hours, now, span, priority) for span in {*STEPS, bounds.least, bounds.most}}
    within = (span for span in ends if ends[bounds.least] <= ends[span] <= ends[bounds.most])
    return sorted(within, key=lambda span: (ends[span], span))


@lru_cache(maxsize=65_536)
def _end(hours: Hours, since: datetime, span: timedelta, priority: Priority) -> datetime:
    return promise(hours, since, span, priority)
