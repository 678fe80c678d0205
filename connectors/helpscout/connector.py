"""Help Scout behind the port: each of the port's calls in the vendor's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email import message_from_string
from functools import partial

from connectors.helpscout import events, limbo, reading, sweep, writing
from connectors.helpscout.api import Api, Burst
from connectors.helpscout.auth import minting
from connectors.helpscout.calls import call_of
from connectors.helpscout.claims import Watch, taken
from connectors.helpscout.directory import Directory
from connectors.helpscout.install import doctor
from connectors.helpscout.settings import Settings
from connectors.kit import ai
from connectors.kit.claims import unmoved
from connectors.kit.desk import AccountDesk
from connectors.kit.http import DeskSession, Limits, OnCall
from connectors.kit.oauth import Bearer
from connectors.kit.values import Row, number, row, text
from core.errors import Gone, Refused, TryLater, VendorError
from core.model import (
    Action,
    Claim,
    Finding,
    HeldBack,
    Page,
    Receipt,
    RunAction,
    Status,
    Ticket,
    TicketEvent,
    WebhookRequest,
    Write,
)
from core.ports import TokenStore
from core.scope import folded


def make_session(
    settings: Settings,
    tokens: TokenStore,
    clock: Callable[[], datetime],
    on_call: OnCall | None = None,
    *,
    desk: str = "",
    admin: bool = False,  # one credential serves both
) -> DeskSession:
    """Return a session that proves itself by OAuth. `desk` names the token in the store, else the app does: all accounts
    share one origin, and must not share a token."""
    secret = settings.client_secret.get_secret_value()
    mint = minting(settings.base_url, settings.client_id, secret, settings.grant, clock)
    bearer = Bearer(desk or f"helpscout:{settings.client_id}", tokens, mint, clock)
    session = DeskSession(
        settings.base_url,
        authorization=bearer,
        renew=bearer.renew,
        limits=Limits(
            remaining="x-ratelimit-remaining-minute",
            total="x-ratelimit-limit-minute",
            retry_after=("x-ratelimit-retry-after", "retry-after"),
            head_room=settings.head_room,
            budget_per_minute=settings.calls_per_minute,
        ),
        timeout=(5.0, settings.timeout),
        on_call=on_call,
    )
    session.headers.update({"Accept": "application/json"})
    return session


class HelpScout(AccountDesk[Settings, Directory]):
    """One account of Help Scout (the port `HelpDesk`)."""

    vendor = "helpscout"
    supports = writing.SUPPORTS

    def __init__(
        self, name: str, settings: Settings, session: DeskSession, clock: Callable[[], datetime]
    ) -> None:
        self._api = api = Api(session, Burst(settings.write_burst))
        bots = folded(settings.bots) | settings.ais()
        super().__init__(name, settings, session, Directory(api, clock, bots))
        self._watch = Watch(self._api, self._known, self._read, clock)

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        """HMAC over the raw body, under any of the secrets; Help Scout stamps no time."""
        events.verify(self._settings.secrets(), request)

    def parse(self, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
        """Return the V2 body, and what is left of damaged ones."""
        return events.parse(self.name, request, now)

    def fetch(self, ticket_id: str) -> Ticket:
        """Make one read; another one for a chat, whose embedded threads are cut short."""
        raw, threads = self._read(ticket_id)
        known = self._known(ticket_queue=reading.queue_of(raw, threads))
        ticket = ai.seen(reading.ticket_of(raw, threads, known), self._settings.ais())
        if ticket.status is Status.DELETED:
            raise Gone(f"conversation {ticket_id} is deleted at Help Scout", status=404)
        return ticket

    def _read(self, ticket_id: str) -> tuple[Row, Sequence[Row]]:
        raw = self._api.conversation(number(ticket_id))
        if not text(raw.get("id")):
            raise TryLater(f"conversation {ticket_id}: Help Scout did not answer with a conversation")
        threads = reading.threads_of(raw)
        told = raw.get("threads")
        counted = told if isinstance(told, int) else 0
        said = sum(1 for one in threads if text(one.get("type")).lower() != "lineitem")
        chat = text(raw.get("type")).lower() == "chat"
        # Drafts and hidden threads may be counted or not, so only a list that cannot be whole is asked for again.
        if said < counted and (not said or chat or len(threads) < counted):
            threads = list(self._api.threads(ticket_id))
        return raw, threads

    def _known(self, ticket_queue: tuple[str, str] = ("", "")) -> reading.Known:
        """Return what a reader must know; a queue that is new to us has the lists read again."""
        kind, queue = ticket_queue
        if queue:
            self._directory.name_of(kind, queue)
        return reading.Known(
            desk=self.name,
            bot=self._directory.bot,
            robot=self._directory.robot,
            staff=self._directory.staff(),
            queues=self._directory.queues(),
            prefix=self._settings.tag_prefix,
            places=self._places,
        )

    def mail_headers(self, ticket: Ticket, message_id: str) -> Mapping[str, str]:
        """Return the original mail's headers, which need a call of their own; {} for anything but mail."""
        if ticket.channel == "chat":
            return {}
        try:
            answer = self._api.get(
                f"/conversations/{number(ticket.id)}/threads/{number(message_id)}/original-source"
            )
        except (Gone, Refused) as err:
            if err.status == 401:
                raise
            return {}  # it did not come by mail, is not kept any more, or our role may not see it
        return dict(message_from_string(text(row(answer).get("original"))).items())

    def writes(self, ticket: Ticket, actions: Sequence[Action], key: str) -> tuple[Write, ...]:
        """Return the calls for tags, note and reply; the reply sets the final status and assignee."""
        return writing.writes_of(ticket, actions, key, fields=bool(self._settings.fields()))

    def send(self, ticket: Ticket, write: Write) -> Receipt:
        """Make one call. A 404 may mean "merged": the conversation is then read, which raises Moved or Gone."""
        write, left_out = unmoved(ticket, write)
        call = call_of(number(ticket.id), ticket, write, self._directory, self._settings)
        if call is None:
            return Receipt(detail=left_out or "nothing to set")
        method, path, body = call
        try:
            made = self._api.write(method, path, body)
        except Gone as err:
            self._api.conversation(number(ticket.id), threads=False)  # raises Moved or Gone
            raise Refused(f"conversation {ticket.id}, {method} {path}: {err}", status=err.status) from err
        team = writing.team_in(call, write.actions)
        detail = self._given_back(ticket, team) if team else left_out
        return Receipt(id=made if write.spoken else "", detail=detail)

    def _given_back(self, ticket: Ticket, team: str) -> str:
        """Assign the conversation again to whoever took it while we moved it to a team: there is only one holder. Never raises: the
        write itself was done."""
        agent = name = ""
        try:
            raw, threads = self._read(ticket.id)
            seen = ticket.raw.get("seen")
            agent, name = taken(raw, threads, seen if isinstance(seen, list) else [], team, self._known())
            if not agent:
                return ""
            method, path, body = writing.patch("replace", "/assignTo", int(agent))
            self._api.write(method, f"/conversations/{number(ticket.id)}{path}", body)
        except VendorError as err:
            if not agent:
                return f"whether somebody took it in that moment could not be looked up: {err}"
            return f"{name or agent} took it in that moment, and could not be given it back: {err}"
        return f"{name or agent} took it in that moment, and has it again"

    def landed(self, ticket_id: str, write: Write, since: datetime) -> Receipt | None:
        """Look for a write. Help Scout stores no key of ours: a thread is recognised by author, text and time, the rest by its effect."""
        ran = any(isinstance(action, RunAction) for action in write.actions)
        if not write.spoken and not ran:
            raw = self._api.conversation(number(ticket_id), threads=False)
            directory, prefix = self._directory, self._settings.tag_prefix
            there = writing.holds(raw, write.actions, prefix, directory.queue, directory.user_id)
            return Receipt() if there else None
        try:
            threads = self._api.threads(number(ticket_id))
            bot = self._directory.bot
            found = (
                writing.said_already(threads, write.spoken, bot, since)
                if write.spoken
                else writing.ran_already(threads, bot, since)
            )
        except Gone:
            self._api.conversation(number(ticket_id), threads=False)  # raises Moved or Gone
            return None
        return Receipt(id=found) if found else None

    def changed_since(self, cursor: str, start: datetime, now: datetime) -> Page:
        """Return one page of the list of changes; once an hour the spam after it."""
        field = self._settings.value("intent_field")
        prefix = self._settings.tag_prefix
        seen = partial(
            sweep.changed_ticket_of, desk=self.name, prefix=prefix, intent_field=field, places=self._places
        )
        return sweep.changed_since(self._api, sweep.cursor_of(cursor, start), now, seen)

    def unclaimed(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the claims: of a few conversations by one read each, of many by lists."""
        return self._watch.claims([number(one) for one in ticket_ids])

    def addresses(self) -> frozenset[str]:
        """Return the addresses at which the account's mail arrives."""
        return self._directory.addresses()

    def held_back(self) -> tuple[HeldBack, ...]:
        """Return the spam."""
        return limbo.held_back(self._api, self._known())

    def recover(self, held_id: str) -> str:
        """Set the conversation active again."""
        method, path, body = writing.patch("replace", "/status", "active")
        self._api.write(method, f"/conversations/{number(held_id)}{path}", body)
        return ""

    def agent_id(self, email: str) -> str:
        """Return the user with this address. Raises Refused."""
        return self._directory.user_id(email)

    def check(self, queues: Iterable[str]) -> list[Finding]:
        """Return what the run-time credential can see."""
        return doctor.findings(self._settings, self._api, self._directory, queues)
