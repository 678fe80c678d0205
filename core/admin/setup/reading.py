"""The desk's last tickets: read once, at its own pace, for the proposals and for the backtest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.admin.setup.context import Job, Setup
from core.admin.setup.proposals import found_here, proposals
from core.app import App
from core.backtest import run as backtests
from core.classify.late import ensured
from core.language import language_of
from core.model import Author, Ticket

MOST = 500
SPANS = (2, 14, 90, 365)  # days; the first that holds enough tickets is read
WORDS = 160  # of a customer's message, shown as an example


class Remembering:
    """A desk that reads each ticket once."""

    def __init__(self, desk: Any, kept: dict[str, Ticket]) -> None:
        self._desk, self._kept = desk, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    def fetch(self, ticket_id: str) -> Ticket:
        """Return the ticket as it was when it was first read."""
        if ticket_id not in self._kept:
            self._kept[ticket_id] = self._desk.fetch(ticket_id)
        return self._kept[ticket_id]


def read(setup: Setup, job: Job, sleep: Callable[[float], None] = time.sleep) -> None:
    """Read the last tickets and keep what they suggest. Cut off, it goes on where it stopped. Raises VendorError."""
    state, name, file = setup.state, setup.desk, setup.kept.folder / "read.jsonl"
    with _program(setup) as app:
        days = state.found.get("days") or _days(app, name, sleep)
        setup.kept.change(lambda s: s.with_found(days=days))
        backtests.backtest(app, name, days, file, most=MOST, step=job.step, sleep=sleep)
        route = app.settings.bands.route
    rows, words = backtests.rows_of(file), said(setup)
    queues = state.found.get("lists", {}).get("queues", [])
    found = [*proposals(rows, words, queues, route), *found_here(rows, words, queues, route)]
    tongues = Counter(language_of(text) for text in words.values() if text)
    setup.kept.change(
        lambda s: s.with_found(
            read=len(rows), proposals=[one.as_json() for one in found], languages=dict(tongues.most_common())
        )
    )


@contextmanager
def _program(setup: Setup) -> Iterator[App]:
    """The program with its classifier, over a desk that is asked for each ticket once."""
    with setup.program(store=True) as app:
        ensured(app)
        desk: Any = Remembering(app.desks[setup.desk], setup.tickets)
        yield replace(app, desks={setup.desk: desk})


def _days(app: App, desk: str, sleep: Callable[[float], None]) -> int:
    """Return how far to look back for enough tickets: a busy desk is not listed for a year."""
    now = app.clock()
    for days in SPANS:
        if len(backtests.listed(app, desk, now - timedelta(days=days), now, None, sleep)) >= MOST:
            return days
    return SPANS[-1]


def said(setup: Setup) -> dict[str, str]:
    """Ticket → the beginning of what its customer first wrote, of those that were read in this process."""
    found = {}
    for id_, ticket in list(setup.tickets.items()):
        first = next((m.text for m in ticket.messages if m.author is Author.CUSTOMER), "")
        found[id_] = " ".join(f"{ticket.subject}. {first}".split())[:WORDS]
    return found


def report_of(setup: Setup) -> Path:
    """Where the backtest's report stands."""
    return setup.kept.folder / "backtest.jsonl"


def backtest(setup: Setup, job: Job, sleep: Callable[[float], None] = time.sleep) -> None:
    """Replay the tickets that were read through what was chosen."""
    days = setup.state.found.get("days") or SPANS[-1]
    with _program(setup) as app:
        backtests.backtest(app, setup.desk, days, report_of(setup), most=MOST, step=job.step, sleep=sleep)
        found = backtests.read(app, report_of(setup))
    setup.kept.change(lambda s: s.with_found(backtest=found))
