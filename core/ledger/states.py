"""The states of what the ledger keeps, and which may follow which: `core.ledger.moves` refuses what is not drawn here.

`TicketState` stands in `core.model`, since the policy reads it; its changes are drawn here with the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from core.model import TicketState


class EventState(StrEnum):
    """The state of a reported event."""

    RECEIVED = "received"  # a workflow of the engine has it
    WAITING = "waiting"  # until `due_at`
    SETTLED = "settled"
    DEAD = "dead"  # given up: a dead letter, open to `retry`


class DecisionState(StrEnum):
    """Whether the calls of a decision have all come to their end."""

    DECIDED = "decided"
    DONE = "done"


class WriteState(StrEnum):
    """The state of a call to a desk."""

    PLANNED = "planned"
    OWED = "owed"  # an acknowledgment that waits for room under the cap
    OPEN = "open"  # claimed; it may have reached the desk
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"  # refused for good


class NotificationState(StrEnum):
    """The state of one message to one person."""

    QUEUED = "queued"
    OPEN = "open"  # being sent; it may have reached the channel
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"  # no longer needed
    BUNDLED = "bundled"  # waits for, or went into, a digest


class Entry(StrEnum):
    """The kind of one line of a ticket's history. Lines of older versions may hold other words."""

    DECIDED = "decided"
    WROTE = "wrote"
    SKIPPED = "skipped"
    OWED = "owed"
    LEFT_OUT = "left out"  # what the desk cannot do
    REFUSED = "refused"
    FAILED = "failed"
    NOTICED = "noticed"  # somebody of the team is sent a message
    BUNDLED = "bundled"
    SPARED = "spared"
    DELIVERED = "delivered"
    SEEN = "seen"
    SNOOZED = "snoozed"
    CLAIMED = "claimed"
    LET_GO = "let go"
    AI = "with the AI"  # the desk's own AI is handling it
    HANDED_OVER = "handed over"  # by that AI, to people
    TAKEN_OVER = "taken over"  # from another desk entry on the same account
    TAKEN_UP = "taken up"  # it came into the part of the account that the desk serves
    ANSWERED = "answered"
    CLOSED = "closed"
    RETURNED = "returned"
    CORRECTED = "corrected"
    RETRIED = "retried"
    DEAD_LETTER = "dead letter"
    GONE = "gone"
    FORGOTTEN = "forgotten"
    CLOCK = "clock"  # it ran ahead and was set back


State = TypeVar("State", EventState, DecisionState, WriteState, NotificationState, TicketState)
Changes = Mapping[State, frozenset[State]]

E, W, N, T = EventState, WriteState, NotificationState, TicketState

TAKEN_UP = frozenset({T.ESCALATED, T.REESCALATED, T.CLAIMED, T.ANSWERED, T.AUTO_RESOLVED})
"""States of a ticket for which a customer or the team was sent something."""
UNSETTLED = frozenset({E.RECEIVED, E.WAITING})
TO_MAKE = frozenset({W.PLANNED, W.OPEN})
ENDED = frozenset({W.DONE, W.SKIPPED, W.FAILED})
UNSENT = frozenset({N.QUEUED, N.BUNDLED})
LIVE = UNSENT | {N.OPEN, N.ACCEPTED}  # it may still be delivered
HANDED_OVER = frozenset({N.ACCEPTED, N.DELIVERED, N.FAILED})  # handed to a channel

EVENTS: Changes[EventState] = {
    E.RECEIVED: frozenset({E.WAITING, E.SETTLED, E.DEAD}),
    E.WAITING: frozenset({E.RECEIVED, E.SETTLED, E.DEAD}),
    E.SETTLED: frozenset(),
    E.DEAD: frozenset(
        {E.WAITING, E.SETTLED}
    ),  # retried; or the worker that was taken for dead came to an end
}
DECISIONS: Changes[DecisionState] = {
    DecisionState.DECIDED: frozenset({DecisionState.DONE}),
    DecisionState.DONE: frozenset(),
}
WRITES: Changes[WriteState] = {
    W.PLANNED: frozenset({W.OPEN, W.SKIPPED, W.FAILED}),
    W.OWED: frozenset({W.PLANNED, W.SKIPPED}),
    W.OPEN: frozenset({W.PLANNED, W.DONE, W.SKIPPED, W.FAILED}),
    W.DONE: frozenset(),
    W.SKIPPED: frozenset(),
    W.FAILED: frozenset({W.PLANNED}),  # retried
}
NOTIFICATIONS: Changes[NotificationState] = {
    N.QUEUED: frozenset({N.OPEN, N.BUNDLED, N.SUPPRESSED, N.FAILED}),
    N.OPEN: frozenset({N.QUEUED, N.ACCEPTED, N.DELIVERED, N.SUPPRESSED, N.FAILED}),
    N.ACCEPTED: frozenset({N.DELIVERED, N.FAILED}),
    N.DELIVERED: frozenset(),
    N.FAILED: frozenset(
        {N.QUEUED, N.DELIVERED}
    ),  # tried again; or the provider reports its arrival after all
    N.SUPPRESSED: frozenset(),
    N.BUNDLED: frozenset({N.OPEN, N.SUPPRESSED, N.FAILED}),  # sent singly when its digest never was
}
# what a decision may lead to
DECIDED = frozenset({T.LEFT_ALONE, T.AUTO_RESOLVED, T.ESCALATED, T.REESCALATED})
TICKETS: Changes[TicketState] = {
    T.RECEIVED: DECIDED | {T.DEAD_LETTER},
    T.LEFT_ALONE: DECIDED,
    T.AUTO_RESOLVED: DECIDED,
    T.ESCALATED: DECIDED | {T.CLAIMED, T.ANSWERED},
    T.REESCALATED: DECIDED | {T.CLAIMED, T.ANSWERED},
    T.CLAIMED: DECIDED | {T.ANSWERED},
    T.ANSWERED: DECIDED,
    T.DEAD_LETTER: DECIDED,
}


def sources(to: State) -> frozenset[State]:
    """Return the states from which `to` is allowed. A state may always be written again."""
    drawn: Changes[State] = ALL[type(to)]
    return frozenset({to} | {state for state, after in drawn.items() if to in after})


ALL: Mapping[type, Changes[Any]] = {
    EventState: EVENTS,
    DecisionState: DECISIONS,
    WriteState: WRITES,
    NotificationState: NOTIFICATIONS,
    TicketState: TICKETS,
}
