"""The metrics' names and texts, and the queries for those that the ledger itself can answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from sqlalchemy import Column, ColumnElement, Connection, func, literal_column, select

from core.ledger.schema import desks, events, tickets, writes
from core.ledger.states import EventState, WriteState
from core.model import Priority, TicketState

Totals = Mapping[tuple[str, tuple[str, ...]], float]

SETTLE_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3600.0, 21600.0)
CLASSIFY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

WAITING = (TicketState.ESCALATED, TicketState.REESCALATED)
ACKNOWLEDGED = (writes.c.what == "acknowledgment", writes.c.state == WriteState.DONE)

COUNTERS = {
    "webhooks": ("Webhooks received, by what became of them.", ["desk", "result"]),
    "tickets": ("Events that came to their end, by outcome.", ["desk", "outcome"]),
    "acknowledgments": ("Acknowledgments sent to customers.", ["desk"]),
    "notices": ("Notices to our people, by the state they came into.", ["channel", "state"]),
    "vendor_calls": ("Calls to a desk's API.", ["desk", "operation", "outcome"]),
    "external_classifier_calls": ("Questions to an external classifier.", ["model", "outcome"]),
    "external_classifier_tokens": ("Tokens sent to it and received from it.", ["model", "direction"]),
    "external_classifier_cost": ("What they cost, in the currency of the configured price.", ["model"]),
}
HISTOGRAMS = {
    "settle_seconds": ("From stored to settled.", ["desk"], SETTLE_BUCKETS),
    "classify_seconds": ("Time the classifier took.", [], CLASSIFY_BUCKETS),
    "external_classifier_seconds": ("Time an external classifier took.", ["model"], CLASSIFY_BUCKETS),
}
FORMER = {f"external_classifier_{what}": f"mind_{what}" for what in ("calls", "tokens", "cost", "seconds")}
"""Metrics whose name has changed, with the former one: under that they are stored, and shown until 0.2."""


class Families(Collector):
    """One scrape: sums as counters and histograms, the ledger's states as gauges."""

    def __init__(self, connection: Connection, totals: Totals, now: datetime) -> None:
        self._connection, self._totals, self._now = connection, totals, now

    def collect(self) -> Iterable[Metric]:
        """Return all families, in the order of the documentation."""
        names = list(self._connection.scalars(select(desks.c.desk).order_by(desks.c.desk)))
        sums = Counter(self._totals) + Counter(proven(self._connection))
        yield from _counters(sums)
        yield from _open(self._connection, names, self._now)
        yield from _lags(self._connection, self._now)
        yield from _stuck(self._connection, names, self._now)
        yield from _histograms(sums)
        limit = GaugeMetricFamily(
            "backstop_rate_limit_remaining", "What the desk last said is left.", None, ["desk"]
        )
        for (name, labels), value in sorted(self._totals.items()):
            if name == "rate_limit_remaining":
                limit.add_metric(labels, value)
        yield limit


def proven(connection: Connection) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the counters that stand in the ledger: outcomes and acknowledgments."""
    ended = select(events.c.desk, events.c.outcome, func.count()).where(
        events.c.state == EventState.SETTLED, events.c.outcome != ""
    )
    spoken = select(writes.c.desk, func.count()).where(*ACKNOWLEDGED)
    outcomes = connection.execute(ended.group_by(events.c.desk, events.c.outcome))
    found: dict[tuple[str, tuple[str, ...]], float] = {("tickets", (d, o)): n for d, o, n in outcomes}
    said = connection.execute(spoken.group_by(writes.c.desk))
    return found | {("acknowledgments", (d,)): n for d, n in said}


def apart(column: Column[str]) -> ColumnElement[str]:
    """Return the column, to group by without its index: SQLite would rather walk all rows in the order of desks than
    look up the few that wait (0.2 s against 1 ms with 100 000 tickets). The empty string is written out: as a
    parameter it would make each use another expression to Postgres, which then groups by none of them."""
    return func.coalesce(column, literal_column("''"))


def _names(name: str, text: str) -> list[tuple[str, str, str]]:
    """Return each name that a metric is shown by, with its text and the name that it is stored by."""
    former = FORMER.get(name)
    if former is None:
        return [(name, text, name)]
    return [(name, text, former), (former, f"Former name of backstop_{name}, until 0.2.", former)]


def _counters(sums: Totals) -> Iterator[Metric]:
    shown = [(one, labels) for name, (text, labels) in COUNTERS.items() for one in _names(name, text)]
    for (name, text, stored), labels in shown:
        family = CounterMetricFamily(f"backstop_{name}", text, None, labels)
        for (metric, values), value in sorted(sums.items()):
            if metric == stored:
                family.add_metric(values, value)
        yield family


def _histograms(sums: Totals) -> Iterator[Metric]:
    shown = [
        (one, labels, buckets)
        for name, (text, labels, buckets) in HISTOGRAMS.items()
        for one in _names(name, text)
    ]
    for (name, text, stored), labels, buckets in shown:
        family = HistogramMetricFamily(f"backstop_{name}", text, None, labels=labels)
        edges = [*map(str, buckets), "+Inf"]
        cells: defaultdict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
        for (metric, values), value in sums.items():
            if metric == stored:
                cells[values[:-1]][values[-1]] = value
        for values, found in sorted(cells.items()):
            running = accumulate(found.get(edge, 0.0) for edge in edges)
            pairs = list(zip(edges, running, strict=True))
            family.add_metric(values, pairs, sums.get((f"{stored}_sum", values), 0.0))
        yield family


def _open(connection: Connection, names: list[str], now: datetime) -> Iterator[Metric]:
    waiting = select(
        apart(tickets.c.desk),
        tickets.c.priority,
        func.count(),
        func.min(func.coalesce(tickets.c.waiting_since, tickets.c.escalated_at)),
    ).where(tickets.c.state.in_(WAITING))
    rows = connection.execute(waiting.group_by(apart(tickets.c.desk), tickets.c.priority)).all()
    found = {(desk, priority): (number, since) for desk, priority, number, since in rows}
    family = GaugeMetricFamily(
        "backstop_open_escalations", "Tickets waiting for a human.", None, ["desk", "priority"]
    )
    oldest = GaugeMetricFamily(
        "backstop_oldest_unclaimed_seconds", "How long the oldest of them has waited.", None, ["desk"]
    )
    for desk in sorted({*names, *(d for d, _ in found)}):
        for priority in sorted({*Priority, *(p for d, p in found if d == desk)}):
            family.add_metric([desk, priority], found.get((desk, priority), (0, None))[0])
        since = [at for (d, _), (_, at) in found.items() if d == desk and at is not None]
        oldest.add_metric([desk], max(0.0, (now - min(since)).total_seconds()) if since else 0.0)
    yield family
    yield oldest


def _lags(connection: Connection, now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "backstop_sweep_lag_seconds", "Since the last complete comparison with the desk.", None, ["desk"]
    )
    last = func.coalesce(desks.c.swept_at, desks.c.started_at)
    for desk, at in connection.execute(select(desks.c.desk, last).order_by(desks.c.desk)):
        if at is not None:
            family.add_metric([desk], max(0.0, (now - at).total_seconds()))
    yield family


def _stuck(connection: Connection, names: list[str], now: datetime) -> Iterator[Metric]:
    """Dead letters, events not settled yet, and rungs whose time has come."""
    late = tickets.c.state.in_(WAITING), tickets.c.next_due_at < now
    questions: dict[str, tuple[str, Column[str], Sequence[ColumnElement[bool]]]] = {
        "dead_letters": (
            "Events given up after the last try.",
            events.c.desk,
            [events.c.state == EventState.DEAD],
        ),
        "unsettled": (
            "Events stored and not settled yet.",
            events.c.desk,
            [events.c.state.in_([EventState.RECEIVED, EventState.WAITING])],
        ),
        "late_rungs": ("Escalations whose next rung is overdue.", tickets.c.desk, late),
    }
    for name, (text, desk, where) in questions.items():
        rows = connection.execute(select(apart(desk), func.count()).where(*where).group_by(apart(desk))).all()
        found = dict.fromkeys(names, 0) | {one: number for one, number in rows}  # noqa: C416  # rows are no pairs to mypy
        family = GaugeMetricFamily(f"backstop_{name}", text, None, ["desk"])
        for one, number in sorted(found.items()):
            family.add_metric([one], number)
        yield family
