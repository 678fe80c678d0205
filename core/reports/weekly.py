"""Rows of a week → WeeklyReport. Pure: what is counted, how sure it is, and what may be advised."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import inf
from zoneinfo import ZoneInfo

from core.model import Outcome
from core.reports.figures import (
    Balanced,
    BusinessHours,
    Figure,
    HandedOver,
    Paged,
    Pages,
    Point,
    Promises,
    Row,
    Share,
    WeeklyReport,
)
from core.reports.intervals import median, median_interval, wilson
from core.reports.phrases import DEFINITIONS, judge_escalation, judge_reescalation, judge_response, plain

QUIET = timedelta(days=7)
TARGET = timedelta(hours=1)
NIGHT = (22, 7)  # local hours: from, to
TREND_WEEKS = 8

Points = tuple[Point, Point, Point]  # of one week: escalation, response, re-escalation
Answer = tuple[Row, bool | None]  # an automatic answer; failed, resolved (False), or still open (None)


def week_of(now: datetime, zone: tzinfo) -> str:
    """Return the ISO week in which `now` falls, on the calendar of `zone`."""
    year, week, _ = now.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


def bounds(week: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Monday 00:00 to the next Monday 00:00 on the calendar of `zone`, as UTC. ValueError names the form."""
    try:
        year, number = week.split("-W")
        monday = datetime.fromisocalendar(int(year), int(number), 1)
    except ValueError as err:
        raise ValueError(f'"{week}" is no week: write it like 2026-W09') from err
    end = monday + timedelta(days=7)
    return monday.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)


def earlier(week: str, zone: ZoneInfo, number: int) -> list[str]:
    """Return the `number` weeks before `week`, oldest first."""
    start, _ = bounds(week, zone)
    return [week_of(start - timedelta(days=7 * n - 3), zone) for n in range(number, 0, -1)]


def summarise(
    week: str,
    rows: Sequence[Row],
    pages: Sequence[Paged],
    balances: Sequence[Balanced],
    *,
    hours: BusinessHours,
    zone: ZoneInfo,
    now: datetime,
    weeks: int = TREND_WEEKS,
    generated: bool = False,
    known: Mapping[str, Points] | None = None,
) -> WeeklyReport:
    """Return the report of one week; `rows` reach back over those weeks of the trend that are not `known`, and
    forward over the quiet period."""
    start, end = bounds(week, zone)
    past, kept = earlier(week, zone, weeks), known or {}
    fresh = [name for name in past if name not in kept]
    answers = judged(rows, bounds([*fresh, week][0], zone)[0], end, now)
    counted = {name: _points(_Week(name, *bounds(name, zone), rows, answers), hours, now) for name in fresh}
    this = _Week(week, start, end, rows, answers)
    trend = [kept.get(name) or counted[name] for name in past]
    handled = this.handled
    return WeeklyReport(
        week=week,
        start=start,
        end=end,
        made_at=now,
        complete=now >= end,
        zone=str(zone),
        handled=len(handled),
        left_alone=sum(row.outcome == Outcome.LEFT_ALONE for row in this.seen),
        outcomes=tuple(Counter(row.outcome for row in handled).most_common()),
        figures=tuple(_figures(this, _points(this, hours, now), trend)),
        resolved=sum(bad is False for _, bad in this.answers),
        failed=sum(bad is True for _, bad in this.answers),
        pending=sum(bad is None for _, bad in this.answers),
        by_intent=_shares((row.intent or "(none)", _escalated(row)) for row in handled),
        by_desk=_shares((row.desk, _escalated(row)) for row in handled),
        by_hour=_hourly(handled, zone),
        failed_by_intent=_shares((row.intent, bad is True) for row, bad in this.answers),
        promises=_promises(this.escalated, now),
        pages=_pages(pages, start, end, zone),
        balances=_newest(balances, start, end),
        healed=sum(one.healed for one in balances if start <= one.at < end),
        definitions=DEFINITIONS,
        generated=generated,
        handed_over=_handed_over(this.escalated),
    )


# --- what is counted ------------------------------------------------------------------------


class _Week:
    """The rows of one week, each by the time at which it counts."""

    def __init__(
        self, week: str, start: datetime, end: datetime, rows: Iterable[Row], answers: Iterable[Answer]
    ) -> None:
        self.week = week
        self.seen = [row for row in rows if start <= row.seen_at < end]
        self.handled = [row for row in self.seen if row.outcome not in ("", Outcome.LEFT_ALONE)]
        self.escalated = [row for row in rows if row.escalated_at and start <= row.escalated_at < end]
        self.answers = [
            (row, bad) for row, bad in answers if row.auto_resolved_at and start <= row.auto_resolved_at < end
        ]


def _escalated(row: Row) -> bool:
    return row.escalated_at is not None


def judged(rows: Iterable[Row], start: datetime, end: datetime, now: datetime) -> list[Answer]:
    """Return each automatic answer given in the week: did the customer come back within the quiet period?"""
    rows = list(rows)
    later: defaultdict[tuple[str, ...], list[tuple[datetime, str]]] = defaultdict(list)
    for row in rows:
        for who in _same_customer(row):
            later[(*who, row.intent)].append((row.seen_at, f"{row.desk}:{row.ticket_id}"))
    found: list[Answer] = []
    for row in rows:
        at = row.auto_resolved_at
        if at is None or not start <= at < end:
            continue
        own, until = f"{row.desk}:{row.ticket_id}", at + QUIET
        again = any(
            at < seen <= min(until, now) and ticket != own
            for who in _same_customer(row)
            for seen, ticket in later[(*who, row.intent)]
        )
        back = row.reescalated_at is not None and at <= row.reescalated_at <= min(until, now)
        found.append((row, True if again or back else False if until <= now else None))
    return found


def _same_customer(row: Row) -> list[tuple[str, ...]]:
    """A person is one customer id at one desk, or one address at any: either is enough."""
    ids = [("id", row.desk, row.customer)] if row.customer else []
    return [*ids, ("mail", row.email.casefold())] if row.email else list(ids)


def response_times(escalated: Iterable[Row], hours: BusinessHours, now: datetime) -> list[float]:
    """Business seconds from the customer's wait to the first human, sorted; infinite while overdue and unclaimed.

    Still unclaimed but not yet overdue, or closed before anybody needed to come: left out.
    """
    times = []
    for row in escalated:
        since = row.waiting_since or row.escalated_at
        if since is None:
            continue
        came = [at for at in (row.claimed_at, row.answered_at) if at is not None and at <= now]
        if came:
            times.append(hours.between(since, max(since, min(came))).total_seconds())
        elif row.closed_at is None and hours.between(since, now) > TARGET:
            times.append(inf)
    return sorted(times)


# --- the three figures ----------------------------------------------------------------------


def _figures(this: _Week, now: Points, trend: Sequence[Points]) -> list[Figure]:
    escalation, response, again = zip(*trend, strict=True) if trend else ((), (), ())
    routed = Counter(row.intent for row in this.handled if _escalated(row) and row.outcome == Outcome.ROUTED)
    bad = Counter(row.intent for row, failed in this.answers if failed)
    pending = sum(failed is None for _, failed in this.answers)
    return [
        judge_escalation(now[0], escalation, _top(routed)),
        judge_response(now[1], response, TARGET.total_seconds()),
        judge_reescalation(now[2], again, pending, _top(bad)),
    ]


def _points(week: _Week, hours: BusinessHours, now: datetime) -> Points:
    times = response_times(week.escalated, hours, now)
    low, high = median_interval(times)
    in_time = sum(seconds <= TARGET.total_seconds() for seconds in times)
    response = Point(week.week, median(times), in_time, len(times), low, None if high == inf else high)
    share = _point(week.week, sum(map(_escalated, week.handled)), len(week.handled))
    again = _point(week.week, sum(bad is True for _, bad in week.answers), len(week.answers))
    return share, response, again


def nothing(week: str) -> Points:
    """Return the figures of a week without any ticket."""
    return _point(week, 0, 0), Point(week, None, 0, 0, 0.0, None), _point(week, 0, 0)


def _point(week: str, k: int, n: int) -> Point:
    return Point(week, k / n if n else None, k, n, *wilson(k, n))


def _top(counted: Counter[str]) -> list[str]:
    return [plain(name) for name, number in counted.most_common(3) if name and number > 1]


# --- what explains them ---------------------------------------------------------------------


def _shares(pairs: Iterable[tuple[str, bool]]) -> tuple[Share, ...]:
    total: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for name, hit in pairs:
        shown = plain(name)
        total[shown] += 1
        hits[shown] += hit
    return tuple(Share(name, hits[name], n, *wilson(hits[name], n)) for name, n in total.most_common())


def _hourly(rows: Iterable[Row], zone: ZoneInfo) -> tuple[Share, ...]:
    found = {
        share.name: share
        for share in _shares((f"{row.seen_at.astimezone(zone):%H}", _escalated(row)) for row in rows)
    }
    return tuple(found.get(f"{hour:02d}", Share(f"{hour:02d}", 0, 0, 0.0, 1.0)) for hour in range(24))


def _promises(escalated: Iterable[Row], now: datetime) -> Promises:
    kept = broken = waiting = 0
    for row in escalated:
        if row.promise_at is None:
            continue
        came = [at for at in (row.claimed_at, row.answered_at, row.closed_at) if at is not None and at <= now]
        if came and min(came) <= row.promise_at:
            kept += 1
        elif now > row.promise_at:
            broken += 1
        else:
            waiting += 1
    return Promises(kept, broken, waiting, *wilson(kept, kept + broken))


def _handed_over(escalated: Iterable[Row]) -> HandedOver:
    rows = [row for row in escalated if row.handed_over_at is not None]
    taken = [(row, [at for at in (row.claimed_at, row.answered_at) if at is not None]) for row in rows]
    in_time = sum(bool(came) and (not row.promise_at or min(came) <= row.promise_at) for row, came in taken)
    never = sum(not came and row.closed_at is None for row, came in taken)
    return HandedOver(len(rows), in_time, never)


def _pages(pages: Iterable[Paged], start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Pages, ...]:
    week = [page for page in pages if start <= page.at < end]
    night: Callable[[Paged], bool] = lambda page: not NIGHT[1] <= page.at.astimezone(zone).hour < NIGHT[0]  # noqa: E731
    people = sorted({page.person for page in week})
    return tuple(
        Pages(
            person,
            sum(page.person == person and not night(page) for page in week),
            sum(page.person == person and night(page) for page in week),
            sum(page.person == person and page.failed for page in week),
        )
        for person in people
    )


def _newest(balances: Iterable[Balanced], start: datetime, end: datetime) -> tuple[Balanced, ...]:
    newest: dict[str, Balanced] = {}
    for one in sorted(balances, key=lambda line: line.at):
        if start <= one.at < end:
            newest[one.desk] = one
    return tuple(newest[desk] for desk in sorted(newest))
