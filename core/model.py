"""The nouns. Frozen values, one word per thing; times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor

from core.scope import Places

NO_INTENT = "none_of_these"
"""The classifier's explicit way to say that a message belongs to no intent."""


class Band(StrEnum):
    """What the confidence allows."""

    AUTO = "auto"
    ROUTE = "route"
    GENERAL = "general"


class Priority(StrEnum):
    """How fast a human must see it."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for urgent, 3 for low."""
        return list(Priority).index(self)


class Mode(StrEnum):
    """How much Backstop may do by itself."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    ACT = "act"


class EventKind(StrEnum):
    """What is said to have happened to a ticket."""

    CREATED = "created"
    REPLY = "reply"
    LOOK = "look"  # something happened; the payload does not say what
    CLAIM = "claim"  # assignment changed, or an agent answered
    GONE = "gone"  # deleted, merged or marked as spam


class Author(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"  # the requester, or somebody writing from outside
    AGENT = "agent"  # a human of the company
    BOT = "bot"  # our own identity
    MACHINE = "machine"  # an automatic reply, a rule, a bounce, another bot
    AI = "ai"  # an AI agent of the desk's own: no person, and not we


class Grade(StrEnum):
    """How sure it is that a machine wrote it."""

    LIKELY = "likely"
    PROVEN = "proven"


class MachineKind(StrEnum):
    """What sort of machine wrote a message."""

    ABSENCE = "absence"
    ACKNOWLEDGMENT = "acknowledgment"
    BOUNCE = "bounce"
    RECEIPT = "receipt"
    REACTION = "reaction"
    CALENDAR = "calendar"
    REPORT = "report"
    BULK = "bulk"
    AUTOMATIC = "automatic"  # a program, whichever: by a header, the sender's name or the desk's own flag
    LOOP = "loop"  # the same words came again and again
    DESK = "desk"  # the desk itself: its rules, its system user, its bots


@dataclass(frozen=True)
class Evidence:
    """Why we think that a machine wrote a message. `whole`: it says nothing that such a machine does not say."""

    grade: Grade
    kind: MachineKind
    reason: str  # for the ticket's history: "it …"
    whole: bool = False


def by_desk(reason: str) -> Evidence:
    """The desk itself wrote it: a rule, its system user, a bot of the account."""
    return Evidence(Grade.PROVEN, MachineKind.DESK, reason, whole=True)


class Status(StrEnum):
    """A ticket's status, the vendors' words folded together."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    SOLVED = "solved"
    CLOSED = "closed"  # terminal: cannot be written any more
    SPAM = "spam"
    DELETED = "deleted"


DONE = frozenset({Status.SOLVED, Status.CLOSED})
OUT_OF_SIGHT = frozenset({Status.SPAM, Status.DELETED})
OVER = DONE | OUT_OF_SIGHT
"""Statuses of tickets on which no customer waits any more."""


class TicketState(StrEnum):
    """Where the ledger says a ticket is. Every ticket is in exactly one."""

    RECEIVED = "received"
    LEFT_ALONE = "left_alone"
    AUTO_RESOLVED = "auto_resolved"
    ESCALATED = "escalated"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    REESCALATED = "reescalated"
    DEAD_LETTER = "dead_letter"


class Outcome(StrEnum):
    """What one decision came to."""

    AUTO_RESOLVED = "auto_resolved"
    ROUTED = "routed"
    GENERAL_QUEUE = "general_queue"
    LEFT_ALONE = "left_alone"
    REESCALATED = "reescalated"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True)
class WebhookRequest:
    """A request as it came: header names in lower case, the body's raw bytes."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class TicketEvent:
    """An event about a ticket. `key` names the event, not the delivery: see `event_key`."""

    desk: str
    key: str
    kind: EventKind
    ticket_id: str
    at: datetime


def created_key(desk: str, ticket_id: str) -> str:
    """Return the key of a ticket's creation, the same for every source that reports it."""
    return f"{desk}:{ticket_id}:created"


def reply_key(desk: str, ticket_id: str, message_id: str) -> str:
    """Return the key of one customer reply, the same for every source that reports it."""
    return f"{desk}:{ticket_id}:reply:{message_id}"


def look_key(desk: str, ticket_id: str, nonce: str) -> str:
    """Return the key of a report that names no event; `nonce` distinguishes deliveries."""
    return f"{desk}:{ticket_id}:look:{nonce}"


def look(desk: str, ticket_id: str, nonce: str, at: datetime) -> TicketEvent:
    """Return the event of a report that names a ticket and nothing that happened to it."""
    return TicketEvent(desk, look_key(desk, ticket_id, nonce), EventKind.LOOK, ticket_id, at)


@dataclass(frozen=True)
class Message:
    """One message of a ticket. `text` is plain text; `html` the original where there is one."""

    id: str
    author: Author
    at: datetime
    text: str
    html: str = ""
    public: bool = True
    author_id: str = ""
    author_name: str = ""
    author_email: str = ""
    subject: str = ""  # its own, where the desk shows one
    # of the mail, where the desk shows them
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    flags: tuple[str, ...] = ()  # what the desk itself says of it, in words ("it was flagged as automatic")
    machine: Evidence | None = None  # why we think that a machine wrote it; None when a person did
    thanks: bool = False  # it only thanks or confirms
    draft: bool = False  # half-written by an agent, not sent


@dataclass(frozen=True)
class Customer:
    """The requester. `is_staff`: the company's own people."""

    id: str
    email: str = ""
    name: str = ""
    is_staff: bool = False
    locale: str = ""


@dataclass(frozen=True)
class Assignee:
    """Who holds the ticket. Only a human assignee is a claim."""

    id: str
    name: str = ""
    human: bool = True
    email: str = ""


@dataclass(frozen=True)
class Ticket:
    """A ticket as its desk shows it now; `messages` oldest first, the first one included."""

    desk: str
    id: str
    subject: str
    messages: tuple[Message, ...]
    customer: Customer
    status: Status
    created_at: datetime
    updated_at: datetime
    tags: frozenset[str] = frozenset()
    queue: str = ""  # vendor's id of the group, team or mailbox
    queue_name: str = ""
    assignee: Assignee | None = None
    priority: str = ""
    version: str = ""  # what the vendor's optimistic lock wants back, "" where it has none
    url: str = ""
    channel: str = "email"  # email, web, chat, social, phone, api, other
    opened_by: Author = Author.CUSTOMER
    replyable: bool = True  # False where a public reply would not reach the customer
    written: bool = False  # by us, since it was read
    locked: str = ""  # why nothing can be added any more ("" = writable)
    follow_up_of: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    waiting_since: datetime | None = None  # since when the customer waits, where the desk says so
    held_by_ai: bool = False  # it is assigned to an AI agent of the desk's
    read_only: bool = False  # an AI agent's ticket: nothing can be written before it is handed over
    places: Places = field(default_factory=dict)  # where it lies in its account, for a desk with `only`
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)  # connector's private use


@dataclass(frozen=True)
class Guess:
    """One intent with the probability that it is the right one (0 to 1)."""

    intent: str
    confidence: float


def whole_percent(share: float) -> int:
    """Return a confidence as people read it: rounded down, so that no threshold looks reached that was not. (57 of
    100 is a hair under 57 in binary: that hair is not rounded.)"""
    return floor(round(share * 100, 9))


@dataclass(frozen=True)
class Danger:
    """A topic that always goes to a human, and the customer's words that say so."""

    topic: str
    title: str  # the topic in words
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """The classifier's answer; `confidence` is calibrated: 0.85 is right 85 times of 100."""

    intent: str
    confidence: float
    alternatives: tuple[Guess, ...] = ()  # runner-ups, best first
    model: str = ""
    evidence: tuple[str, ...] = ()  # words or examples that weighed most
    # what single sentences may be about, quoted ones that are new here included
    suspects: tuple[Guess, ...] = ()
    # what the guess leaves out of account, in words; "" when it was made from all that is new
    unread: str = ""
    blind: str = ""  # the message's language, where urgent messages in it are not recognised often enough
    dangers: tuple[Danger, ...] = ()  # what always goes to a human, whatever the guess


# --- actions: what is to be done to a ticket, as values -------------------------------------


@dataclass(frozen=True)
class AddTags:
    """Add tags; never takes any away. `says`: the purpose of the reply that they tell of ("" of none); they go with its call
    or after it, and not at all when it is withheld."""

    tags: tuple[str, ...]
    says: str = ""


@dataclass(frozen=True)
class SetQueue:
    """Move to a group, team or mailbox, named or by id."""

    queue: str


@dataclass(frozen=True)
class SetPriority:
    """Set the desk's priority; a tag where the desk has no such field."""

    priority: Priority


@dataclass(frozen=True)
class SetFields:
    """Fill the fields for intent, confidence and outcome. The confidence is in whole per cent; a desk may lack the fields."""

    intent: str
    confidence: int
    outcome: str


@dataclass(frozen=True)
class AddNote:
    """Add a private note. `text` is filled in by wording from `template` and `facts`."""

    template: str
    facts: Mapping[str, object] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Reply:
    """Send a public message to the customer. `purpose` is "answer", "acknowledgment", "second_word" or "surge"."""

    purpose: str
    template: str
    facts: Mapping[str, object] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Solve:
    """Set the ticket solved, in the same call as the reply where the vendor can."""


@dataclass(frozen=True)
class Reopen:
    """Set the ticket open again after a customer's reply to an automatic answer."""


@dataclass(frozen=True)
class Assign:
    """Assign the ticket to an agent who claimed it outside the desk, by the vendor's id or e-mail."""

    agent: str


@dataclass(frozen=True)
class RunAction:
    """Run a macro or workflow that an admin made in the desk, by id."""

    name: str


Action = AddTags | SetQueue | SetPriority | SetFields | AddNote | Reply | Solve | Reopen | Assign | RunAction


@dataclass(frozen=True)
class Write:
    """What goes to the desk in one call; `key` is left in it as a mark where the vendor keeps one."""

    key: str
    actions: tuple[Action, ...]

    @property
    def spoken(self) -> Reply | AddNote | None:
        """The reply or note in it (at most one): what must not be seen twice."""
        return next((a for a in self.actions if isinstance(a, Reply | AddNote)), None)


class ReceiptState(StrEnum):
    """What a desk or a channel says of a call or a message."""

    DONE = "done"
    SKIPPED = "skipped"  # not made: another process did it first
    ACCEPTED = "accepted"
    SENT = "sent"  # the carrier has it; not every carrier reports its arrival
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Receipt:
    """What a desk or a channel answered. `id` is its id of the new message, `version` the new lock, `tags` those that the
    ticket has now (None where the answer does not say). `changed_at`: the desk's time of the ticket's last change, where
    that is this call and the answer shows that nobody has taken or closed the ticket since it was read."""

    id: str = ""
    version: str = ""
    state: ReceiptState = ReceiptState.DONE
    detail: str = ""
    tags: frozenset[str] | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Notification:
    """A message for the team. A `key` is sent once."""

    key: str
    audience: str  # "team", "manager", or a name from [audiences]
    priority: Priority
    template: str
    facts: Mapping[str, object] = field(default_factory=dict)
    desk: str = ""
    ticket_id: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message. `cid`: the name by which the message's HTML shows it, "" when it does not."""

    name: str
    mime: str
    content: bytes = field(repr=False)
    cid: str = ""


@dataclass(frozen=True)
class OutboundMessage:
    """A notice rendered for one channel and its recipients. `to` is empty where the channel has one place."""

    key: str
    to: tuple[str, ...]
    subject: str
    text: str
    priority: Priority
    url: str = ""  # the ticket in its desk
    claim_url: str = ""  # one-time link: a page with a button
    desk: str = ""
    ticket_id: str = ""
    thread: str = ""  # the provider's id of an earlier message on the same ticket
    edits: str = ""  # the provider's id of the message of ours whose place this one takes
    template: str = ""  # the notice's: what a pager makes of it (a "claimed" closes the incident)
    repeat: bool = False  # sent before, and whether it arrived is unknown
    html: str = ""  # the same as a page, for channels that show one
    attachments: tuple[Attachment, ...] = ()  # for channels that carry files


@dataclass(frozen=True)
class ChannelCallback:
    """What a channel's provider reported: whether a message arrived, or that a person claims a ticket."""

    kind: str  # "status" or "claim"
    key: str = ""  # status: the message's key, as it was given with the message
    provider_id: str = ""
    state: ReceiptState | None = None
    detail: str = ""
    desk: str = ""
    ticket_id: str = ""
    email: str = ""  # claim: whose
    name: str = ""
    answer_to: str = ""  # claim: where the provider expects the result


@dataclass(frozen=True)
class SidebarRequest:
    """An agent looks at a ticket in the desk, and its sidebar asks us about it."""

    ticket_id: str  # "" while it is not sent yet
    agent: str = ""  # the desk's id of who looks
    name: str = ""


@dataclass(frozen=True)
class Decision:
    """What is to be done about one customer message, and why, in words a person can check."""

    outcome: Outcome
    reason: str
    band: Band | None = None
    intent: str = ""
    confidence: float = 0.0
    priority: Priority = Priority.NORMAL
    queue: str = ""
    actions: tuple[Action, ...] = ()
    escalates: bool = False  # a human must come: the ladder starts
    rule: str = ""  # the intent rule, or the general rule, that decided
    rules_version: str = ""


# --- rules: what the owner decided, as data -------------------------------------------------


@dataclass(frozen=True)
class IntentRule:
    """What an intent's owner decided. No `reply` and no `action`: never answered automatically."""

    name: str
    priority: Priority = Priority.NORMAL
    queue: str = ""
    reply: str = ""
    action: str = ""
    mode: Mode = Mode.ACT
    auto: float | None = None  # own threshold, when set
    doubt: float = 1.0  # share of `Rules.suspicion` from which on it is suspected


@dataclass(frozen=True)
class Rules:
    """All that the policy needs from the configuration for one desk."""

    auto: float
    route: float
    intents: Mapping[str, IntentRule]
    never_automatic: frozenset[str]
    general_queue: str
    mode: Mode = Mode.ACT
    tag_prefix: str = "ai_"
    suspicion: float = 0.25
    safety: Priority = Priority.URGENT  # of what a human must always see
    human_request: str = "human_request"
    acknowledge: bool = True
    version: str = ""


@dataclass(frozen=True)
class History:
    """What the ledger remembers that the policy must know."""

    state: TicketState | None = None
    auto_answered: bool = False
    acknowledged: bool = False
    handed_over: bool = False  # by the desk's own AI: a person is to come, whoever it is assigned to
    escalated: bool = False
    priority: Priority | None = None
    intent: str = ""
    queue: str = ""
    reason: str = ""  # why a human is awaited


# --- the sweep ------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangedTicket:
    """One line of a desk's list of changed tickets: enough to see whether the ledger knows it."""

    ticket_id: str
    created_at: datetime
    updated_at: datetime
    status: Status
    events: tuple[TicketEvent, ...] = ()  # events the list itself proves (created, reply:<id>)
    customer_wrote_at: datetime | None = None  # newest customer message, where the list tells
    intent_label: str = ""  # what the intent field or tag says now, "" if none
    places: Places = field(default_factory=dict)  # as a ticket's
    # whether a further message of the second in which the customer last wrote would change nothing in this line
    may_hide: bool = True
    held_by: str = ""  # the id of its assignee, "" where there is none or the list does not tell


@dataclass(frozen=True)
class Page:
    """One page of changes and the cursor to keep once the page is stored."""

    changed_tickets: tuple[ChangedTicket, ...]
    cursor: str
    more: bool = False


@dataclass(frozen=True)
class Claim:
    """Who has claimed a ticket. `by` is empty for an unclaimed one."""

    ticket_id: str
    by: str = ""
    by_email: str = ""
    via: str = ""  # "assignee", "reply", "status"
    at: datetime | None = None
    answered: bool = False
    answered_at: datetime | None = None
    closed: bool = False  # solved, closed, deleted: nothing waits any more
    places: Places | None = None  # as a ticket's; None where they were not asked for
    by_id: str = ""  # the desk's id of a holder
    touched_at: datetime | None = None  # when the holder first did something to it, where the ticket was read


@dataclass(frozen=True)
class HeldBack:
    """A message that the desk holds back: suspended, or taken for spam. `until`: when it is deleted, if the desk says so."""

    id: str
    at: datetime
    subject: str
    text: str
    email: str
    cause: str  # in the desk's words
    url: str
    until: datetime | None = None
    ticket_id: str = ""  # of the thread that it belongs to
    by_machine: bool = False  # the cause says so: a bounce, a loop, an absence note
    places: Places = field(default_factory=dict)


@dataclass(frozen=True)
class Identity:
    """Who we are at a desk or a channel."""

    id: str
    name: str
    email: str = ""
    role: str = ""


@dataclass(frozen=True)
class Finding:
    """One line of `doctor` or `plan`: stable code, level ok/warn/fail, what and the remedy."""

    code: str
    level: str
    what: str
    remedy: str = ""


# --- the ladder -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Rung:
    """`after` the start of the wait, tell `notify`; repeated `repeat` more times every `every`. Without `repeat`, `every`
    repeats until the next rung begins; the last rung repeats until the ticket is taken."""

    after: timedelta
    notify: str
    repeat: int = 0
    every: timedelta | None = None
    quiet: str = ""  # "22:00-07:00": held back at night (urgent ignores it)
    business: bool = False  # its times count in business hours
