"""The states of what the ledger keeps. `TicketState` stands in `core.model`, since the policy reads it."""

from __future__ import annotations

from enum import StrEnum


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


ENDED = frozenset({WriteState.DONE, WriteState.SKIPPED, WriteState.FAILED})
