"""The weekly report out of the ledger, and into text, HTML, JSON, CSV, PNG and PDF."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib.resources import files
from math import isinf
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape
from sqlalchemy import Connection, Engine, func, or_, select

from core.ledger.db import kept, reading
from core.ledger.schema import balance, notices, tickets
from core.ledger.states import HANDED_OVER, NotificationState
from core.reports import trend_store
from core.reports.figures import Balanced, BusinessHours, Paged, Row, WeeklyReport
from core.reports.numbers import words
from core.reports.phrases import HIDDEN
from core.reports.promising import Promising, would_promise
from core.reports.weekly import QUIET, TREND_WEEKS, Points, bounds, earlier, nothing, summarise, week_of

CELL = 1000  # characters of one cell; names and ids are far shorter
GENERATED = "generated_history"
"""Name in `bs_meta` that marks a ledger with made-up history."""

_NAMES = (
    "desk ticket_id first_seen_at outcome intent customer_id customer_email priority waiting_since escalated_at promise_at "
    "claimed_at answered_at auto_resolved_at reescalated_at closed_at handed_over_at"
)
_COLUMNS = tuple(tickets.c[name] for name in _NAMES.split())


class ZonedHours(BusinessHours, Protocol):
    """Business hours that know their time zone."""

    @property
    def zone(self) -> ZoneInfo:
        """The office's time zone."""


# --- out of the ledger ----------------------------------------------------------------------


def weekly(
    engine: Engine, hours: ZonedHours, week: str, now: datetime, app: Promising | None = None
) -> WeeklyReport:
    """Return the report of one ISO week (`2026-W09`); with `app` also what its desks would promise. ValueError when
    the week is written otherwise.

    Earlier weeks whose quiet period is over are counted once and kept: their figures outlive the ledger's rows.
    """
    zone = hours.zone
    start, end = bounds(week, zone)
    past = earlier(week, zone, TREND_WEEKS)
    with reading(engine) as connection:
        known = trend_store.load(connection, past, zone)
        known |= _before_the_first_ticket(connection, set(past) - set(known), zone)
        since = bounds(next((name for name in past if name not in known), week), zone)[0]
        rows = ticket_rows(connection, since, min(end + QUIET, now))
        pages, balances = _paged(connection, start, end), _balanced(connection, start, end)
        made_up = kept(connection, GENERATED) is not None
        would = would_promise(connection, app, min(end, now)) if app is not None else ()
    report = summarise(
        week, rows, pages, balances, hours=hours, zone=zone, now=now, generated=made_up, known=known
    )
    trend_store.keep(engine, report, known, zone)
    return replace(report, would_promise=would)


def keep_closed(engine: Engine, hours: ZonedHours, now: datetime) -> None:
    """Count the weeks that cannot change any more, once: then the pages read the rows of one week, not of nine, and
    the figures outlive the rows. Enough for the trends of the eight weeks that the page offers."""
    newest = last_week(now, hours.zone)
    for name in (newest, earlier(newest, hours.zone, TREND_WEEKS)[0]):
        weekly(engine, hours, name, now)


def _before_the_first_ticket(
    connection: Connection, unknown: Iterable[str], zone: ZoneInfo
) -> dict[str, Points]:
    """Return the weeks before the first ticket, as empty ones: they need no rows."""
    first = connection.scalar(select(func.min(tickets.c.first_seen_at)))
    return {name: nothing(name) for name in unknown if first is None or bounds(name, zone)[1] <= first}


def last_week(now: datetime, zone: tzinfo = UTC) -> str:
    """Return the last whole week on the calendar of `zone`."""
    return week_of(now - timedelta(days=7), zone)


def ticket_rows(connection: Connection, since: datetime, until: datetime) -> list[Row]:
    """Return tickets first seen in the span, and those escalated in it though first seen before."""
    seen = tickets.c.first_seen_at.between(since, until)
    escalated = tickets.c.escalated_at.between(since, until)
    found = connection.execute(select(*_COLUMNS).where(or_(seen, escalated)))
    return [Row(*values) for values in found]


def _paged(connection: Connection, start: datetime, end: datetime) -> list[Paged]:
    at = func.coalesce(notices.c.sent_at, notices.c.created_at).label("at")
    found = select(notices.c.person, notices.c.sent_at, notices.c.created_at, notices.c.state).where(
        notices.c.person != "",
        notices.c.template != "report",
        notices.c.state.in_(HANDED_OVER),
        notices.c.created_at.between(start - timedelta(days=1), end),
        at.is_not(None),
    )
    return [
        Paged(person, sent or created, state == NotificationState.FAILED)
        for person, sent, created, state in connection.execute(found)
    ]


def _balanced(connection: Connection, start: datetime, end: datetime) -> list[Balanced]:
    found = connection.execute(select(balance).where(balance.c.at.between(start, end))).mappings()
    lists = ("missing", "healed", "stuck")
    return [
        Balanced(
            row["desk"],
            row["at"],
            row["in_desk"],
            row["in_ledger"],
            *(len(row[name] or ()) for name in lists),
        )
        for row in found
    ]


# --- into text and HTML ---------------------------------------------------------------------


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates beside this file; HTML is escaped, text is not."""
    folder = files("core") / "templates"
    sources = {
        path.name: path.read_text("utf-8") for path in folder.iterdir() if path.name.startswith("report")
    }
    made = Environment(
        loader=DictLoader(sources),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(words())
    return made


def render_text(report: WeeklyReport) -> str:
    """Return the report as text, for terminals, plain mail and Slack."""
    return environment().get_template("report.txt").render(report=report)


def render_html(report: WeeklyReport, console_url: str = "", picture: str = "") -> str:
    """Return one self-contained page: no script, nothing fetched. Mail readers show no SVG: they get the `picture` at
    that address instead of the plots."""
    page = environment().get_template("report.html")
    return page.render(report=report, console_url=console_url, picture=picture)


# --- into data ------------------------------------------------------------------------------


def as_data(report: WeeklyReport) -> dict[str, Any]:
    """Return plain JSON values; times as ISO 8601, a wait without end as null."""
    return dict(_plain(asdict(report)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and isinf(value) else value


def render_json(report: WeeklyReport) -> str:
    """Return the whole report as one JSON document."""
    return json.dumps(as_data(report), ensure_ascii=False, indent=2)


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is led in by an apostrophe; what turns or hides it is gone."""
    if isinstance(value, str):
        value = HIDDEN.sub("", value[:CELL].replace("\r", " ").replace("\n", " "))
        return f"'{value}" if value.lstrip().startswith(("=", "+", "-", "@", "|", "%")) else value
    return value.isoformat() if isinstance(value, datetime) else value


def to_csv(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Return CSV in which spreadsheets find no formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([safe_cell(cell) for cell in line] for line in lines)
    return out.getvalue()


def render_csv(report: WeeklyReport) -> str:
    """Return one line per number: section, name, count, total, value, low, high, remark."""
    header = ("week", "section", "name", "count", "of", "value", "low", "high", "remark")
    return to_csv(header, ((report.week, *line) for line in _lines(report)))


def _lines(report: WeeklyReport) -> Iterator[tuple[Any, ...]]:
    for figure in report.figures:
        for point in (*figure.trend, figure.now):
            remark = figure.verdict if point is figure.now else "trend"
            yield (
                figure.key,
                point.week,
                point.k,
                point.n,
                _number(point.value),
                _number(point.low),
                point.high,
                remark,
            )
    for section in ("by_intent", "by_desk", "by_hour", "failed_by_intent"):
        for share in getattr(report, section):
            yield (section, share.name, share.k, share.n, share.value, share.low, share.high, "")
    for section, names in (("promises", ("kept", "broken", "open")), ("handed_over", ("in_time", "never"))):
        counts = getattr(report, section)
        yield from ((section, name, getattr(counts, name), counts.total, "", "", "", "") for name in names)
    for one in report.would_promise:
        name = f"{one.desk}, {one.priority}, {one.during}"
        remark = f"seconds; configured {one.configured:.0f}"
        yield ("would_promise", name, one.kept, one.cases, one.seconds, one.low, one.high, remark)
    for page in report.pages:
        yield ("pages", page.person, page.night, page.day + page.night, "", "", "", "count: at night")
    for line in report.balances:
        yield ("balance", line.desk, line.in_ledger, line.in_desk, "", "", "", f"missing {line.missing}")


def _number(value: float | None) -> float | None:
    return None if value is None or isinf(value) else value


def render_rows(rows: Iterable[Row]) -> str:
    """Return the tickets behind the figures, for whoever wants to recompute them. Addresses are left out."""
    names = [name for name in Row.__dataclass_fields__ if name != "email"]
    return to_csv(names, ([getattr(row, name) for name in names] for row in rows))
