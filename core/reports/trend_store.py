"""Figures of weeks that cannot change any more, kept in `bs_meta`: counted once, and true after the rows are pruned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf, isinf
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import DBAPIError

from core.ledger.schema import meta
from core.reports.figures import Point, WeeklyReport
from core.reports.weekly import QUIET, Points, bounds

VERSION = 2  # of the definitions: another number, and all is counted again


def _name(week: str, zone: ZoneInfo) -> str:
    return f"figures:{VERSION}:{zone}:{week}"


def load(connection: Connection, weeks: Sequence[str], zone: ZoneInfo) -> dict[str, Points]:
    """Return what is known of these weeks."""
    names = {_name(week, zone): week for week in weeks}
    found = connection.execute(select(meta.c.name, meta.c.value).where(meta.c.name.in_(names)))
    return {names[name]: _points(names[name], value) for name, value in found}


def keep(engine: Engine, report: WeeklyReport, known: Mapping[str, Points], zone: ZoneInfo) -> None:
    """Store the weeks of this report's trend that are over, their quiet period too, and were not empty."""
    for points in zip(*(figure.trend for figure in report.figures), strict=True):
        week = points[0].week
        final = bounds(week, zone)[1] + QUIET <= report.made_at
        if week in known or not final or not any(point.n for point in points):
            continue
        # another process may have stored it, or the database may be busy: it is counted again next time
        with suppress(DBAPIError), engine.begin() as connection:
            connection.execute(
                insert(meta), {"name": _name(week, zone), "value": [_plain(one) for one in points]}
            )


def _plain(point: Point) -> list[Any]:
    """Return the value for JSON, which has no infinity."""
    numbers = (point.value, point.k, point.n, point.low, point.high)
    return ["inf" if isinstance(one, float) and isinf(one) else one for one in numbers]


def _points(week: str, value: Any) -> Points:
    first, second, third = (_point(week, *numbers) for numbers in value)
    return first, second, third


def _point(week: str, value: Any, k: int, n: int, low: Any, high: Any) -> Point:
    middle, bottom, top = (inf if number == "inf" else number for number in (value, low, high))
    return Point(week, middle, k, n, bottom, top)
