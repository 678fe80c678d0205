"""Freshdesk behind the port: each of the port's calls in the vendor's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial

from connectors.freshdesk import events, limbo, merges, reading, sweep, writing
from connectors.freshdesk.api import Api, basic, rows
from connectors.freshdesk.claims import Watch
from connectors.freshdesk.directory import Directory
from connectors.freshdesk.install import doctor
from connectors.freshdesk.settings import Settings
from connectors.kit import ai
from connectors.kit.claims import unmoved
from connectors.kit.desk import AccountDesk
from connectors.kit.http import DeskSession, Limits, OnCall
from connectors.kit.values import Row, number
from core.errors import Gone, Moved, Refused
from core.model import (
    Action,
    Assignee,
    Claim,
    Finding,
    HeldBack,
    Page,
    Receipt,
    ReceiptState,
    Solve,
    Status,
    Ticket,
    TicketEvent,
    WebhookRequest,
    Write,
)
from core.ports import TokenStore


def make_session(
    settings: Settings,
    tokens: TokenStore,
    clock: Callable[[], datetime],
    on_call: OnCall | None = None,
    *,
    desk: str = "",  # keys are not kept in the store
    admin: bool = False,
) -> DeskSession:
    """Return a session with the bot's key; with `admin`, the installer's where there is one. No tokens: keys do not
    expire."""
    key = (
        settings.install_api_key
        if admin and settings.install_api_key.get_secret_value()
        else settings.api_key
    )
    return DeskSession(
        settings.base_url,
        authorization=lambda: basic(key.get_secret_value()),
        limits=Limits(
            total="x-ratelimit-total",
            head_room=settings.head_room,
            budget_per_minute=settings.calls_per_minute,
        ),
        timeout=(5.0, settings.timeout),
        on_call=on_call,
    )


class Freshdesk(AccountDesk[Settings, Directory]):
    """One account of Freshdesk (the port `HelpDesk`)."""

    vendor = "freshdesk"
    supports = writing.SUPPORTS

    def __init__(
        self, name: str, settings: Settings, session: DeskSession, clock: Callable[[], datetime]
    ) -> None:
        self._api = api = Api(session)
        super().__init__(name, settings, session, Directory(api, clock, settings.ais()))
        acknowledged = f"{settings.tag_prefix}acknowledged"
        self._watch = Watch(self._api, self._directory, self._read, acknowledged, self._places)

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        """The secret header, or HTTP Basic's password; Freshdesk signs nothing and stamps no time."""
        events.verify(self._settings.secrets(), request)

    def parse(self, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
        """Return the event in a body: simple or advanced layout, a form, or what can still be read of a damaged one."""
        return events.parse(self.name, request, now)

    def fetch(self, ticket_id: str) -> Ticket:
        """Make one read; another one when there are more than the ten embedded messages."""
        raw, conversations = self._read(ticket_id)
        if raw.get("deleted"):
            raise Gone(f"ticket {ticket_id} is in Freshdesk's trash", status=404)
        ticket = ai.seen(reading.ticket_of(raw, conversations, self._known(raw)), self._settings.ais())
        target = merges.target_of({**raw, "conversations": conversations}, self._directory.bot)
        if ticket.status is Status.CLOSED and target and self._confirmed(ticket_id, target):
            raise Moved(f"ticket {ticket_id} was merged into {target}", target=target)
        return ticket

    def _confirmed(self, ticket_id: str, target: str) -> bool:
        """Return whether the other ticket says so too; one that cannot be read says nothing."""
        try:
            raw, conversations = self._read(target)
        except (Gone, Refused):
            return False
        return merges.confirms({**raw, "conversations": conversations}, ticket_id, self._directory.bot)

    def _read(self, ticket_id: str) -> tuple[Row, list[Row]]:
        raw = self._api.get(f"/tickets/{number(ticket_id)}", include="conversations,requester,stats")
        if not isinstance(raw, dict):
            raise Refused(f"ticket {ticket_id}: Freshdesk did not answer with a ticket")
        embedded = rows(raw.get("conversations"))
        return raw, embedded if len(embedded) < reading.EMBEDDED else self._conversations(ticket_id)

    def _conversations(self, ticket_id: str) -> list[Row]:
        return self._api.all(f"/tickets/{number(ticket_id)}/conversations")

    def _known(self, raw: Row) -> reading.Known:
        """Return the names of those in the ticket, from the directories that are kept."""
        directory, holder = self._directory, str(raw.get("responder_id") or "")
        people = {one.id: one for one in directory.agents().values()}
        if holder:
            people[holder] = directory.agent(holder)
        return reading.Known(
            desk=self.name,
            base_url=self._settings.base_url.rstrip("/"),
            bot=directory.bot,
            human={one: directory.human(one) for one in {holder, *people} if one},
            names={one.id: Assignee(one.id, one.name, email=one.email) for one in people.values()},
            queue_name=directory.group_name(str(raw.get("group_id") or "")),
            places=self._places(reading.place_ids(raw)),
        )

    def writes(self, ticket: Ticket, actions: Sequence[Action], key: str) -> tuple[Write, ...]:
        """Return one PUT for all that is set, one call for each note and reply."""
        return writing.writes_of(actions, key)

    def send(self, ticket: Ticket, write: Write) -> Receipt:
        """Make one call."""
        if spoken := write.spoken:
            path, body = writing.spoken_call(ticket, spoken, self._settings.from_email)
            answer = self._api.write("POST", f"/tickets/{number(ticket.id)}/{path}", body)
            return Receipt(id=str(answer.get("id") or ""))
        write, left_out = unmoved(ticket, write)
        body = self._properties(ticket, write)
        if not body:
            return Receipt(version=ticket.version, detail=left_out or "nothing to set")
        if self._settings.quiet_solve and any(isinstance(action, Solve) for action in write.actions):
            return self._solve_quietly(ticket, body)
        return self._put(ticket, body, left_out)

    def _properties(self, ticket: Ticket, write: Write) -> dict[str, object]:
        return writing.properties(
            ticket,
            write.actions,
            group_id=self._directory.group_id,
            agent_id=self._directory.agent_id,
            fields=self._settings.fields(),
        )

    def _put(self, ticket: Ticket, body: dict[str, object], left_out: str) -> Receipt:
        """Make an update. A 400 sets nothing, so the fields that it names are left out and the rest is sent again; the receipt says so."""
        while True:
            try:
                done = self._api.write("PUT", f"/tickets/{number(ticket.id)}", body)
                return writing.receipt_of(done, {**ticket.raw, **body}, left_out)
            except Refused as err:
                body = writing.without_refused(body, str(err)) if err.status == 400 else {}
                if not body:
                    raise
                left_out = f"something was left out, since Freshdesk refused it: {err}"

    def _solve_quietly(self, ticket: Ticket, body: dict[str, object]) -> Receipt:
        """Solve by the bulk call: only with that does Freshdesk not mail the customer that the ticket is resolved."""
        ids = [int(number(ticket.id))]
        bulk = {"ids": ids, "properties": {**body, "skip_close_notification": True}}
        job = self._api.write("POST", "/tickets/bulk_update", {"bulk_action": bulk})
        return Receipt(state=ReceiptState.ACCEPTED, detail=f"job {job.get('job_id', '')}")

    def landed(self, ticket_id: str, write: Write, since: datetime) -> Receipt | None:
        """Look for a write. Freshdesk stores no key of ours: a reply or note is recognised by author, text and time, an update by its effect."""
        if spoken := write.spoken:
            thread = self._conversations(ticket_id)
            found = writing.said_already(thread, spoken, self._directory.bot, since)
            return Receipt(id=found) if found else None
        raw, conversations = self._read(ticket_id)
        ticket = reading.ticket_of(raw, conversations, self._known(raw))
        there = writing.holds(raw, self._properties(ticket, unmoved(ticket, write)[0]))
        return Receipt(version=ticket.version) if there else None

    def changed_since(self, cursor: str, start: datetime, now: datetime) -> Page:
        """Return one page of the list of changes; spam and deleted tickets come last."""
        seen = partial(
            sweep.changed_ticket_of,
            desk=self.name,
            intent_field=self._settings.value("intent_field"),
            tag_prefix=self._settings.tag_prefix,
            places=self._places,
        )
        return sweep.changed_since(self._api, sweep.cursor_of(cursor, start), seen)

    def unclaimed(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the claims: of a few tickets by one read each, of many by the list of changes."""
        return self._watch.claims(ticket_ids)

    def addresses(self) -> frozenset[str]:
        """Return the addresses at which the account's mail arrives."""
        return self._directory.addresses()

    def held_back(self) -> tuple[HeldBack, ...]:
        """Return the spam."""
        return limbo.held_back(self._api, self._settings.base_url, self._places)

    def recover(self, held_id: str) -> str:
        """Return the clicks: there is no call for it."""
        return limbo.CLICKS

    def agent_id(self, email: str) -> str:
        """Return the agent with this address. Raises Refused."""
        return self._directory.agent_id(email)

    def check(self, queues: Iterable[str]) -> list[Finding]:
        """Return what the run-time key can see."""
        return doctor.findings(self._settings, self._api, self._directory, queues)
