"""Zendesk behind the port: each of the port's calls in the vendor's terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.kit import ai
from connectors.kit.claims import unmoved
from connectors.kit.desk import AccountDesk
from connectors.kit.http import DeskSession, Limits, OnCall
from connectors.kit.oauth import Bearer
from connectors.kit.values import Row, number, row, rows, stamp
from connectors.zendesk import auth, claims, events, limbo, reading, sweep, writing
from connectors.zendesk.api import Api, text
from connectors.zendesk.directory import Directory
from connectors.zendesk.install import doctor
from connectors.zendesk.settings import Settings
from core.errors import Conflict, Gone, Moved, Refused, TryLater
from core.model import (
    Action,
    Claim,
    Finding,
    HeldBack,
    Page,
    Receipt,
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
    """Return a session that proves itself by OAuth, or by the dated API token. `desk` names the token in the store."""
    limits = Limits(
        remaining="x-rate-limit-remaining",
        total="x-rate-limit",
        reset="ratelimit-reset",
        local="zendesk-ratelimit-",
        head_room=settings.head_room,
        budget_per_minute=settings.calls_per_minute,
    )
    options: dict[str, Any] = {"limits": limits, "timeout": (5.0, settings.timeout), "on_call": on_call}
    api_token = settings.api_token.get_secret_value()
    if api_token:
        basic = auth.basic(settings.email, api_token)
        session = DeskSession(settings.base_url, authorization=lambda: basic, **options)
    else:
        secret = settings.client_secret.get_secret_value()
        mint = auth.minting(
            settings.base_url, settings.client_id, secret, settings.scope, settings.token_lifetime, clock
        )
        bearer = Bearer(desk or settings.base_url, tokens, mint, clock)
        session = DeskSession(settings.base_url, authorization=bearer, renew=bearer.renew, **options)
    session.headers.update(settings.marketplace())
    return session


class Zendesk(AccountDesk[Settings, Directory]):
    """One account of Zendesk (the port `HelpDesk`)."""

    vendor = "zendesk"
    supports = writing.SUPPORTS

    def __init__(
        self, name: str, settings: Settings, session: DeskSession, clock: Callable[[], datetime]
    ) -> None:
        self._api = api = Api(session)
        super().__init__(name, settings, session, Directory(api, clock))
        self._watch = sweep.Watch(self._api, self._known, settings.tag_prefix)
        self._bots = folded(settings.bots) | settings.ais()

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        """HMAC over timestamp and raw body, under any of the secrets."""
        events.verify(self._settings.secrets(), request, now)

    def parse(self, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
        """Return the events in a body: an event subscription's, a trigger's, or what can still be read of a damaged one."""
        return events.parse(
            self.name, self._settings.value("bot_id") or self._directory.known_id, request, now
        )

    def _known(self) -> reading.Known:
        base, me = self._settings.base_url, self._directory.me_id
        return reading.Known(self.name, base, me, self._bots, self._places)

    def fetch(self, ticket_id: str) -> Ticket:
        """Make one read; another one for a ticket with more than its first message."""
        answer = self._api.ticket(ticket_id)
        raw = row(answer.get("ticket"))
        if not text(raw.get("id")):
            raise TryLater(f"ticket {ticket_id}: Zendesk did not answer with a ticket")
        if reading.status_of(raw) is Status.DELETED:
            raise Gone(f"ticket {ticket_id} is deleted at Zendesk", status=404)
        first = reading.only_comment(answer)
        comments, authors = ([first], []) if first else self._api.comments(ticket_id)
        comments = comments or [reading.described(raw)]
        people = self._people(raw, comments, [*rows(answer.get("users")), *authors])
        self._stop_if_merged(ticket_id, raw, comments)
        ticket = reading.ticket_of(raw, comments, people, self._groups(answer, raw), self._known())
        return ai.seen(ticket, self._settings.ais())

    def _people(self, raw: Row, comments: Sequence[Row], users: list[Row]) -> dict[str, Row]:
        people = reading.people_of(users)
        unknown = {
            one for one in reading.strangers(raw, comments, people) if text(one) != self._directory.me_id
        }
        return people | reading.people_of(self._ask_for(unknown))

    def _ask_for(self, unknown: set[int]) -> list[Row]:
        """Return the users that can be looked up; the others stay unknown, and the ticket is processed."""
        try:
            return self._api.users(unknown) if unknown else []
        except (Gone, Refused):
            return []

    def _groups(self, answer: Row, raw: Row) -> dict[str, str]:
        beside = {text(group.get("id")): str(group.get("name") or "") for group in rows(answer.get("groups"))}
        queue = text(raw.get("group_id"))
        return beside if not queue or queue in beside else {queue: self._directory.group_name(queue)}

    def _stop_if_merged(self, ticket_id: str, raw: Row, comments: Sequence[Row]) -> None:
        if "closed_by_merge" in reading.tags_of(raw) and reading.status_of(raw) is Status.CLOSED:
            target = reading.merged_into(raw, comments)
            if target != ticket_id:
                raise Moved(f"ticket {ticket_id} was merged into {target or 'another one'}", target=target)

    def writes(self, ticket: Ticket, actions: Sequence[Action], key: str) -> tuple[Write, ...]:
        """Return one PUT, or one for each note and reply."""
        return writing.writes_of(actions, key)

    def send(self, ticket: Ticket, write: Write) -> Receipt:
        """Make one PUT. What Zendesk refuses beside the message is left out, so that the message arrives."""
        write, left_out = unmoved(ticket, write)
        if not write.actions:
            return Receipt(version=ticket.version, detail=left_out)
        body = writing.body_of(ticket, write, self._account())
        while True:
            try:
                answer = self._api.update(ticket.id, body)
            except Refused as err:
                writing.stop_if_read_only(ticket.id, err)
                if err.status != 422:
                    raise
                if writing.CLOSED in str(err):
                    raise Conflict(f"ticket {ticket.id} was closed meanwhile: {err}", status=422) from err
                smaller = writing.without_refused(body, str(err))
                if smaller is None:
                    raise
                body, left_out = smaller, f"something was left out, since Zendesk refused it: {err}"
            else:
                return self._keeping_claims(ticket, write, answer, left_out)

    def _keeping_claims(self, ticket: Ticket, write: Write, answer: Row, left_out: str) -> Receipt:
        """Return the receipt of an update, and reassign the ticket to an agent who lost it by the update."""
        receipt = writing.receipt_of(answer, left_out)
        seen = ticket.assignee.id if ticket.assignee else ""
        now = row(answer.get("ticket"))
        lost = claims.taken(row(answer.get("audit")), self._ours | {seen}, text(now.get("group_id")))
        if lost is None and text(now.get("assignee_id")) in self._ours | {seen, ""}:
            return replace(receipt, changed_at=stamp(receipt.version))  # the lock kept out every other change
        return self._given_back(ticket.id, write, receipt, lost)

    @property
    def _ours(self) -> frozenset[str]:
        return self._bots | {self._directory.me_id}

    def _given_back(
        self, ticket_id: str, write: Write, receipt: Receipt, lost: claims.Taken | None
    ) -> Receipt:
        """Restore a lost claim. The receipt's lock matches no ticket, so that the ticket is read again before the next call."""
        if lost is None:
            return receipt
        came = claims.give_back(self._api, ticket_id, lost, write, receipt.version, self._directory.me_id)
        detail = "; ".join(one for one in (receipt.detail, came) if one)
        return replace(receipt, version=writing.PAST, detail=detail)

    def _account(self) -> writing.Account:
        return writing.Account(
            me=self._directory.me_id,
            group_id=self._directory.group_id,
            solving_group=self._directory.solving_group,
            intent_field=self._settings.value("intent_field"),
            confidence_field=self._settings.value("confidence_field"),
            outcome_field=self._settings.value("outcome_field"),
            last_handled_field=self._settings.value("last_handled_field"),
            tagger=self._settings.drop_downs(),
            prefix=self._settings.tag_prefix,
        )

    def landed(self, ticket_id: str, write: Write, since: datetime) -> Receipt | None:
        """Look for the write's key in our audits, and undo the loss of a claim that the write caused."""
        audits = self._api.audits(ticket_id)
        n = writing.found_at(audits, write, self._directory.me_id, since)
        if n is None:
            return None
        settled = claims.reassigned(audits[n + 1 :])
        lost = None if settled else claims.taken(audits[n], self._ours)
        return self._given_back(ticket_id, write, writing.found(audits, n), lost)

    def changed_since(self, cursor: str, start: datetime, now: datetime) -> Page:
        """Return one page of the incremental export, in Zendesk's own order."""
        field = self._settings.value("intent_field")
        marks = sweep.Marks(self.name, self._settings.tag_prefix, field, self._places)
        return sweep.changed_since(self._api, cursor, start, now, marks)

    def unclaimed(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the claims, by one call for a hundred tickets."""
        return self._watch.claims(ticket_ids)

    def addresses(self) -> frozenset[str]:
        """Return the addresses at which the account's mail arrives."""
        return self._directory.addresses()

    def held_back(self) -> tuple[HeldBack, ...]:
        """Return suspended mail."""
        return limbo.held_back(self._api, self._settings.base_url, self._places)

    def recover(self, held_id: str) -> str:
        """Make a ticket of the message, by its own author."""
        return limbo.recover(self._api, number(held_id))

    def check(self, queues: Iterable[str]) -> list[Finding]:
        """Return what the run-time credential can see."""
        return doctor.findings(self._settings, self._api, self._directory, queues)
