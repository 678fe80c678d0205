"""The states of what the ledger keeps, and which may follow which. A change that is not drawn here is refused.

`TicketState` stands in `core.model`, since the policy reads it; its transitions are drawn here with the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from core.model import TicketState


class EventState(StrEnum):
    """Where a reported event stands."""

    RECEIVED = "received"  # a workflow of the engine has it
    WAITING = "waiting"  # until `due_at`
    SETTLED = "settled"
    DEAD = "dead"  # given up: a dead letter, open to `retry`


class DecisionState(StrEnum):
    """Whether the calls of a decision have all come to their end."""

    DECIDED = "decided"
    DONE = "done"


class WriteState(StrEnum):
    """Where a call to a desk stands."""

    PLANNED = "planned"
    OWED = "owed"  # an acknowledgment that waits for room under the cap
    OPEN = "open"  # claimed; it may have reached the desk
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"  # refused for good


class NotificationState(StrEnum):
    """Where one message to one person stands."""

    QUEUED = "queued"
    OPEN = "open"  # being sent; it may have reached the channel
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"  # nobody needs to hear it any more
    BUNDLED = "bundled"  # waits for, or went into, a digest


State = TypeVar("State", EventState, DecisionState, WriteState, NotificationState, TicketState)

EVENTS: Mapping[EventState, frozenset[EventState]] = {
    EventState.RECEIVED: frozenset({EventState.WAITING, EventState.SETTLED, EventState.DEAD}),
    EventState.WAITING: frozenset(EventState),
    EventState.SETTLED: frozenset(),
    EventState.DEAD: frozenset({EventState.WAITING}),
}
DECISIONS: Mapping[DecisionState, frozenset[DecisionState]] = {
    DecisionState.DECIDED: frozenset({DecisionState.DONE}),
    DecisionState.DONE: frozenset(),
}
ENDED = frozenset({WriteState.DONE, WriteState.SKIPPED, WriteState.FAILED})
WRITES: Mapping[WriteState, frozenset[WriteState]] = {
    WriteState.PLANNED: frozenset({WriteState.OPEN, WriteState.SKIPPED, WriteState.FAILED}),
    WriteState.OWED: frozenset({WriteState.PLANNED, WriteState.SKIPPED}),
    WriteState.OPEN: frozenset({WriteState.PLANNED, WriteState.OPEN}) | ENDED,
    WriteState.DONE: frozenset(),
    WriteState.SKIPPED: frozenset({WriteState.PLANNED}),
    WriteState.FAILED: frozenset({WriteState.PLANNED}),
}
N = NotificationState
NOTIFICATIONS: Mapping[NotificationState, frozenset[NotificationState]] = {
    N.QUEUED: frozenset({N.OPEN, N.BUNDLED, N.SUPPRESSED, N.FAILED}),
    N.OPEN: frozenset({N.QUEUED, N.ACCEPTED, N.DELIVERED, N.FAILED, N.OPEN, N.SUPPRESSED}),
    N.ACCEPTED: frozenset({N.DELIVERED, N.FAILED, N.OPEN, N.QUEUED}),
    N.DELIVERED: frozenset({N.FAILED}),
    N.FAILED: frozenset({N.QUEUED, N.DELIVERED}),
    N.SUPPRESSED: frozenset(),
    N.BUNDLED: frozenset({N.QUEUED, N.OPEN, N.SUPPRESSED, N.FAILED}),
}
