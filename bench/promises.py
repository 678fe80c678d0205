"""Whether computed promises hold: 200 synthetic desks that arrive, answer and drift in different ways.

    python bench/promises.py [--desks 200] [--days 90] [--every 4] [--seed 7]

Each desk has its own rate by day and night, its own law of waiting, its own opening hours, its share of tickets that are
never answered, and a drift: none, slow, a sudden change for the worse or the better, or a weekly rhythm. Tickets come one
by one; each is promised what the history says (read anew for each `--every`th), and then its real wait is compared. Counted are only
promises that the history decided. Exits 1 when less than 95 % of them were kept over all desks.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.hours import Hours, promise
from core.model import Priority
from core.promises import ANY, LOOK_BACK, MOST, Promised, Wait, promised
from core.reports.intervals import wilson

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
LAWS = ("exponential", "lognormal", "weibull", "two kinds", "shifts")
DRIFTS = ("none", "slower", "faster", "sudden worse", "sudden better", "weekly")
SPAN_NAMES = ((timedelta(hours=1), "≤ 1 h"), (timedelta(hours=8), "≤ 8 h"), (timedelta(days=30), "> 8 h"))


@dataclass(frozen=True)
class Desk:
    """How one desk behaves."""

    law: str
    drift: str
    rate: float  # tickets an hour by day
    night: float  # the share of that at night
    middle: float  # minutes, about the median wait
    spread: float
    never: float  # the share that nobody answers
    priority: Priority
    hours: Hours


@dataclass(frozen=True)
class Case:
    """One promise: by what it was decided, and whether it was kept."""

    at: datetime
    is_open: bool
    span: timedelta
    kept: bool
    configured_kept: bool
    computed: bool
    holds: bool


def desk(dice: random.Random) -> Desk:
    always = dice.random() < 0.4
    week = (
        {} if always else dict.fromkeys(WEEKDAYS, dice.choice(("09:00-17:00", "08:00-20:00", "10:00-16:00")))
    )
    return Desk(
        law=dice.choice(LAWS),
        drift=dice.choice(DRIFTS),
        rate=math.exp(dice.uniform(math.log(0.15), math.log(1.5))),
        night=dice.uniform(0.05, 0.8),
        middle=math.exp(dice.uniform(math.log(8), math.log(240))),
        spread=dice.uniform(0.4, 1.2),
        never=dice.choice((0, 0, 0.005, 0.02)),
        priority=dice.choice((Priority.URGENT, Priority.NORMAL)),
        hours=Hours.make("Europe/Berlin", week or None),
    )


def factor(one: Desk, share: float, at: datetime) -> float:
    """How much longer people wait at this point of the run."""
    return {
        "none": 1.0,
        "slower": 1 + share,
        "faster": 1.5 - share,
        "sudden worse": 1.0 if share < 0.6 else 1.8,
        "sudden better": 1.0 if share < 0.6 else 0.5,
        "weekly": 1 + 0.4 * math.sin(at.timetuple().tm_yday * 2 * math.pi / 7),
    }[one.drift]


def wait(one: Desk, dice: random.Random, at: datetime) -> float:
    """Minutes of work time until a human answers."""
    laws: dict[str, Callable[[], float]] = {
        "exponential": lambda: dice.expovariate(1.0),
        "lognormal": lambda: dice.lognormvariate(0, one.spread),
        "weibull": lambda: dice.weibullvariate(1, 1.6),
        "two kinds": lambda: dice.expovariate(1.0) * (6 if dice.random() < 0.1 else 1),
        "shifts": lambda: dice.lognormvariate(0, 0.5) * (3 if at.hour % 8 > 5 else 1),
    }
    return one.middle * laws[one.law]()


def arrivals(one: Desk, dice: random.Random, days: int) -> Iterator[datetime]:
    at, end = START, START + timedelta(days=days)
    while at < end:
        at += timedelta(hours=dice.expovariate(one.rate))
        if one.hours.is_open(at) or dice.random() < one.night:
            yield at


def run(one: Desk, dice: random.Random, days: int, every: int) -> Iterator[Case]:
    waits: list[Wait] = []
    configured = timedelta(hours=4)
    lately: dict[bool, tuple[int, Promised]] = {}
    for number, at in enumerate(arrivals(one, dice, days)):
        share = (at - START) / timedelta(days=days)
        minutes = timedelta(minutes=wait(one, dice, at) * factor(one, share, at))
        ended = promise(one.hours, at, minutes, one.priority) if dice.random() >= one.never else None
        group = one.hours.is_open(at)
        if group not in lately or number - lately[group][0] >= every:
            lately[group] = number, said_now(one, waits, at, configured)
        said = lately[group][1]
        kept = {
            span: ended is not None and ended <= promise(one.hours, at, span, one.priority)
            for span in (said.span, configured)
        }
        yield Case(at, group, said.span, kept[said.span], kept[configured], said.computed, said.holds)
        waits.append(Wait(at, ended))


def said_now(one: Desk, waits: list[Wait], at: datetime, configured: timedelta) -> Promised:
    """What the history says, as it was known at that time."""
    group = one.hours.is_open(at)
    alike = [w for w in waits if w.since > at - LOOK_BACK and one.hours.is_open(w.since) == group][-MOST:]
    known = [w if w.ended and w.ended <= at else Wait(w.since) for w in alike]
    return promised(known, configured, ANY, now=at, priority=one.priority, hours=one.hours)


def line(name: str, cases: list[Case]) -> str:
    kept, low, high = sum(one.kept for one in cases), *wilson(sum(one.kept for one in cases), len(cases))
    hours = sorted(one.span.total_seconds() / 3600 for one in cases)
    middle = hours[len(hours) // 2] if hours else 0
    share = kept / len(cases) if cases else 0
    return f"{name:24} {kept:7} of {len(cases):7}  {share:6.1%}  ({low:.1%} to {high:.1%})  median {middle:5.2f} h"


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--desks", type=int, default=200)
    ask.add_argument("--days", type=int, default=90)
    ask.add_argument("--every", type=int, default=4)
    ask.add_argument("--seed", type=int, default=7)
    args = ask.parse_args()
    groups: defaultdict[str, list[Case]] = defaultdict(list)
    shares, everything, configured = [], [], 0
    for number in range(args.desks):
        dice = random.Random(args.seed * 100_000 + number)  # a simulation
        one = desk(dice)
        cases = list(run(one, dice, args.days, args.every))
        configured += sum(not case.computed for case in cases)
        mine = [case for case in cases if case.computed]
        if not mine:
            continue
        everything += mine
        shares.append(sum(case.kept for case in mine) / len(mine))
        groups[f"law: {one.law}"] += mine
        groups[f"drift: {one.drift}"] += mine
        groups[f"clock: {'wall' if one.priority is Priority.URGENT else 'business'}"] += mine
        for case in mine:
            groups["hour: " + ("open" if case.is_open else "closed")].append(case)
            groups["promise: " + next(name for most, name in SPAN_NAMES if case.span <= most)].append(case)
    print(line("all", everything))
    for name in sorted(groups):
        print(line(name, groups[name]))
    shares.sort()
    mean = sum(shares) / len(shares)
    error = (sum((one - mean) ** 2 for one in shares) / len(shares) ** 2) ** 0.5
    print(
        f"desks {len(shares)}: mean of their shares {mean:.2%} (95 %: ±{1.96 * error:.2%}), worst tenth at most "
        f"{shares[len(shares) // 10]:.1%}, lowest {shares[0]:.1%}; {configured} promises as configured"
    )
    print(
        f"the configured four hours would have kept {sum(c.configured_kept for c in everything) / len(everything):.1%}"
    )
    return 0 if mean >= 0.95 and sum(c.kept for c in everything) >= 0.95 * len(everything) else 1


if __name__ == "__main__":
    sys.exit(main())
