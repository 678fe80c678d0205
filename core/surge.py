"""Has an intent's rate jumped beyond what its own history explains? Pure.

Arrivals of one intent are counted by hour of the day, on working days and at weekends apart. The number that will come
within a window is then negative binomial: a Poisson count whose rate is known only as well as its history (the gamma
posterior), and which varies from day to day as it did before (Gelman et al., "Bayesian Data Analysis", 3rd ed., section 2.6).
A number that is less likely than `CHANCE` is a surge. How often that alarms falsely is measured by `bench/surge.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import exp, log
from zoneinfo import ZoneInfo

WINDOWS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=12))
LOOK_BACK = timedelta(days=28)
LEAST_DAYS = 14  # of history, before which nothing is said
CHANCE = 1e-5  # of one look at one window
CALM = 1e-2  # a surge is over when no window holds a number as unlikely as this
LEAST = 6  # tickets; fewer are no surge
SPREAD = 0.05  # the least variance of the rate from day to day, relative to its square
WEEKEND = 5  # the first weekday of it
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Slot = tuple[bool, int]  # at a weekend, hour of the day


@dataclass(frozen=True)
class Profile:
    """How often an intent comes: tickets by slot, days of each kind, and how much the rate varies beyond chance."""

    counts: dict[Slot, int]
    days: tuple[int, int]  # working days, days of weekends
    spread: float = SPREAD


@dataclass(frozen=True)
class Jump:
    """So many tickets within a window where `usual` are expected."""

    number: int
    usual: float
    window: timedelta


def profile(times: Iterable[datetime], start: datetime, end: datetime, zone: ZoneInfo) -> Profile | None:
    """Return what is usual by the arrivals between two times; None before there are enough days."""
    first, last = start.astimezone(zone).date() + DAY, end.astimezone(zone).date()  # whole days only
    days = [first + n * DAY for n in range((last - first).days)]
    if len(days) < LEAST_DAYS:
        return None
    local = [at.astimezone(zone) for at in times]
    cells = Counter((at.date(), at.hour) for at in local if first <= at.date() < last)
    counts: Counter[Slot] = Counter()
    for (day, hour), number in cells.items():
        counts[day.weekday() >= WEEKEND, hour] += number
    free = sum(day.weekday() >= WEEKEND for day in days)
    daily = Counter(at.date() for at in local)
    spread = max(
        _spread(daily[day] for day in days if (day.weekday() >= WEEKEND) is end) for end in (False, True)
    )
    return Profile(dict(counts), (len(days) - free, free), spread)


def jump(
    usual: Profile, times: Sequence[datetime], now: datetime, zone: ZoneInfo, chance: float = CHANCE
) -> Jump | None:
    """Return the shortest window up to now whose number is less likely than `chance`, None when all is as usual."""
    for window in WINDOWS:
        number = sum(now - window < at <= now for at in times)
        if number < LEAST:
            continue
        mean, shape = _expected(usual, now - window, now, zone)
        if number >= least(round(mean, 3), round(shape, 3), chance):
            return Jump(number, mean, window)
    return None


@lru_cache(maxsize=65_536)
def least(mean: float, shape: float, chance: float) -> int:
    """Return the smallest number that a negative binomial of this mean and shape reaches less often than `chance`."""
    share = shape / (shape + mean)
    term, number = exp(shape * log(share)), 0
    below = 0.0
    while 1 - below >= chance:
        below += term
        number += 1
        term *= (shape + number - 1) / number * (1 - share)
        if term < chance * 1e-6 and number > mean:
            break
    return number


def _expected(usual: Profile, start: datetime, end: datetime, zone: ZoneInfo) -> tuple[float, float]:
    """Mean and shape of the number between two times. An hour is as busy as itself or with its neighbours, whichever is
    busier: what begins at nine sharp begins so each day."""
    mean, known, at = 0.0, 0.0, start
    while at < end:
        local = at.astimezone(zone)
        until = min(
            end,
            at + HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond),
        )
        rate, seen = _rate(usual, local)
        mean, known, at = mean + rate * ((until - at) / HOUR), max(known, seen), until
    return max(mean, 1e-3), 1 / (1 / (known + 0.5) + usual.spread)


def _rate(usual: Profile, local: datetime) -> tuple[float, float]:
    """Return tickets an hour, and how many it is known by."""
    free = local.weekday() >= WEEKEND
    days = max(usual.days[free], 1)
    own = usual.counts.get((free, local.hour), 0)
    near = sum(usual.counts.get((free, (local.hour + n) % 24), 0) for n in (-1, 0, 1))
    return max((own + 0.5) / days, (near + 0.5) / (3 * days)), near


def _spread(numbers: Iterable[int]) -> float:
    """Return how much the rate varies beyond Poisson's chance, relative to its square, by the method of moments."""
    found = list(numbers)
    mean = sum(found) / len(found) if found else 0.0
    if not mean:
        return SPREAD
    variance = sum((one - mean) ** 2 for one in found) / max(len(found) - 1, 1)
    return min(max((variance - mean) / mean**2, SPREAD), 1.0)
