"""The ports: what the rest of the program asks of a desk, a channel and a classifier, and where tokens are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from core.model import (
    Action,
    ChannelCallback,
    Claim,
    Finding,
    Guess,
    HeldBack,
    Identity,
    OutboundMessage,
    Page,
    Prediction,
    Receipt,
    Ticket,
    TicketEvent,
    WebhookRequest,
    Write,
)


class HelpDesk(Protocol):
    """One account of one vendor. Reads, writes, decides nothing."""

    name: str  # the desk's name in the configuration
    vendor: str
    supports: frozenset[type[Action]]
    patience: timedelta  # how long a request of ours may still be under way after we gave up on it

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        """Raise BadSignature unless the raw bytes prove themselves. Constant-time."""

    def parse(self, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
        """The events in a genuine request; () for kinds we do not use; BadPayload without a ticket id."""

    def fetch(self, ticket_id: str) -> Ticket:
        """The whole ticket. Raises Gone, Moved, TryLater, NotAllowed."""

    def mail_headers(self, ticket: Ticket, message_id: str) -> Mapping[str, str]:
        """The headers of the mail that a customer's message came as, where the vendor shows them at the price of a call;
        {} otherwise. Called only before speaking."""

    def writes(self, ticket: Ticket, actions: Sequence[Action], key: str) -> tuple[Write, ...]:
        """The actions as the fewest calls this vendor allows, in the order that hurts least when cut off.
        Pure. Keys are `<key>:<what>`; raises Unsupported."""

    def send(self, ticket: Ticket, write: Write) -> Receipt:
        """One call. Raises TryLater (not done), Conflict (not done), UnknownOutcome, Refused, Gone."""

    def landed(self, ticket_id: str, write: Write, since: datetime) -> Receipt | None:
        """Whether a write of ours begun at `since`, whose outcome is unknown, is there already."""

    def changed_since(self, cursor: str, start: datetime, now: datetime) -> Page:
        """Tickets changed since the cursor ("" = from `start`), oldest change first, any status."""

    def unclaimed(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """In bulk: the state of claim of each ticket that the desk still knows."""

    def whoami(self) -> Identity:
        """Our own identity. Raises NotAllowed when the credential does not work."""

    def check(self, queues: Iterable[str]) -> list[Finding]:
        """What `doctor` can see with the run-time credential: identity, rights, queues by name."""


@runtime_checkable
class AgentDirectory(Protocol):
    """A desk that can say which of its agents has an e-mail address."""

    def agent_id(self, email: str) -> str:
        """The agent's id there. Raises Refused when nobody has that address, TryLater."""


@runtime_checkable
class Presence(Protocol):
    """A desk that can say which of its agents are not there."""

    def absent(self) -> Mapping[str, str]:
        """Agent id → why: "away", "offline". Who is not named may be there. Raises NotAllowed, TryLater, Refused."""


@runtime_checkable
class Limbo(Protocol):
    """A desk that can say which messages it holds back."""

    def held_back(self) -> tuple[HeldBack, ...]:
        """Those that are suspended or taken for spam now, in one call. Raises TryLater, NotAllowed."""

    def recover(self, held_id: str) -> str:
        """Make a ticket of one; return the clicks that do it where no call does, "" when it was done. Raises VendorError."""


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ONE_PERSON = ((5, 15 * MINUTE), (11, HOUR), (21, 3 * HOUR))
"""What one person can take: the limits that GoAlert has settled on for SMS (`engine/message/ratelimit.go`). A mailbox with a
hundred mails is read no more than a phone with a hundred messages."""
MANY_READERS = ((40, 5 * MINUTE),)
"""What a room that many people read can take."""


@dataclass(frozen=True)
class Abilities:
    """What a channel can carry and do."""

    format: str  # "short", "rich" or "mail": which template
    max_length: int  # characters
    customer_words: bool = True  # whether the customer's own words may be in the message
    limits: tuple[
        tuple[int, timedelta], ...
    ] = ()  # to one address: so many messages within so long; the rest is a digest
    files: bool = False
    reports_delivery: bool = False  # the provider says later that a message arrived
    closes: bool = False  # wants to know that a ticket was claimed: a pager's incident
    edits: bool = False  # can change a message that was sent


class Channel(Protocol):
    """One way to reach people."""

    name: str  # "slack:urgent"
    kind: str  # "slack"
    can: Abilities
    recipients: tuple[str, ...]  # who is meant when nobody is named; () for one place that many look at

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Raises TryLater, Refused, UnknownOutcome."""

    def check(self) -> list[Finding]:
        """What `doctor` can see without disturbing anybody."""


@runtime_checkable
class CallbackChannel(Protocol):
    """A channel whose provider calls us back."""

    def heard(self, request: WebhookRequest, url: str, now: datetime) -> tuple[ChannelCallback, ...]:
        """What a genuine call says; `url` as the provider called it. Raises BadSignature, BadPayload."""

    def answer(self, heard: ChannelCallback, text: str) -> None:
        """Tell the person who clicked what came of it. Raises as `send` does."""


@runtime_checkable
class PolledChannel(Protocol):
    """A channel that can be asked what became of its messages later."""

    def returned(self, now: datetime) -> tuple[ChannelCallback, ...]:
        """What is known since the last time. Raises TryLater, NotAllowed."""


class Guesser(Protocol):
    """From the customer's words to an intent with a calibrated confidence."""

    model: str

    def predict(self, text: str) -> Prediction:
        """Never raises on any text; raises TryLater when an outside service does not answer."""


class Classifier(Guesser, Protocol):
    """A guesser that also looks at single sentences."""

    def suspects(self, text: str) -> tuple[Guess, ...]:
        """Return what single sentences of a text are about, best first. Asks no outside service."""


@dataclass(frozen=True)
class Token:
    """An access token, and the refresh token where the grant has one. `expires_at`: when to renew it."""

    access: str
    expires_at: datetime
    refresh: str = ""
    scope: str = ""
    refresh_expires_at: datetime | None = None  # None: it has no end that the vendor tells


class TokenStore(Protocol):
    """Where tokens are kept, shared by all processes."""

    def load(self, desk: str) -> Token | None:
        """The token kept for a desk."""

    def save(self, desk: str, token: Token) -> None:
        """Keep a token, atomically."""

    def lock(self, desk: str) -> AbstractContextManager[None]:
        """Held by one renewer at a time; waits for the other one, raises TryLater when it takes too long."""
