"""What each desk would promise by its own history, beside what it does promise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from core.hours import Hours
from core.ledger.waits import by_priority
from core.model import Priority
from core.promises import ANY, Wait, promised
from core.reports.figures import WouldPromise
from core.reports.intervals import wilson


class Promising(Protocol):
    """What is asked of the running program: its desks' hours and promises."""

    def hours_of(self, desk: str) -> Hours:
        """The business hours of a desk."""

    def promised(self, desk: str, priority: Priority) -> timedelta:
        """Within which time a desk promises a human."""


def would_promise(conn: Connection, app: Promising, now: datetime) -> tuple[WouldPromise, ...]:
    """By desk, priority and hour, where there is enough history; between no bounds."""
    found = by_priority(conn, now)
    ordered = sorted(found, key=lambda one: (one[0], one[1].rank))
    return tuple(line for name in ordered for line in _lines(app, *name, found[name], now))


def _lines(
    app: Promising, desk: str, priority: Priority, waits: list[Wait], now: datetime
) -> Iterator[WouldPromise]:
    hours, configured = app.hours_of(desk), app.promised(desk, priority)
    for is_open, during in ((True, "business hours"), (False, "other hours")):
        said = promised(waits, configured, ANY, now=now, priority=priority, hours=hours, is_open=is_open)
        if said.computed and said.holds:
            yield WouldPromise(
                desk,
                priority,
                during,
                said.span.total_seconds(),
                configured.total_seconds(),
                said.kept,
                said.cases,
                *wilson(said.kept, said.cases),
            )
