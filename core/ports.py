"""The ports: what the rest of the program asks of a desk, a channel and a classifier, and where tokens are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
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
    patience: timedelta  # how long a request may still be processed after we stopped waiting for it

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        """Check the signature over the raw bytes, in constant time. Raises BadSignature."""

    def parse(self, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
        """Return the events in a verified request; () for kinds we do not use. Raises BadPayload without a ticket id."""

    def fetch(self, ticket_id: str) -> Ticket:
        """Return the whole ticket. Raises Gone, Moved, TryLater, NotAllowed."""

    def mail_headers(self, ticket: Ticket, message_id: str) -> Mapping[str, str]:
        """Return the headers of the mail that a customer's message came as, where the vendor needs a call of its own for them;
        {} otherwise. Called only before we write to a customer."""

    def writes(self, ticket: Ticket, actions: Sequence[Action], key: str) -> tuple[Write, ...]:
        """Return the actions as the fewest calls that this vendor allows, in the order that does least harm when the process
        stops between two of them. Pure. Keys are `<key>:<what>`. Raises Unsupported."""

    def send(self, ticket: Ticket, write: Write) -> Receipt:
        """Make one call. Raises TryLater (not done), Conflict (not done), UnknownOutcome, Refused, Gone."""

    def landed(self, ticket_id: str, write: Write, since: datetime) -> Receipt | None:
        """Return the receipt of a write that began at `since` and whose outcome is unknown; None when it was not done."""

    def changed_since(self, cursor: str, start: datetime, now: datetime) -> Page:
        """Return the tickets that changed since the cursor ("" = since `start`), of any status, oldest change first."""

    def unclaimed(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return who has claimed each ticket that the desk still knows, in bulk."""

    def whoami(self) -> Identity:
        """Return our own identity. Raises NotAllowed when the credential does not work."""

    def check(self, queues: Iterable[str]) -> list[Finding]:
        """Return what `doctor` can see with the run-time credential: identity, rights, queues by name."""


@runtime_checkable
class AgentDirectory(Protocol):
    """A desk that finds an agent by e-mail address."""

    def agent_id(self, email: str) -> str:
        """Return the agent's id. Raises Refused when no agent has that address, TryLater."""


@runtime_checkable
class AccountLists(Protocol):
    """A desk that can list the places of its account."""

    def listed(self, kind: str) -> Mapping[str, Iterable[str]]:
        """Return a mapping, id → names and addresses of the account's brands, mailboxes, groups or forms. Raises VendorError."""


@runtime_checkable
class Presence(Protocol):
    """A desk that shows which of its agents are away."""

    def absent(self) -> Mapping[str, str]:
        """Return a mapping, agent id → "away" or "offline"; agents that are missing may be at work. Raises NotAllowed, TryLater, Refused."""


@runtime_checkable
class OwnAddresses(Protocol):
    """A desk that lists the addresses at which its mail arrives and from which it answers."""

    def addresses(self) -> frozenset[str]:
        """Return them, kept for an hour; none where our role may not see them. While the desk does
        not answer, return those that it listed last."""


@runtime_checkable
class Limbo(Protocol):
    """A desk that lists the messages it holds back as suspended or spam."""

    def held_back(self) -> tuple[HeldBack, ...]:
        """Return the messages that are held back now, in one call. Raises TryLater, NotAllowed."""

    def recover(self, held_id: str) -> str:
        """Make a ticket of one; return "" when it was done, else the clicks by which a person does it. Raises VendorError."""


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
    # to one address: so many messages within so long; the rest is a digest
    limits: tuple[tuple[int, timedelta], ...] = ()
    files: bool = False
    reports_delivery: bool = False  # the provider says later that a message arrived
    closes: bool = False  # wants to know that a ticket was claimed: a pager's incident
    edits: bool = False  # can change a message that was sent
    threads: bool = False  # continues the thread of an earlier message on the same ticket


class Channel(Protocol):
    """One way to reach people."""

    name: str  # "slack:urgent"
    kind: str  # "slack"
    can: Abilities
    # addresses used when a message names none; () for a room that many people read
    recipients: tuple[str, ...]

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Send one message. Raises TryLater, Refused, UnknownOutcome."""

    def check(self) -> list[Finding]:
        """Return what `doctor` can see without sending a message."""


@runtime_checkable
class CallbackChannel(Protocol):
    """A channel whose provider calls us back: a delivery report, or a click on a button."""

    def heard(self, request: WebhookRequest, url: str, now: datetime) -> tuple[ChannelCallback, ...]:
        """Verify a callback and return what it reports; `url`: the address that the provider called. Raises BadSignature,
        BadPayload."""

    def answer(self, heard: ChannelCallback, text: str) -> None:
        """Show the result to the person who clicked. Raises as `send` does."""


@runtime_checkable
class PolledChannel(Protocol):
    """A channel whose delivery reports must be fetched."""

    def returned(self, now: datetime) -> tuple[ChannelCallback, ...]:
        """Return the reports since the last call. Raises TryLater, NotAllowed."""


class Guesser(Protocol):
    """Predicts an intent from the customer's words, with a calibrated confidence."""

    model: str

    def predict(self, text: str) -> Prediction:
        """Return the prediction for any text. Raises only TryLater, when an external service does not answer."""


class Classifier(Guesser, Protocol):
    """A guesser that also classifies single sentences."""

    def suspects(self, text: str) -> tuple[Guess, ...]:
        """Return the guesses for single sentences of a text, best first, without a call to an external service."""

    def examine(self, words: str, everything: str) -> Prediction:
        """Return `predict` of the words with the `suspects` of everything. Raises as `predict` does."""
        return replace(self.predict(words), suspects=self.suspects(everything))


@dataclass(frozen=True)
class Token:
    """An access token, and the refresh token where the grant has one. `expires_at`: when to renew it."""

    access: str
    expires_at: datetime
    refresh: str = ""
    scope: str = ""
    refresh_expires_at: datetime | None = None  # None: the vendor states no end


class TokenStore(Protocol):
    """Where tokens are kept, shared by all processes."""

    def load(self, desk: str) -> Token | None:
        """Return the stored token of a desk, None when there is none."""

    def save(self, desk: str, token: Token) -> None:
        """Store a token, atomically."""

    def lock(self, desk: str) -> AbstractContextManager[None]:
        """Return a lock held by one renewer at a time. Waits for another one; raises TryLater after too long a wait."""
