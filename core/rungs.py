"""One rung of a configured ladder: when and how often it notifies, and what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from core.hours import Hours, in_business, read_span
from core.model import Priority, Rung

SHORTEST = timedelta(minutes=1)  # between two notices of one rung
MOST = 60  # entries of one ladder


def check_rungs(rungs: Sequence[Rung]) -> list[str]:
    """Return what is wrong with a configured ladder, each with its remedy."""
    wrong = []
    for number, rung in enumerate(rungs, 1):
        if rung.after < timedelta(0) or (rung.repeat and step(rung) <= timedelta(0)):
            wrong.append(f'rung {number}: after and every must be longer than nothing: write "30m"')
        elif rung.every is not None and rung.every < SHORTEST:
            wrong.append(f'rung {number}: every is less than a minute, without an end: write "4h"')
        try:
            opens, closes = read_span(rung.quiet or "00:00-00:00")
        except ValueError as err:
            wrong.append(f"rung {number}: quiet: {err}")
            continue
        if closes - opens >= 24 * 60:
            wrong.append(f'rung {number}: quiet all day, so it never notifies: write "22:00-07:00"')
    if not wrong and sum(times(*pair) for pair in pairs(rungs)) > MOST:
        wrong.append(f"more than {MOST} notices for one ticket: lower repeat, or raise every")
    return wrong


def step(rung: Rung) -> timedelta:
    """Return the time between two notices of a rung."""
    return rung.every if rung.every is not None else rung.after


def pairs(rungs: Sequence[Rung]) -> Iterator[tuple[Rung, Rung | None]]:
    """Return each rung with the one that follows it, the earliest first."""
    ordered = sorted(rungs, key=lambda one: one.after)
    return zip(ordered, [*ordered[1:], None], strict=False)


def times(rung: Rung, following: Rung | None) -> int:
    """Return how often a rung notifies: as often as it says, else until the following one begins."""
    if rung.repeat or rung.every is None or following is None:
        return rung.repeat + 1
    return max(-((rung.after - following.after) // rung.every), 1)


def moved(start: datetime, span: timedelta, hours: Hours, *, business: bool) -> datetime:
    """Return when so much time has passed, of the wall's or of business."""
    return in_business(hours, start, span) if business else start + span


def when(
    rung: Rung, following: Rung | None, since: datetime, priority: Priority, hours: Hours
) -> list[datetime]:
    """Return when a rung notifies of a ticket that waits since then."""
    spans = (rung.after + n * step(rung) for n in range(times(rung, following)))
    return [
        hold(moved(since, span, hours, business=rung.business), rung.quiet, priority, hours) for span in spans
    ]


def hold(at: datetime, quiet: str, priority: Priority, hours: Hours) -> datetime:
    """Return the time, or the end of the quiet hours in which it lies; urgent is never held."""
    if not quiet or priority is Priority.URGENT:
        return at
    begins, ends = read_span(quiet)
    local = at.astimezone(hours.zone)
    minute, day = local.hour * 60 + local.minute, local.date()
    if not (begins <= minute < ends if begins <= ends else minute >= begins or minute < ends):
        return at
    day += timedelta(days=1) if ends <= minute else timedelta(0)
    until = datetime(day.year, day.month, day.day, tzinfo=hours.zone) + timedelta(minutes=ends)
    return until.astimezone(UTC)
