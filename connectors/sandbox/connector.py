"""The desk behind the port."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from connectors.kit.desk import AccountDesk
from connectors.kit.findings import fail
from connectors.kit.http import DeskSession, OnCall
from connectors.kit.text import squeezed
from connectors.kit.values import Row, number, row, rows, stamp, text
from connectors.sandbox import events
from connectors.sandbox.directory import Directory
from connectors.sandbox.settings import Settings
from core.errors import Gone, Refused, Unsupported
from core.model import (
    Action,
    AddNote,
    AddTags,
    Assign,
    Assignee,
    Author,
    ChangedTicket,
    Claim,
    Customer,
    EventKind,
    Finding,
    Message,
    Page,
    Receipt,
    Reopen,
    Reply,
    SetPriority,
    SetQueue,
    Solve,
    Status,
    Ticket,
    TicketEvent,
    WebhookRequest,
    Write,
    created_key,
)
from core.ports import TokenStore

SUPPORTS: frozenset[type[Action]] = frozenset(
    {AddTags, SetQueue, SetPriority, AddNote, Reply, Solve, Reopen, Assign}
)


def make_session(
    settings: Settings,
    tokens: TokenStore,
    clock: Callable[[], datetime],
    on_call: OnCall | None = None,
    *,
    desk: str = "",
    admin: bool = False,
) -> DeskSession:
    """Return a session with the account's key."""
    key = f"Bearer {settings.api_key.get_secret_value()}"
    return DeskSession(settings.base_url, authorization=lambda: key, on_call=on_call)


class Sandbox(AccountDesk[Settings, Directory]):
    """One account."""

    vendor = "sandbox"
    supports = SUPPORTS

    def __init__(
        self, name: str, settings: Settings, session: DeskSession, clock: Callable[[], datetime]
    ) -> None:
        self._session = session
        super().__init__(name, settings, session, Directory(session, clock))

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        """Compare the header with the secrets."""
        events.verify(self._settings.secrets(), request)

    def parse(self, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
        """Return the event of a genuine request."""
        return events.parse(self.name, request, now)

    def fetch(self, ticket_id: str) -> Ticket:
        """Return the ticket. Raises Gone."""
        raw = row(self._directory.get(f"/tickets/{number(ticket_id)}"))
        if raw["status"] == "deleted":
            raise Gone(f"ticket {ticket_id} is deleted", status=404)
        people, who = self._directory.people(), raw["requester"]
        holder = people.get(text(raw["assignee"]))
        return Ticket(
            desk=self.name,
            id=text(raw["id"]),
            subject=raw["subject"],
            messages=tuple(self._message(one) for one in rows(raw["messages"])),
            customer=Customer(text(who["id"]), who["email"], who["name"]),
            status=Status(raw["status"]),
            created_at=_at(raw["created_at"]),
            updated_at=_at(raw["updated_at"]),
            tags=frozenset(raw["tags"]),
            queue=text(raw["group"]),
            queue_name=self._directory.groups().get(text(raw["group"]), ""),
            assignee=Assignee(holder.id, holder.name, email=holder.email) if holder else None,
            priority=text(raw["priority"]),
            url=f"{self._settings.base_url}/tickets/{raw['id']}",
        )

    def _message(self, raw: Row) -> Message:
        author = self._directory.people().get(text(raw["author"]["id"]))
        kind = Author.CUSTOMER if author is None else Author.BOT if author.role == "bot" else Author.AGENT
        return Message(
            id=text(raw["id"]),
            author=kind,
            at=_at(raw["at"]),
            text=raw["text"],
            public=raw["public"],
            author_id=text(raw["author"]["id"]),
            author_name=raw["author"]["name"],
            author_email=raw["author"]["email"],
        )

    def writes(self, ticket: Ticket, actions: Sequence[Action], key: str) -> tuple[Write, ...]:
        """Return one call for all that is set and one for each message. Raises Unsupported."""
        if wrong := [action for action in actions if type(action) not in SUPPORTS]:
            raise Unsupported(f"the desk cannot run {wrong[0]}")
        spoken = [action for action in actions if isinstance(action, AddNote | Reply)]
        changes = tuple(action for action in actions if action not in spoken)
        said = tuple(Write(f"{key}:say{n}", (action,)) for n, action in enumerate(spoken))
        return (*said, Write(f"{key}:set", changes)) if changes else said

    def send(self, ticket: Ticket, write: Write) -> Receipt:
        """Make one call. Raises VendorError."""
        path = f"/tickets/{number(ticket.id)}"
        if spoken := write.spoken:
            body: dict[str, Any] = {"text": spoken.text, "public": isinstance(spoken, Reply)}
            answer = self._session.request("POST", f"{path}/messages", json=body)
            return Receipt(id=text(row(answer.json()).get("id")))
        self._session.request("PATCH", path, json=self._changes(write.actions))
        return Receipt()

    def _changes(self, actions: Iterable[Action]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for action in actions:
            match action:
                case AddTags():
                    body["add_tags"] = [*body.get("add_tags", []), *action.tags]
                case SetQueue():
                    body["group"] = int(self._directory.group_id(action.queue))
                case SetPriority():
                    body["priority"] = action.priority.value
                case Solve():
                    body["status"] = "solved"
                case Reopen():
                    body["status"] = "open"
                case Assign():
                    body["assignee"] = int(self._directory.agent_id(action.agent))
        return body

    def landed(self, ticket_id: str, write: Write, since: datetime) -> Receipt | None:
        """Return the receipt of our message with these words; a change is always sent again, which is harmless here."""
        spoken = write.spoken
        for one in self.fetch(ticket_id).messages if spoken else ():
            same = spoken and squeezed(one.text) == squeezed(spoken.text)
            if same and one.author is Author.BOT and one.at >= since.replace(microsecond=0):
                return Receipt(id=one.id)
        return None

    def changed_since(self, cursor: str, start: datetime, now: datetime) -> Page:
        """Return all changes since the last one seen, in one page."""
        found = [
            self._changed(one)
            for one in rows(self._directory.get("/tickets", since=cursor or start.isoformat()))
        ]
        newest = max((one.updated_at for one in found), default=None)
        return Page(tuple(found), newest.isoformat() if newest else cursor)

    def _changed(self, raw: Row) -> ChangedTicket:
        ticket_id, born = text(raw["id"]), _at(raw["created_at"])
        event = TicketEvent(self.name, created_key(self.name, ticket_id), EventKind.CREATED, ticket_id, born)
        return ChangedTicket(ticket_id, born, _at(raw["updated_at"]), Status(raw["status"]), (event,))

    def unclaimed(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return who has which ticket, by one read of each."""
        found = {}
        for ticket_id in ticket_ids:
            try:
                found[ticket_id] = _claim(self.fetch(ticket_id))
            except (Gone, Refused):
                found[ticket_id] = Claim(ticket_id, closed=True)
        return found

    def agent_id(self, email: str) -> str:
        """Return an agent's id. Raises Refused."""
        return self._directory.agent_id(email)

    def check(self, queues: Iterable[str]) -> list[Finding]:
        """Return which queues are not there."""
        known = {name.casefold() for name in self._directory.groups().values()}
        return [
            fail(
                "SB01",
                f'there is no group "{queue}"',
                "correct the name, or start the sandbox with --queue NAME",
            )
            for queue in queues
            if queue.casefold() not in known
        ]


def _claim(ticket: Ticket) -> Claim:
    holder, over = ticket.assignee, ticket.status in {Status.SOLVED, Status.CLOSED}
    said = next((one for one in ticket.messages if one.author is Author.AGENT and one.public), None)
    if said is not None:
        return Claim(
            ticket.id, said.author_name, said.author_email, "reply", said.at, True, said.at, closed=over
        )
    if holder is not None and holder.human:
        return Claim(ticket.id, holder.name, holder.email, "assignee", ticket.updated_at, closed=over)
    return Claim(ticket.id, closed=over)


def _at(value: Any) -> datetime:
    return stamp(value) or datetime.fromisoformat("1970-01-01T00:00:00+00:00")
