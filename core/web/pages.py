"""The pages: each asks its questions, and shows the answers."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy import func, select

from core.ledger.db import reading
from core.ledger.schema import changes
from core.ledger.schema import tickets as tickets_table
from core.reports import reporting
from core.reports.plots import render_pdf, render_png
from core.reports.weekly import bounds, earlier, week_of
from core.telemetry.gauges import WAITING
from core.web import going_live, queries, queue
from core.web import quality as q
from core.web.access import backstop, needs
from core.web.standing import LATE_SWEEP, on_duty, standing
from core.web.users import Role

ROW_NUMBER = re.compile(r"[0-9]{1,9}")
LATE_RUNGS_DAYS = 7


def add_routes(pages: Blueprint) -> None:
    """Everything that is looked at."""
    pages.add_url_rule("/", "now", now)
    pages.add_url_rule("/tickets", "tickets", tickets)
    pages.add_url_rule("/tickets/<desk>/<ticket_id>", "ticket", ticket)
    pages.add_url_rule("/quality", "quality", quality)
    pages.add_url_rule("/week", "week", week)
    pages.add_url_rule("/week/<name>.<any(json, csv, txt, html, png, pdf):kind>", "week_file", week_file)
    pages.add_url_rule("/health", "health", health)
    pages.add_url_rule("/changes", "log", log)


def now() -> str:
    """What waits for a human, and whether all is well."""
    app = backstop()
    at = app.clock()
    asked = {name: request.args.get(name, "") for name in queue.FILTERS}
    with reading(app.engine) as connection:
        return render_template(
            "console/now.html",
            now=at,
            asked=asked,
            choices=queue.choices(connection),
            found=queue.waiting(connection, at, asked, request.args.get("after", "")),
            summary=queries.waiting_summary(connection, at),
            overdue=queries.overdue(connection, at),
            lately=queries.lately(connection, at - timedelta(hours=24)),
            standing=standing(app, connection),
            rung=queue.next_rung,
            duty=on_duty(app, at),
        )


def tickets() -> str:
    """Search, newest first."""
    app = backstop()
    asked = {name: request.args.get(name, "") for name in ("q", "state", "desk", "intent", "after")}
    with reading(app.engine) as connection:
        found, desks = queries.search(connection, asked), queries.filters(connection)["desk"]
    return render_template("console/tickets.html", now=app.clock(), found=found, asked=asked, desks=desks)


def ticket(desk: str, ticket_id: str) -> str:
    """One ticket's whole story."""
    app = backstop()
    before = _row_number("before")
    with reading(app.engine) as connection:
        row = queries.ticket(connection, desk, ticket_id)
        if row is None:
            abort(
                404, "Backstop has no record of this ticket. A new ticket appears here within about a minute."
            )
        told = queries.story(connection, desk, ticket_id, before)
    waits = row["state"] in WAITING
    return render_template(
        "console/ticket.html", now=app.clock(), t=row, s=told, waits=waits, rung=queue.next_rung
    )


def _row_number(name: str) -> int:
    """A row's number in the query, 0 where there is none that a row can have."""
    text = request.args.get(name, "")
    return int(text) if ROW_NUMBER.fullmatch(text) else 0


def _threshold(name: str, default: float) -> float:
    with suppress(ValueError):
        value = float(request.args.get(name, ""))
        if 0 <= value <= 1:
            return value
    return default


def quality() -> str:
    """Whether the classifier is right, and what other thresholds would have done."""
    app = backstop()
    bands = app.settings.bands
    with reading(app.engine) as connection:
        rows = q.seen(connection, app.clock())
        sample, checks, proven = q.sample(connection), q.checks(connection), q.proven(connection)
    how = q.handling(app.rules, rows, str(_zone(app)))
    auto, route = _threshold("auto", bands.auto), _threshold("route", bands.route)
    is_now = q.replayed(rows, bands.auto, bands.route, how)
    asked = (auto, min(auto, route))
    would = is_now if asked == (bands.auto, bands.route) else q.replayed(rows, *asked, how)
    return render_template(
        "console/quality.html",
        number=len(rows),
        labelled=q.share("all", rows),
        reliability=q.reliability(rows),
        curve=q.curve(rows),
        bands=bands,
        is_now=is_now,
        would=would,
        queues=list(dict.fromkeys([*is_now.wrong_queue, *would.wrong_queue])),
        intents=q.by_intent(rows, app.rules),
        sample=sample,
        checks=checks,
        proven=proven,
        names=sorted({row.intent for row in rows}),
    )


def _zone(app: Any) -> Any:
    return app.hours.zone


def week() -> str:
    """The weekly report, the last complete week first; the running one while there is no other."""
    app = backstop()
    at, zone = app.clock(), _zone(app)
    current = week_of(at, zone)
    with reading(app.engine) as connection:
        begun = connection.scalar(select(func.min(tickets_table.c.first_seen_at)))
    last = earlier(current, zone, 1)[0]
    young = begun is not None and begun >= bounds(current, zone)[0]
    name = request.args.get("week") or (current if young else last)
    report = _report(app, name)
    body = reporting.environment().get_template("report_body.html").render(report=report, picture="")
    weeks = [*earlier(current, zone, 8), current][::-1]
    with reading(app.engine) as connection:
        as_if = going_live.as_if(connection, *bounds(name, zone))
    return render_template("console/week.html", report=report, body=body, weeks=weeks, name=name, as_if=as_if)


def _report(app: Any, name: str) -> Any:
    try:
        return reporting.weekly(app.engine, app.hours, name, app.clock(), app)
    except (ValueError, OverflowError) as err:
        abort(404, str(err))


def week_file(name: str, kind: str) -> Response:
    """The same report as a file; `rows.csv` of it are the tickets behind the figures."""
    app = backstop()
    report = _report(app, name)
    if kind in ("png", "pdf"):
        made, mime = (
            (render_png(report), "image/png") if kind == "png" else (render_pdf(report), "application/pdf")
        )
        return _file(made, mime, f"backstop-{name}.{kind}")
    if kind == "csv" and request.args.get("rows"):
        with reading(app.engine) as connection:
            rows = reporting.ticket_rows(connection, *bounds(name, _zone(app)))
        return _file(reporting.render_rows(rows), "text/csv; charset=utf-8", f"backstop-{name}-tickets.csv")
    renderers = {
        "json": (reporting.render_json, "application/json"),
        "csv": (reporting.render_csv, "text/csv; charset=utf-8"),
        "txt": (reporting.render_text, "text/plain; charset=utf-8"),
        "html": (reporting.render_html, "text/html; charset=utf-8"),
    }
    render, mime = renderers[kind]
    return _file(render(report), mime, f"backstop-{name}.{kind}")


def _file(made: bytes | str, mime: str, name: str) -> Response:
    response = Response(made, mimetype=mime.split(";", maxsplit=1)[0])
    shown = "attachment" if mime.startswith(("text/csv", "text/html", "application/json")) else "inline"
    response.headers["Content-Disposition"] = f'{shown}; filename="{name}"'
    return response


def health() -> str:
    """Desks, hooks, lag, head-room, dead letters, the balance line."""
    app = backstop()
    at = app.clock()
    with reading(app.engine) as connection:
        return render_template(
            "console/health.html",
            now=at,
            vendors={name: getattr(desk, "vendor", "") for name, desk in app.desks.items()},
            late=app.settings.sweep.every * LATE_SWEEP,
            unsettled=queries.unsettled(connection),
            headroom=queries.headroom(connection),
            dead=queries.dead_letters(connection),
            dead_number=queries.dead_number(connection),
            alive=queries.alive(connection, at),
            failed=queries.failed_notices(connection, at - timedelta(days=LATE_RUNGS_DAYS)),
            standing=standing(app, connection),
        )


@needs(Role.ADMIN)
def log() -> str:
    """The log of changes: who, when, what, old, new."""
    app = backstop()
    query = select(changes).order_by(changes.c.id.desc()).limit(queries.PAGE + 1)
    if number := _row_number("before"):
        query = query.where(changes.c.id < number)
    with reading(app.engine) as connection:
        rows = connection.execute(query).mappings().all()
    before = rows[queries.PAGE - 1]["id"] if len(rows) > queries.PAGE else 0
    return render_template("console/changes.html", rows=rows[: queries.PAGE], before=before)
