"""The weekly report on its way to people: short words for chat and mail, sent as durably as any notice."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from core.app import App
from core.errors import ConfigError
from core.model import Notification, Priority
from core.notifications import delivery, routing
from core.reports.figures import WeeklyReport
from core.reports.numbers import amount, counted, interval, kept_share
from core.reports.reporting import last_week, weekly

log = logging.getLogger(__name__)

TEMPLATE = "report"


def headline(report: WeeklyReport) -> str:
    """Return the three figures in one line."""
    said = ", ".join(f"{one.name.lower()} {amount(one.now.value, one.unit)}" for one in report.figures)
    return f"Week {report.week}: {said}"


def short(report: WeeklyReport, public_url: str = "") -> str:
    """Return a dozen lines: figures with interval and verdict, advice, promises, balance, where to read on."""
    lines = ["Contains generated history, for demonstration only."] if report.generated else []
    for one in report.figures:
        value = amount(one.now.value, one.unit)
        lines.append(f"{one.name}: {value}, {one.verdict} (target {one.target})")
        lines.append(f"    {counted(one)}, {interval(one.now, one.unit)}")
        lines += [f"    {one.advice}"] if one.advice else []
    kept = report.promises
    lines.append(f"Promises: {kept.kept} kept, {kept.broken} broken, {kept.open} open{kept_share(kept)}")
    for line in report.balances:
        sign = "≠" if line.missing else "="
        lines.append(f"Balance {line.desk}: desk {line.in_desk} {sign} ledger {line.in_ledger}")
    lines.append(f"Found by the comparison, not by a webhook: {report.healed}")
    lines += [f"All of it: {public_url.rstrip('/')}/week?week={report.week}"] if public_url else []
    return "\n".join(lines)


def audiences(settings: Any) -> list[str]:
    """`[report] to`: names of audiences or channels; without it the audience "manager", if there is one."""
    asked: Mapping[str, Any] = settings.report
    if unknown := sorted(set(asked) - {"to"}):
        raise ConfigError(f'{settings.path}: report.{unknown[0]}: no such key here. Write to = ["manager"].')
    named = asked.get("to", ["manager"] if "manager" in settings.audiences else [])
    return [named] if isinstance(named, str) else list(named)


def send_weekly(app: App) -> int:
    """Queue the report of the last whole week; how many messages are new. Twice is as good as once."""
    now, routes = app.clock(), routing.of(app)
    week = last_week(now, app.hours.zone)
    report = weekly(app.engine, app.hours, week, now, app)
    facts = {"week": week, "headline": headline(report), "text": short(report, app.settings.public_url)}
    told = []
    for name in audiences(app.settings):
        if not routes.refs(name, Priority.NORMAL) and not routes.rotas.on_duty(name, now):
            log.error('report.to: there is no "%s": name an audience or a channel', name)
            continue
        told.append(Notification(f"report:{week}:{name}", name, Priority.NORMAL, TEMPLATE, facts))
    with app.engine.begin() as conn:
        return delivery.enqueue(conn, told, routes=routes, now=now)
