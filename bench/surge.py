"""How often a surge is alarmed of that is none, and how soon one that is.

    python bench/surge.py [--desks 100] [--jumps 200] [--seed 11]

Each synthetic desk has ten intents with rates of their own that follow the clock, are lower at weekends, vary from day to
day and drift over the quarter. False alarms are counted over 90 days after four weeks of history; an alarm ends as in the
product. Then jumps of 3, 5 and 10 times the usual rate begin at random times; the time from there to the alarm is measured,
by how many tickets of the intent an hour is usual then. Exits 1 when a desk hears of more than one false surge a quarter
on average.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.surge import CALM, LOOK_BACK, WINDOWS, Profile, jump, profile

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 5, tzinfo=UTC)
QUARTER, INTENTS = 90, 10
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JUMPS, LONGEST = (3, 5, 10), timedelta(hours=8)
BUSY = ((1, "up to 1/h"), (4, "1 to 4/h"), (1e9, "more than 4/h"))


@dataclass(frozen=True)
class Intent:
    """How one intent comes."""

    rate: float  # an hour by day
    night: float
    weekend: float
    swing: float  # standard deviation of a day's factor, as a logarithm
    drift: float  # the factor at the end of the quarter
    monday: float


def intent(dice: random.Random) -> Intent:
    return Intent(
        rate=math.exp(dice.uniform(math.log(0.05), math.log(6))),
        night=dice.uniform(0.02, 0.6),
        weekend=dice.uniform(0.1, 1.0),
        swing=dice.uniform(0.0, 0.3),
        drift=dice.uniform(0.7, 1.6),
        monday=dice.uniform(1.0, 1.5),
    )


def rate(one: Intent, at: datetime, days: int) -> float:
    local = at.astimezone(ZONE)
    day = 1.0 if 8 <= local.hour < 19 else one.night
    week = one.weekend if local.weekday() > 4 else one.monday if local.weekday() == 0 else 1.0
    return one.rate * day * week * one.drift ** ((at - START) / DAY / days)


def arrivals(
    one: Intent, dice: random.Random, days: int, more: float = 1, since: datetime | None = None
) -> Iterator[datetime]:
    """Hour by hour; from `since` on so many times more."""
    factor = 1.0
    for hour in range(days * 24):
        at = START + hour * HOUR
        if hour % 24 == 0:
            factor = math.exp(dice.gauss(0, one.swing) - one.swing**2 / 2)
        begins = since is not None and at + HOUR > since
        cut = max(at, min(since, at + HOUR)) if begins and since is not None else at + HOUR
        usual = rate(one, at, days) * factor
        yield from _within(at, cut, usual, dice)
        yield from _within(cut, at + HOUR, usual * more, dice)


def _within(start: datetime, end: datetime, an_hour: float, dice: random.Random) -> Iterator[datetime]:
    at = start + HOUR * dice.expovariate(an_hour)
    while at < end:
        yield at
        at += HOUR * dice.expovariate(an_hour)


def false_alarms(one: Intent, dice: random.Random) -> int:
    days = LOOK_BACK.days + QUARTER
    times = list(arrivals(one, dice, days))
    usual: Profile | None = None
    made = START
    alarms, quiet, first = 0, START, 0
    for number, at in enumerate(times):
        if at < START + LOOK_BACK or at < quiet:
            continue
        if usual is None or at - made >= DAY:
            usual, made = (
                profile([t for t in times[:number] if t > at - LOOK_BACK], at - LOOK_BACK, at, ZONE),
                at,
            )
        while times[first] <= at - WINDOWS[-1]:
            first += 1
        lately = times[first : number + 1]
        if usual is None or jump(usual, lately, at, ZONE) is None:
            continue
        alarms += 1
        quiet = at + HOUR
        later = [t for t in times if quiet - WINDOWS[-1] < t <= quiet]
        while jump(usual, later, quiet, ZONE, CALM) is not None:
            quiet += HOUR
            later = [t for t in times if quiet - WINDOWS[-1] < t <= quiet]
    return alarms


def time_to_alarm(one: Intent, dice: random.Random, more: float) -> tuple[float, timedelta | None]:
    """The usual tickets an hour at the jump, and how long until the alarm."""
    days = LOOK_BACK.days + 2
    since = START + LOOK_BACK + HOUR * dice.uniform(0, 24)
    times = list(arrivals(one, dice, days, more, since))
    usual = profile([t for t in times if t < since], since - LOOK_BACK, since, ZONE)
    for number, at in enumerate(times):
        if usual is None or at < since or at > since + LONGEST:
            continue
        lately = [t for t in times[max(0, number - 400) : number + 1] if t > at - WINDOWS[-1]]
        if jump(usual, lately, at, ZONE) is not None:
            return rate(one, since, days), at - since
    return rate(one, since, days), None


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--desks", type=int, default=100)
    ask.add_argument("--jumps", type=int, default=200)
    ask.add_argument("--seed", type=int, default=11)
    args = ask.parse_args()
    dice = random.Random(args.seed)
    by_desk = [sum(false_alarms(intent(dice), dice) for _ in range(INTENTS)) for _ in range(args.desks)]
    mean = sum(by_desk) / len(by_desk)
    print(
        f"false alarms: {sum(by_desk)} over {len(by_desk)} desks of {INTENTS} intents and one quarter each: {mean:.2f} a desk and "
        f"quarter (95 %: up to {mean + 1.96 * math.sqrt(max(sum(by_desk), 1)) / len(by_desk):.2f}); most at one desk {max(by_desk)}"
    )
    print(
        f"\n{'jump':6} {'usual':16} {'alarmed':>12}   median   90 %   (minutes; within {LONGEST / HOUR:.0f} hours)"
    )
    for more in JUMPS:
        found: defaultdict[str, list[timedelta | None]] = defaultdict(list)
        for _ in range(args.jumps):
            usual, took = time_to_alarm(intent(dice), dice, more)
            found[next(name for most, name in BUSY if usual <= most)].append(took)
        for _, name in BUSY:
            all_ = found[name]
            minutes = sorted(one.total_seconds() / 60 if one is not None else math.inf for one in all_)
            if minutes:
                said = [minutes[int(len(minutes) * q)] for q in (0.5, 0.9)]
                hits = sum(one < math.inf for one in minutes)
                print(f"{more:4}×  {name:16} {hits:5} of {len(all_):4} {said[0]:8.0f} {said[1]:6.0f}")
    return 0 if mean <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
