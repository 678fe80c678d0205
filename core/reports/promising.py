"""What each desk would promise by its own history, beside what it does promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from core.hours import Hours
from core.ledger.waits import awaited, waits
from core.model import Priority
from core.promises import ANY, MOST, Wait, promised
from core.reports.figures import WouldPromise
from core.reports.intervals import wilson

MINUTES = 16  # whose results are kept: of the present one, and of the ends of the weeks that are looked at
_counted: WeakKeyDictionary[Engine, dict[datetime, tuple[WouldPromise, ...]]] = WeakKeyDictionary()
_counting = Lock()


class Promising(Protocol):
    """What is asked of the running program: its desks' hours and promises."""

    def hours_of(self, desk: str) -> Hours:
        """Return the business hours of a desk."""

    def promised(self, desk: str, priority: Priority) -> timedelta:
        """Within which time a desk promises a human."""


def would_promise(conn: Connection, app: Promising, now: datetime) -> tuple[WouldPromise, ...]:
    """By desk, priority and hour, where there is enough history; between no bounds. Each process counts once a minute."""
    with _counting:
        known, minute = _counted.setdefault(conn.engine, {}), now.replace(second=0, microsecond=0)
        if minute not in known:
            if len(known) >= MINUTES:
                known.pop(min(known))
            known[minute] = _would_promise(conn, app, now)
        return known[minute]


def _would_promise(conn: Connection, app: Promising, now: datetime) -> tuple[WouldPromise, ...]:
    ordered = sorted(awaited(conn, now), key=lambda one: (one[0], one[1].rank))
    return tuple(line for name in ordered for line in _lines(app, *name, waits(conn, *name, now), now))


def _newest(found: Iterable[Wait], hours: Hours) -> dict[bool, list[Wait]]:
    """The waits that are looked at, by whether they began within business hours; no more is read than that."""
    kinds: dict[bool, list[Wait]] = {True: [], False: []}
    for one in found:
        alike = kinds[hours.is_open(one.since)]
        if len(alike) < MOST:
            alike.append(one)
        if min(map(len, kinds.values())) >= MOST:
            break
    return kinds


def _lines(
    app: Promising, desk: str, priority: Priority, found: Iterable[Wait], now: datetime
) -> Iterator[WouldPromise]:
    hours, configured = app.hours_of(desk), app.promised(desk, priority)
    newest = _newest(found, hours)
    for is_open, during in ((True, "business hours"), (False, "other hours")):
        said = promised(
            newest[is_open], configured, ANY, now=now, priority=priority, hours=hours, is_open=is_open
        )
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
