"""What comes out of the ledger: one frozen dataclass a table. A test holds each to its table's columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

from sqlalchemy import Row, Table

from core.ledger.states import DecisionState, EventState, NotificationState, WriteState
from core.model import EventKind, TicketState

Json = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class EventRow:
    """A reported event and what became of it."""

    key: str
    desk: str
    ticket_id: str
    kind: EventKind
    source: str  # webhook, sweep, manual
    at: datetime | None
    received_at: datetime
    state: EventState
    attempts: int
    deaths: int
    due_at: datetime | None
    settled_at: datetime | None
    outcome: str
    reason: str


@dataclass(frozen=True)
class TicketRow:
    """The state of one ticket."""

    desk: str
    ticket_id: str
    state: TicketState
    reason: str
    subject: str
    url: str
    customer_id: str
    customer_email: str
    customer_name: str
    language: str
    intent: str
    confidence: float
    band: str
    outcome: str
    priority: str
    queue: str
    mode: str
    model: str
    rules_version: str
    handled_message_id: str
    handled_at: datetime | None
    created_at: datetime | None
    first_seen_at: datetime
    updated_at: datetime
    waiting_since: datetime | None
    escalated_at: datetime | None
    promise_at: datetime | None
    ladder: list[dict[str, Any]] | None
    rung: int
    next_due_at: datetime | None
    acknowledged_at: datetime | None
    claimed_at: datetime | None
    claimed_by: str
    claimed_via: str
    claimed_by_id: str
    touched_at: datetime | None
    answered_at: datetime | None
    auto_resolved_at: datetime | None
    reescalated_at: datetime | None
    closed_at: datetime | None
    desk_updated_at: datetime | None
    final_intent: str
    ai_hold: str
    handed_over: str
    handed_over_at: datetime | None
    check_verdict: str


@dataclass(frozen=True)
class LimboRow:
    """A message that a desk holds back."""

    desk: str
    id: str
    at: datetime
    until: datetime | None
    email: str
    subject: str
    url: str
    cause: str
    intent: str
    reason: str
    state: str
    confidence: float
    genuine: bool
    urgent: bool
    known_customer: bool
    seen_at: datetime
    told_at: datetime | None
    warned_at: datetime | None


@dataclass(frozen=True)
class SurgeRow:
    """A time in which an intent came far more often than its history explains."""

    key: str
    desk: str
    intent: str
    began_at: datetime
    found_at: datetime
    ended_at: datetime | None
    number: int
    told: int
    usual: float
    text: str
    approved_by: str
    approved_at: datetime | None


@dataclass(frozen=True)
class DecisionRow:
    """What was decided about one event."""

    key: str
    desk: str
    ticket_id: str
    message_id: str
    at: datetime
    intent: str
    confidence: float
    alternatives: list[list[Any]] | None
    evidence: list[str] | None
    model: str
    band: str
    outcome: str
    priority: str
    queue: str
    reason: str
    rule: str
    rules_version: str
    mode: str
    actions: list[dict[str, Any]] | None
    escalates: bool
    words: str
    state: DecisionState


@dataclass(frozen=True)
class WriteRow:
    """One call to a desk that others can see."""

    key: str
    fact_key: str
    desk: str
    ticket_id: str
    what: str
    position: int
    actions: list[dict[str, Any]]
    address: str
    state: WriteState
    attempts: int
    looks: int
    opened_at: datetime | None
    reserved_at: datetime | None
    done_at: datetime | None
    vendor_id: str
    reason: str

    @property
    def claimed_at(self) -> datetime:
        """Return when the call was claimed. Raises ValueError for one that is not open."""
        if self.opened_at is None:
            raise ValueError(f"the call {self.key} is not open")
        return self.opened_at


@dataclass(frozen=True)
class NotificationRow:
    """One message to one of our own people, by one channel."""

    key: str
    notice_key: str
    desk: str
    ticket_id: str
    audience: str
    channel: str
    person: str
    address: str
    priority: str
    template: str
    facts: Json | None
    rung: int
    state: NotificationState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    opened_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    provider_id: str
    error: str
    fallback_of: str
    bundle: str


@dataclass(frozen=True)
class HistoryRow:
    """One line of a ticket's story."""

    id: int
    desk: str
    ticket_id: str
    at: datetime
    what: str
    detail: str
    data: Json | None


@dataclass(frozen=True)
class DeskRow:
    """What the sweep knows of a desk."""

    desk: str
    cursor: str
    swept_at: datetime | None
    hook_heard_at: datetime | None
    found_at: datetime | None
    started_at: datetime | None
    paused_at: datetime | None
    paused_by: str
    trouble: str
    manifest: dict[str, dict[str, str]] | None


@dataclass(frozen=True)
class ClaimLinkRow:
    """A link that claims a ticket, once."""

    digest: str
    desk: str
    ticket_id: str
    person: str
    email: str
    expires_at: datetime
    used_at: datetime | None


@cache
def _columns(kind: Any) -> tuple[tuple[str, ...], tuple[tuple[int, type[StrEnum]], ...]]:
    """Return the names of the fields, and the places of those that are states with their enums."""
    hints = get_type_hints(kind)
    names = tuple(one.name for one in fields(kind))
    states = [(at, hints[name]) for at, name in enumerate(names) if isinstance(hints[name], type)]
    return names, tuple((at, hint) for at, hint in states if issubclass(hint, StrEnum))


def typed(kind: type[T], row: Row[Any] | list[Any]) -> T:
    """Return the row as its dataclass; a list is of the table's columns. Raises ValueError for a state that does not exist."""
    if not isinstance(row, list):
        names, _ = _columns(cast(Any, kind))
        same = row._fields[: len(names)] == names  # the table's columns, as they are mostly asked for
        row = list(row[: len(names)]) if same else [getattr(row, name) for name in names]
    return _made(kind, row)


def part(kind: type[T], table: Table, row: Row[Any]) -> T:
    """Return one table's part of a row that joins tables with equal column names."""
    values = row._mapping
    return _made(kind, [values[table.c[name]] for name in _columns(cast(Any, kind))[0]])


def _made(kind: type[T], values: list[Any]) -> T:
    for at, state in _columns(cast(Any, kind))[1]:
        values[at] = state(values[at])
    return kind(*values)


def first(kind: type[T], found: Iterable[Row[Any]] | Iterable[list[Any]]) -> T | None:
    """Return the first row as its dataclass, None when there is none."""
    return next((typed(kind, row) for row in found), None)


def every(kind: type[T], found: Iterable[Row[Any]] | Iterable[list[Any]]) -> list[T]:
    """Return all rows as their dataclass."""
    return [typed(kind, row) for row in found]
