"""On the way from observe to act: what would have been done, the evidence that is still missing, and the desk's own past."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from sqlalchemy import Connection, RowMapping, func, select

from core.backtest import run as backtest
from core.classify.intents import intent_rules
from core.classify.late import ensured
from core.errors import BackstopError, ConfigError, said_of
from core.ledger.db import reading
from core.ledger.schema import decisions, tickets
from core.model import NO_INTENT, IntentRule, Mode, Outcome, Rules
from core.web import quality as q
from core.web.access import backstop, needs, reader
from core.web.users import Role, record

NEWEST = 20
ENOUGH = 20  # tickets of known truth, before a share says anything
_running: dict[str, str] = {}  # desk → "" while its backtest runs, else why it ended


def add_routes(pages: Blueprint) -> None:
    """The page, and the button that starts a backtest."""
    pages.add_url_rule("/going-live", "going_live", going_live)
    pages.add_url_rule("/going-live/<desk>/backtest", "start_backtest", start_backtest, methods=["POST"])


def observing(app: Any) -> list[str]:
    """The desks on which nothing is written."""
    return sorted(name for name, one in app.rules.items() if one.mode is Mode.OBSERVE)


def going_live() -> str:
    """What stands between observing and acting, desk by desk."""
    app = backstop()
    now = app.clock()
    with reading(app.engine) as connection:
        rows = q.seen(connection, now)
        found = would_have(connection)
        proven = q.proven(connection)
    return render_template(
        "console/going_live.html",
        now=now,
        modes={name: str(one.mode) for name, one in app.rules.items()},
        would=found,
        checks=checklist(rows, app.rules, proven),
        reports={name: _report(app, name) for name in app.rules},
        running=_running,
        ruled=intent_rules(app.settings),
    )


@needs(Role.ADMIN)
def start_backtest(desk: str) -> Any:
    """Begin, or go on with, the backtest of a desk; it runs in this process."""
    app = backstop()
    if desk not in app.desks:
        abort(404, "There is no such desk.")
    if _running.get(desk, "ended") != "":
        _running[desk] = ""
        found = reader()
        with app.engine.begin() as connection:
            record(connection, app.clock(), found.name if found else "", f"backtest {desk}")
        threading.Thread(target=_backtest, args=(app, desk), name=f"backtest-{desk}", daemon=True).start()
        flash(f"The backtest of {desk} has started. This page shows its progress.", "good")
    return redirect(url_for("console.going_live"), code=303)


def _backtest(app: Any, desk: str) -> None:
    """The thread's work. What goes wrong is shown on the page."""
    try:
        ensured(app)
        backtest.backtest(app, desk, 30, backtest.file_of(app, desk))
        _running.pop(desk, None)
    except Exception as err:  # a thread's fault must reach the person who started it
        _running[desk] = said_of(err)


def _report(app: Any, desk: str) -> dict[str, Any] | None:
    """The desk's newest backtest, None when there is none."""
    try:
        return backtest.read(app, backtest.file_of(app, desk))
    except (ConfigError, BackstopError):
        return None


def would_have(connection: Connection, size: int = NEWEST) -> Sequence[RowMapping]:
    """The newest decisions that were only observed."""
    shown = [
        decisions.c[n]
        for n in (
            "desk",
            "ticket_id",
            "at",
            "intent",
            "confidence",
            "outcome",
            "rule",
            "priority",
            "queue",
            "actions",
        )
    ]
    query = select(*shown, func.substr(tickets.c.subject, 1, 200).label("subject"))
    same = (tickets.c.desk == decisions.c.desk) & (tickets.c.ticket_id == decisions.c.ticket_id)
    query = query.select_from(decisions.outerjoin(tickets, same)).where(decisions.c.mode == Mode.OBSERVE)
    return connection.execute(query.order_by(decisions.c.at.desc()).limit(size)).mappings().all()


def as_if(connection: Connection, start: datetime, end: datetime) -> dict[str, Any] | None:
    """A week's figures as if Backstop had acted, from what it only observed; None when it observed nothing."""
    query = select(decisions.c.outcome, func.count().label("number")).where(
        decisions.c.mode == Mode.OBSERVE,
        decisions.c.at.between(start, end),
        decisions.c.key.like("%:created"),
    )
    found = connection.execute(query.group_by(decisions.c.outcome))
    by: dict[str, int] = {row.outcome: row.number for row in found}
    if not by:
        return None
    handled = sum(number for outcome, number in by.items() if outcome != Outcome.LEFT_ALONE)
    people = handled - by.get(Outcome.AUTO_RESOLVED, 0)
    return {"outcomes": by, "handled": handled, "rate": people / handled if handled else None}


# --- the checklist --------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One thing that is needed; `open`: what is still missing, "" when nothing is."""

    what: str
    open: str


@dataclass(frozen=True)
class Intent:
    """What one intent still needs, for suggest and for act."""

    name: str
    number: int
    suggest: tuple[Check, ...]
    act: tuple[Check, ...]


def checklist(rows: Sequence[q.Seen], rules: Mapping[str, Rules], proven: Mapping[str, Any]) -> list[Intent]:
    """Per intent that customers wrote about, what is missing for `suggest` and for `act`."""
    ruled = {name: (rule, one) for one in rules.values() for name, rule in one.intents.items()}
    found = []
    for line in q.by_intent(rows, rules):
        if line.name == NO_INTENT:
            continue
        rule, own = ruled.get(line.name, (IntentRule(line.name), None))
        found.append(Intent(line.name, line.number, _suggest(line, rule, own), _act(line, rule, own, proven)))
    return found


def _suggest(line: q.IntentLine, rule: IntentRule, own: Rules | None) -> tuple[Check, ...]:
    queue = rule.queue or (own.general_queue if own else "the general queue")
    few = f"{line.number} of {ENOUGH} so far" if line.number < ENOUGH else ""
    nowhere = "" if rule.queue else f"not set, so tickets go to {queue}"
    return (Check("tickets seen", few), Check("a queue of its own", nowhere))


def _act(
    line: q.IntentLine, rule: IntentRule, own: Rules | None, proven: Mapping[str, Any]
) -> tuple[Check, ...]:
    if own is not None and rule.name in own.never_automatic:
        return (Check("nothing to do: this intent always goes to a human", ""),)
    known = line.precision.n
    threshold = rule.auto if rule.auto is not None else (own.auto if own else 1.0)
    bound = (proven.get("by") or {}).get(line.name, {}).get("threshold")
    short = f"{known} of {ENOUGH} so far" if known < ENOUGH else ""
    return (
        Check(
            "a reply", "" if rule.reply or rule.action else "without one, nothing is answered automatically"
        ),
        Check("tickets whose intent people have confirmed", short),
        Check("a proven threshold", _unproven(bound, threshold)),
    )


def _unproven(bound: float | None, threshold: float) -> str:
    if bound is None:
        return "not proven yet: confirm more tickets, then compute it on Quality"
    return "" if bound <= threshold else f"safe from {bound:.2f}, configured: {threshold:.2f}"
