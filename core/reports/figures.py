"""The nouns of the weekly report: what goes in as rows, what comes out as figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class BusinessHours(Protocol):
    """What the report asks of the calendar."""

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Business time from start to end."""


@dataclass(frozen=True)
class Row:
    """One ticket as the ledger knows it."""

    desk: str
    ticket_id: str
    seen_at: datetime
    outcome: str = ""
    intent: str = ""
    customer: str = ""
    email: str = ""
    priority: str = ""
    waiting_since: datetime | None = None
    escalated_at: datetime | None = None
    promise_at: datetime | None = None
    claimed_at: datetime | None = None
    answered_at: datetime | None = None
    auto_resolved_at: datetime | None = None
    reescalated_at: datetime | None = None
    closed_at: datetime | None = None
    handed_over_at: datetime | None = None


@dataclass(frozen=True)
class Paged:
    """One notice that reached for a person."""

    person: str
    at: datetime
    failed: bool = False


@dataclass(frozen=True)
class Balanced:
    """One comparison of a desk with the ledger."""

    desk: str
    at: datetime
    in_desk: int
    in_ledger: int
    missing: int = 0
    healed: int = 0
    stuck: int = 0


class Verdict(StrEnum):
    """What the interval allows to say, no more."""

    MET = "on target"
    ABOVE = "above target"
    BELOW = "below target"
    UNCLEAR = "too few to say"
    PENDING = "too early to say"


@dataclass(frozen=True)
class Share:
    """k of n with its 95 % interval."""

    name: str
    k: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """k / n, None where there is nothing to count."""
        return self.k / self.n if self.n else None


@dataclass(frozen=True)
class Point:
    """One week of a trend. `value`, `low` and `high` are shares, or seconds for a time."""

    week: str
    value: float | None
    k: int
    n: int
    low: float
    high: float | None


@dataclass(frozen=True)
class Figure:
    """One of the three figures. A time's k of n: answered within the target."""

    key: str
    name: str
    unit: str  # "share" or "seconds"
    now: Point
    target: str
    target_low: float
    target_high: float
    verdict: Verdict
    meaning: str  # the verdict in a sentence
    advice: str = ""  # only where the interval supports it
    pending: int = 0  # answers still in their quiet period, escalations still open
    trend: tuple[Point, ...] = ()  # earlier weeks, oldest first


@dataclass(frozen=True)
class Promises:
    """What the acknowledgments promised, and what became of it."""

    kept: int
    broken: int
    open: int
    low: float = 0.0  # of kept, of those that are not open: the 95 % interval
    high: float = 1.0

    @property
    def share(self) -> float | None:
        """Kept of those whose time is over."""
        return self.kept / (self.kept + self.broken) if self.kept + self.broken else None

    @property
    def total(self) -> int:
        """All promises whose tickets were escalated in the week."""
        return self.kept + self.broken + self.open


@dataclass(frozen=True)
class WouldPromise:
    """What the history would have a desk promise: the shortest time in which 95 % of such cases were answered."""

    desk: str
    priority: str
    during: str  # business hours, or other hours
    seconds: float
    configured: float  # seconds that the acknowledgment promises by the configuration
    kept: int  # of so many earlier cases, by the computed time
    cases: int
    low: float
    high: float


@dataclass(frozen=True)
class HandedOver:
    """Tickets that the desk's own AI handed over to people, and what became of them."""

    total: int = 0
    in_time: int = 0  # taken by a person within the promise
    never: int = 0  # taken by nobody so far


@dataclass(frozen=True)
class Pages:
    """Notices to one person in the week."""

    person: str
    day: int
    night: int
    failed: int


@dataclass(frozen=True)
class WeeklyReport:
    """All that is said about one week; every renderer shows this and nothing else."""

    week: str
    start: datetime
    end: datetime
    made_at: datetime
    complete: bool
    zone: str
    handled: int
    left_alone: int
    outcomes: tuple[tuple[str, int], ...]
    figures: tuple[Figure, ...]
    resolved: int
    failed: int
    pending: int
    by_intent: tuple[Share, ...]
    by_desk: tuple[Share, ...]
    by_hour: tuple[Share, ...]
    failed_by_intent: tuple[Share, ...]
    promises: Promises
    pages: tuple[Pages, ...]
    balances: tuple[Balanced, ...]
    healed: int
    definitions: tuple[tuple[str, str], ...]
    generated: bool = False  # among the rows are generated ones (the demo)
    notes: tuple[str, ...] = field(default=())
    handed_over: HandedOver = HandedOver()
    would_promise: tuple[WouldPromise, ...] = ()
