"""The time that a desk promises now: as configured, or computed from what it has kept, where the admin has set bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core.app import App
from core.hours import promise
from core.ledger.db import reading
from core.ledger.waits import waits
from core.model import AddNote, Decision, Priority
from core.promises import ENOUGH, Promised, promised, short


def promise_of(app: App, desk: str, priority: Priority, now: datetime) -> tuple[datetime, str]:
    """Return by when a human answers, as the desk promises it now, and an explanation for our people: "" where the time is
    simply configured."""
    found = _promised_now(app, desk, priority, now)
    return promise(app.hours_of(desk), now, found.span, priority), _why(app, desk, priority, now, found)


def _promised_now(app: App, desk: str, priority: Priority, now: datetime) -> Promised:
    """Return the time for a case that begins now. The history is read only where bounds are set."""
    configured, bounds = app.promised(desk, priority), app.promise_bounds(desk, priority)
    if bounds is None:
        return Promised(configured)
    with reading(app.engine) as conn:
        earlier = waits(conn, desk, priority, now)
        return promised(earlier, configured, bounds, now=now, priority=priority, hours=app.hours_of(desk))


def _why(app: App, desk: str, priority: Priority, now: datetime, found: Promised) -> str:
    if app.promise_bounds(desk, priority) is None:
        return ""
    when = "in" if app.hours_of(desk).is_open(now) else "outside"
    alike = f"{priority} tickets that came {when} business hours"
    said = f"promised within {short(found.span)}"
    if not found.computed:
        return f"{said}, as configured: so far {found.cases} of {ENOUGH} {alike} tell what can be kept"
    if not found.holds:
        return f"{said}, the longest allowed, though only {found.kept} of {found.cases} {alike} were answered in it"
    return f"{said}: {found.kept} of {found.cases} {alike} were answered in it"


def explained(decision: Decision, how: str) -> Decision:
    """Return the decision with a reason, and a note, that say how its promise came about."""
    if not how:
        return decision
    reason = f"{decision.reason}; {how}"
    actions = (
        replace(a, facts={**a.facts, "why": f"{a.facts.get('why', decision.reason)}; {how}"})
        if isinstance(a, AddNote)
        else a
        for a in decision.actions
    )
    return replace(decision, reason=reason, actions=tuple(actions))
