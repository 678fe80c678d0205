"""One help desk in memory, neutral; each vendor's `fake.py` shows it under that vendor's routes.

A fake holds our belief about a vendor; tests against a real account hold the truth.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass
class Person:
    """Somebody the desk knows. `role`: customer, agent, admin or bot."""

    id: int
    name: str
    email: str
    role: str = "customer"
    locale: str = "en"
    queue_ids: list[int] = field(default_factory=list)
    away: bool = False  # says that they are not there
    gone: bool = False  # has left: may no longer sign in
    signed_in: datetime | None = None  # when they last did; None for an AI agent's account


@dataclass
class Queue:
    """A group, team or mailbox."""

    id: int
    name: str


@dataclass
class Entry:
    """One message. `via`: email, web, api, rule, chat. `mark` and `meta` are what a write carried along."""

    id: int
    author_id: int
    body: str
    at: datetime
    public: bool = True
    html: str = ""
    via: str = "email"
    headers: dict[str, str] = field(default_factory=dict)  # of the original mail
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass
class Case:
    """One ticket. `status`: new, open, pending, solved, closed; spam, deleted and merged are flags."""

    id: int
    subject: str
    requester_id: int
    created_at: datetime
    updated_at: datetime
    status: str = "new"
    priority: str | None = None
    queue_id: int | None = None
    assignee_id: int | None = None
    tags: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)  # audit: at, actor_id, what…
    via: str = "email"
    submitter_id: int | None = None
    spam: bool = False
    deleted: bool = False
    merged_into: int | None = None
    follow_up_of: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # a fake's own belongings


Listener = Callable[[str, "Case", "Entry | None", int], None]
"""(event, case, entry, actor_id); event: created, reply, agent_reply, note, assigned, status, restored, merged, deleted."""


class SandboxDesk:
    """Tickets, people and queues behind one lock. `clock` is moved by hand in tests and the demo."""

    def __init__(self, clock: Callable[[], datetime] | None = None, first_id: int = 1001) -> None:
        self.lock = threading.RLock()
        self.clock = clock or (lambda: datetime.now(UTC))
        self._ids = itertools.count(first_id)
        self.people: dict[int, Person] = {}
        self.queues: dict[int, Queue] = {}
        self.cases: dict[int, Case] = {}
        self.listeners: list[Listener] = []
        self.bot = self.add_person("Backstop", "backstop@desk.example", role="bot")

    def next_id(self) -> int:
        """Return a fresh id, unique over everything in this desk."""
        with self.lock:
            return next(self._ids)

    def now(self) -> datetime:
        """Return the desk's time, whole seconds, as vendors give it."""
        return self.clock().replace(microsecond=0)

    def add_person(
        self, name: str, email: str, role: str = "customer", locale: str = "en", *, signs_in: bool = True
    ) -> Person:
        """Add somebody, or return who has that e-mail address already. `signs_in=False`: an AI agent's account."""
        with self.lock:
            for person in self.people.values():
                if person.email.lower() == email.lower():
                    return person
            person = Person(self.next_id(), name, email, role, locale)
            if signs_in and role in {"agent", "admin"}:
                person.signed_in = self.now()
            self.people[person.id] = person
            return person

    def add_queue(self, name: str) -> Queue:
        """Add a queue, or return the one of that name."""
        with self.lock:
            for queue in self.queues.values():
                if queue.name == name:
                    return queue
            queue = Queue(self.next_id(), name)
            self.queues[queue.id] = queue
            return queue

    def customer_writes(
        self,
        body: str,
        *,
        subject: str = "",
        email: str = "customer@example.com",
        name: str = "",
        case_id: int | None = None,
        extra: dict[str, Any] | None = None,
        **entry: Any,
    ) -> Case:
        """Write as a customer: a new ticket, or (with `case_id`) a reply, which reopens a solved one. Calls the listeners. `extra`: what the fake
        of a vendor shows of a new one, as its brand.

        A reply to a closed ticket becomes a follow-up: a new ticket that copies the tags.
        """
        with self.lock:
            person = self.add_person(name or email.partition("@")[0].title(), email)
            case = self.cases.get(case_id) if case_id is not None else None
            if case is not None and case.status == "closed":
                new = self._open(case.subject, person, entry)
                new.tags, new.fields, new.follow_up_of = list(case.tags), dict(case.fields), case.id
                case, event = new, "created"
            elif case is None:
                case, event = self._open(subject or "(no subject)", person, entry), "created"
                case.extra.update(extra or {})
            else:
                event = "reply"
                if case.status in {"solved", "pending"}:
                    case.status = "open"
            said = self._say(case, person.id, body, public=True, **entry)
        self.tell(event, case, said, person.id)
        return case

    def _open(self, subject: str, person: Person, entry: dict[str, Any]) -> Case:
        case = Case(
            self.next_id(), subject, person.id, self.now(), self.now(), via=str(entry.get("via", "email"))
        )
        case.submitter_id = person.id
        self.cases[case.id] = case
        return case

    def _say(self, case: Case, author_id: int, body: str, **entry: Any) -> Entry:
        said = Entry(self.next_id(), author_id, body, self.now(), **entry)
        case.entries.append(said)
        self.touch(case, author_id, "comment", said.id)
        return said

    def touch(self, case: Case, actor_id: int, what: str, value: Any = None) -> None:
        """Note a change and move `updated_at`."""
        case.updated_at = max(case.updated_at, self.now())
        case.changes.append({"at": self.now(), "actor_id": actor_id, "what": what, "value": value})

    def agent_claims(self, case_id: int, agent_id: int) -> Case:
        """Claim the ticket as a human agent."""
        with self.lock:
            case = self.cases[case_id]
            case.assignee_id = agent_id
            case.status = "open" if case.status == "new" else case.status
            self.touch(case, agent_id, "assignee", agent_id)
        self.tell("assigned", case, None, agent_id)
        return case

    def agent_says(self, case_id: int, agent_id: int, body: str, *, public: bool = True) -> Entry:
        """Answer the customer as a human agent, or leave a private note."""
        with self.lock:
            case = self.cases[case_id]
            said = self._say(case, agent_id, body, public=public, via="web")
        self.tell("agent_reply" if public else "note", case, said, agent_id)
        return said

    def ai_says(self, case_id: int, agent_id: int, body: str, *, system: bool = False) -> Entry:
        """Answer as an AI agent of the vendor, by its own account or as the desk's system user."""
        with self.lock:
            case = self.cases[case_id]
            said = self._say(case, agent_id, body, public=True, via="api", meta={"system": system})
        self.tell("agent_reply", case, said, agent_id)
        return said

    def agent_sets(self, case_id: int, agent_id: int, **changes: Any) -> Case:
        """Change status, tags, priority, queue_id or fields as a human agent."""
        with self.lock:
            case = self.cases[case_id]
            for name, value in changes.items():
                setattr(case, name, value)
                self.touch(case, agent_id, name, value)
        self.tell("status", case, None, agent_id)
        if False in {changes.get("deleted"), changes.get("spam")}:
            self.tell("restored", case, None, agent_id)
        return case

    def merge(self, case_id: int, into: int, agent_id: int) -> None:
        """Merge: close the source and point it at its target."""
        with self.lock:
            case = self.cases[case_id]
            case.merged_into, case.status = into, "closed"
            self.touch(case, agent_id, "merged", into)
        self.tell("merged", case, None, agent_id)

    def delete(self, case_id: int, agent_id: int) -> None:
        """Soft-delete."""
        with self.lock:
            case = self.cases[case_id]
            case.deleted = True
            self.touch(case, agent_id, "deleted")
        self.tell("deleted", case, None, agent_id)

    def tell(self, event: str, case: Case, entry: Entry | None, actor_id: int) -> None:
        """Call the listeners, without the lock, since a listener may post over HTTP."""
        for listener in list(self.listeners):
            listener(event, case, entry, actor_id)

    def by(self, case: Case, roles: Iterable[str]) -> list[Entry]:
        """Return the entries written by people of these roles."""
        wanted = set(roles)
        return [e for e in case.entries if self.people[e.author_id].role in wanted]
