"""Business hours: when a promise ends, how much of them has passed, and how a person would say it. Pure.

Opening times are read on the office's wall clock and computed in UTC, so that an hour that a clock change skips
or repeats is counted as it really passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.model import Priority

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)
SEARCH = 366  # days without a single open minute after which nothing will ever open
_CLOCK = r"(?:([01]?\d|2[0-3]):([0-5]\d)|(24):(00))"
_SPAN = re.compile(rf"^{_CLOCK}\s*-\s*{_CLOCK}$")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")

Span = tuple[int, int]  # minutes of the day: opens, closes
Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class Hours:
    """When the team is there: per weekday the open spans, and the names of the holiday calendars."""

    timezone: str
    week: tuple[tuple[Span, ...], ...]  # Monday first
    holidays: tuple[str, ...] = ()

    @classmethod
    def make(
        cls,
        timezone: str = "UTC",
        week: Mapping[str, str | Sequence[str]] | None = None,
        holidays: str | Sequence[str] = "",
    ) -> Hours:
        """Return the hours of a configuration. Raises ValueError with the remedy. No week at all: always open."""
        _zone(timezone)
        hours = cls(timezone, _week(week or dict.fromkeys(DAYS, "00:00-24:00")), _names(holidays))
        if not any(closes > opens for day in hours.week for opens, closes in day):
            raise ValueError('week: no hour of the week is open: write for example mon = "09:00-17:00"')
        return hours

    @property
    def zone(self) -> ZoneInfo:
        """The office's time zone."""
        return _zone(self.timezone)

    def is_open(self, at: datetime) -> bool:
        """Return whether somebody is there."""
        return any(opens <= at < closes for opens, closes in self._of(self._local(at).date()))

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """Return the moment when `duration` of business time has passed since `start`; ValueError when it never will."""
        left = duration
        for opens, closes in self._from(start):
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
        raise AssertionError("unreachable: _from ends only by raising")

    def back(self, end: datetime, duration: timedelta) -> datetime:
        """Return the latest moment from which `duration` of business time passes until `end`."""
        left, day = duration, self._local(end).date()
        for _ in range(SEARCH):
            for opens, closes in reversed(self._of(day)):
                closes = min(closes, end)  # noqa: PLW2901  # the last span is cut at `end`
                if closes - opens >= left:
                    return closes - left
                left -= max(closes - opens, timedelta(0))
            day -= DAY
        raise ValueError(self._never(end))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return how much business time passes from `start` to `end`; nothing when `end` comes first."""
        total, day, last = timedelta(0), self._local(start).date(), self._local(end).date()
        while day <= last:
            for opens, closes in self._of(day):
                total += max(min(closes, end) - max(opens, start), timedelta(0))
            day += DAY
        return total

    def check(self, at: datetime) -> None:
        """Raise ValueError when nothing is open within a year of `at`: a holiday on every open day."""
        next(self._from(at))

    def _from(self, start: datetime) -> Iterator[Interval]:
        """Yield the open spans from `start` on, without end. Raises ValueError after a year without one."""
        day, closed = self._local(start).date(), 0
        while closed < SEARCH:
            spans = [(max(opens, start), closes) for opens, closes in self._of(day) if closes > start]
            yield from spans
            closed, day = 0 if spans else closed + 1, day + DAY
        raise ValueError(self._never(start))

    def _of(self, day: date) -> tuple[Interval, ...]:
        return _open(self, day)

    def _local(self, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("a time without a zone")
        return at.astimezone(self.zone)

    def _never(self, at: datetime) -> str:
        named = ", ".join(self.holidays[:3]) + (" and more" if len(self.holidays) > 3 else "")  # noqa: PLR2004
        return (
            f"hours: within a year of {at:%Y-%m-%d} every open day is a holiday ({named}): "
            "open more days of the week or leave holidays out"
        )


@lru_cache(maxsize=8192)
def _open(hours: Hours, day: date) -> tuple[Interval, ...]:
    """Return the open spans of one local day, in UTC; a span inside an hour that the clock skips has no length."""
    if day in _closed(hours.holidays, day.year):
        return ()
    ends = [
        (_at(day, opens, hours.zone), _at(day, closes, hours.zone))
        for opens, closes in hours.week[day.weekday()]
    ]
    return tuple((opens, closes) for opens, closes in ends if closes > opens)


def _at(day: date, minute: int, zone: ZoneInfo) -> datetime:
    day += timedelta(days=minute // 1440)
    local = datetime(day.year, day.month, day.day, minute % 1440 // 60, minute % 60, tzinfo=zone)
    return local.astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise ValueError(f'timezone: "{name}" is unknown: write it as "Europe/Berlin"') from err


def _week(week: Mapping[str, str | Sequence[str]]) -> tuple[tuple[Span, ...], ...]:
    """Return the open spans from Monday to Sunday; one past midnight belongs to both days."""
    found: list[list[Span]] = [[] for _ in DAYS]
    for name, words in week.items():
        if name.lower()[:3] not in DAYS:
            raise ValueError(f'week: "{name}" is no day: use {", ".join(DAYS)}')
        day = DAYS.index(name.lower()[:3])
        for span in words.split(",") if isinstance(words, str) else words:
            opens, closes = read_span(span) if span.strip() else (0, 0)
            if closes < opens:
                found[(day + 1) % 7].append((0, closes))
                closes = 1440
            found[day].append((opens, closes))
    return tuple(_merged(spans) for spans in found)


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for opens, closes in sorted(span for span in spans if span[1] > span[0]):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return tuple(merged)


def read_span(words: str) -> Span:
    """ "09:00-17:00" as minutes of the day; "24:00" is midnight at the end."""
    match = _SPAN.match(words.strip())
    if not match:
        raise ValueError(f'"{words}" is no span of time: write it as "09:00-17:00"')
    first, second, third, fourth = (int(part) for part in match.groups() if part is not None)
    return first * 60 + second, third * 60 + fourth


def _names(words: str | Sequence[str]) -> tuple[str, ...]:
    """Return the calendars ("DE", "DE-BY") and single days ("2026-12-24"); each is tried once."""
    parts = words.split(",") if isinstance(words, str) else words
    names = tuple(part.strip() for part in parts if part.strip())
    _closed(names, 2026)
    return names


@lru_cache(maxsize=256)
def _closed(names: tuple[str, ...], year: int) -> frozenset[date]:
    return frozenset().union(*(_closed_by(name, year) for name in names))


def _closed_by(name: str, year: int) -> frozenset[date]:
    import holidays as calendars

    try:
        if _DATE.match(name):
            return frozenset({date.fromisoformat(name)})
        country, _, part = name.partition("-")
        return frozenset(calendars.country_holidays(country.upper(), subdiv=part.upper() or None, years=year))
    except (NotImplementedError, ValueError) as err:
        raise ValueError(
            f'holidays: "{name}" is unknown: write a country ("DE"), a part of one ("DE-BY") or a day ("2026-12-24")'
        ) from err


def stamp(at: datetime, zone: tzinfo) -> str:
    """Return a time as an operator reads it: `2026-11-24 15:30 IST`, in a zone that is named."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def promise(hours: Hours, start: datetime, duration: timedelta, priority: Priority) -> datetime:
    """Return by when a human answers: in business time, for urgent by the wall clock. Whole days are business days."""
    return start + duration if priority is Priority.URGENT else in_business(hours, start, duration)


def in_business(hours: Hours, start: datetime, duration: timedelta) -> datetime:
    """Return the moment when `duration` of business time has passed; whole days are business days."""
    days, rest = divmod(duration, DAY)
    return hours.add(_days_later(hours, start, days) if days else start, rest)


def _days_later(hours: Hours, start: datetime, days: int) -> datetime:
    """Return the same time of day, `days` open days on; the next opening where that time is closed."""
    begin = hours.add(start, timedelta(0))
    local, left, closed = begin.astimezone(hours.zone), days, 0
    day = local.date()
    while left:
        day += DAY
        is_open = bool(_open(hours, day))
        left, closed = left - is_open, 0 if is_open else closed + 1
        if closed > SEARCH:
            hours.check(begin)
    then = datetime.combine(day, local.time(), tzinfo=hours.zone).astimezone(UTC)
    return hours.add(then, timedelta(0))
