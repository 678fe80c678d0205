"""The tables. One text for SQLite and Postgres; names start with `bs_`, the engine's tables are in the same database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from core.values import storable


class Utc(TypeDecorator[datetime]):
    """Aware UTC in and out, on databases that keep no zone, too."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive times are a bug of ours: refuse them."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What was stored is UTC."""
        return value.replace(tzinfo=UTC) if value is not None else None


class _Cleaned(TypeDecorator[Any]):
    """A value of any origin goes in without what a database refuses: NUL, and halves of surrogate pairs."""

    impl: Any = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Return what makes a value of one that can be stored."""
        inner = self.impl_instance.bind_processor(dialect)
        return (lambda value: inner(storable(value))) if inner else storable


class Words(_Cleaned):
    """Text."""

    impl, cache_ok = Text, True


class Key(_Cleaned):
    """Text of a length that an index takes."""

    impl, cache_ok = String, True


class Facts(_Cleaned):
    """JSON."""

    impl, cache_ok = JSON, True


metadata = MetaData()


def _table(name: str, *columns: Any) -> Table:
    return Table(f"bs_{name}", metadata, *columns)


def _key(name: str, length: int = 255) -> Column[str]:
    return Column(name, Key(length), primary_key=True)


def _at(name: str, **more: Any) -> Column[datetime]:
    return Column(name, Utc, **more)


def _text(name: str, **more: Any) -> Column[str]:
    return Column(name, Words, nullable=False, default="", server_default="", **more)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, default=0, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


events = _table(  # a reported event and what became of it
    "events",
    _key("key"),
    _text("desk"),
    _text("ticket_id"),
    _text("kind"),
    _text("source"),  # webhook, sweep, manual
    _at("at"),
    _at("received_at"),
    _text("state"),  # received, waiting, settled, dead
    _number("attempts"),
    _number("deaths"),  # how often a worker died while it dealt with it
    _at("due_at"),  # when to try again; empty unless waiting
    _at("settled_at"),
    _text("outcome"),
    _text("reason"),
    Index("bs_events_due", "state", "due_at"),
    Index("bs_events_ticket", "desk", "ticket_id"),
    Index("bs_events_received", "received_at"),
    Index("bs_events_outcome", "state", "desk", "outcome"),
)

tickets = _table(  # the state of each ticket; every ticket the desk lists is in exactly one state
    "tickets",
    _key("desk"),
    _key("ticket_id"),
    _text("state"),  # TicketState
    _text("reason"),
    _text("subject"),
    _text("url"),
    _text("customer_id"),
    _text("customer_email"),
    _text("customer_name"),
    _text("language"),
    _text("intent"),  # what it was first answered or escalated by: later messages do not change it
    Column("confidence", Float, nullable=False, default=0.0),
    _text("band"),
    _text("outcome"),  # Outcome of the first decision that was not "left alone"
    _text("priority"),
    _text("queue"),
    _text("mode"),
    _text("model"),
    _text("rules_version"),
    _text("handled_message_id"),  # the newest customer message dealt with
    _at("handled_at"),
    _at("created_at"),  # by the desk's clock
    _at("first_seen_at"),
    _at("updated_at"),
    # --- the escalation, while a human is awaited
    _at("waiting_since"),  # the customer's wait: the clock of the ladder
    _at("escalated_at"),
    _at("promise_at"),
    Column("ladder", Facts),  # snapshot: [{"at": iso, "notify": …, "rung": n, "template": …}, …]
    _number("rung"),  # how many entries of the ladder are done
    _at("next_due_at"),
    _at("acknowledged_at"),
    _at("claimed_at"),
    _text("claimed_by"),
    _text("claimed_via"),  # assignee, reply, slack, link
    _text("claimed_by_id"),  # the desk's id of an assignee
    _at("touched_at"),  # when the holder first did something to it
    _at("answered_at"),
    _at("auto_resolved_at"),
    _at("reescalated_at"),
    _at("closed_at"),
    _at("desk_updated_at"),  # the newest change that the sweep has seen, or that we have made
    _text("final_intent"),  # what humans finally set, as the sweep saw it
    _text("ai_hold"),  # by what we know that the desk's own AI is handling it, and in which queue; "" = never
    _text("handed_over"),  # how it came from the AI to people: core.desk_ai.HandOver
    _at("handed_over_at"),
    _text("check_verdict"),  # of the sample put before a human: "", pending, right, wrong
    Index("bs_tickets_due", "next_due_at"),
    Index("bs_tickets_state", "state", "desk"),
    Index("bs_tickets_email", "customer_email"),
    Index("bs_tickets_seen", "first_seen_at"),
    Index("bs_tickets_escalated", "escalated_at"),
    Index("bs_tickets_waiting", "state", "waiting_since"),
    Index("bs_tickets_state_seen", "state", "first_seen_at"),
    Index("bs_tickets_customer", "desk", "customer_id"),
    Index("bs_tickets_handed_over", "handed_over_at"),
    Index("bs_tickets_check", "check_verdict", "first_seen_at"),
)

decisions = _table(  # one per customer message (or run of messages) decided about
    "decisions",
    _key("key"),  # the event's key
    _text("desk"),
    _text("ticket_id"),
    _text("message_id"),
    _at("at"),
    _text("intent"),
    Column("confidence", Float, nullable=False, default=0.0),
    Column("alternatives", Facts),  # [[intent, confidence], …]
    Column("evidence", Facts),  # [word, …]
    _text("model"),
    _text("band"),
    _text("outcome"),
    _text("priority"),
    _text("queue"),
    _text("reason"),
    _text("rule"),
    _text("rules_version"),
    _text("mode"),
    Column("actions", Facts),  # as values, for show, observe mode and what-if
    _flag("escalates"),
    _text("words"),  # what the customer said, until retention takes it away
    _text("state"),  # decided, done
    Index("bs_decisions_ticket", "desk", "ticket_id"),
    Index("bs_decisions_at", "at"),
)

writes = _table(  # one per call that others can see; claim → call → done
    "writes",
    _key("key"),
    _text("fact_key"),
    _text("desk"),
    _text("ticket_id"),
    _text("what"),  # answer, acknowledgment, note, marks, claim
    _number("position"),
    Column("actions", Facts),
    _text("address"),  # of a public message: the mailbox it goes to, see core.mailboxes.mailbox_of
    _text("state"),  # planned, open, done, skipped, failed
    _number("attempts"),
    _number("looks"),  # how often an open call was looked up at the desk
    _at("opened_at"),
    _at("reserved_at"),  # when its message took its place under the caps; empty when nothing is said
    _at("done_at"),
    _text("vendor_id"),
    _text("reason"),
    Index("bs_writes_fact", "fact_key"),
    Index("bs_writes_ticket", "desk", "ticket_id"),
    Index("bs_writes_address", "address", "reserved_at"),
    Index("bs_writes_reserved", "desk", "reserved_at"),
    Index("bs_writes_state", "state"),
    Index("bs_writes_what", "what", "state", "desk"),
)

notices = _table(  # one per message to our people, per channel and person
    "notices",
    _key("key"),  # <desk>:<ticket>:<escalation>:<rung>:<channel>[:<person>]
    _text("notice_key"),  # the notice this is one delivery of
    _text("desk"),
    _text("ticket_id"),
    _text("audience"),
    _text("channel"),
    _text("person"),
    _text("address"),
    _text("priority"),
    _text("template"),
    Column("facts", Facts),
    _number("rung"),
    _text("state"),  # queued, open, accepted, delivered, failed, suppressed, bundled
    _number("attempts"),
    _at("created_at"),
    _at("due_at"),
    _at("opened_at"),
    _at("sent_at"),
    _at("delivered_at"),
    _text("provider_id"),
    _text("error"),
    _text("fallback_of"),
    _text("bundle"),  # the key of the digest it went into, when a person had too many
    Index("bs_notices_bundle", "bundle"),
    Index("bs_notices_key", "notice_key"),
    Index("bs_notices_due", "state", "due_at"),
    Index("bs_notices_ticket", "desk", "ticket_id"),
    Index("bs_notices_provider", "provider_id"),
    Index("bs_notices_address", "address", "created_at"),
)

history = _table(  # everything that happened to one ticket, in order, in plain words
    "history",
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("desk"),
    _text("ticket_id"),
    _at("at"),
    _text("what"),  # received, decided, wrote, skipped, noticed, claimed, answered, …
    _text("detail"),
    Column("data", Facts),
    Index("bs_history_ticket", "desk", "ticket_id", "id"),
    Index("bs_history_at", "at"),
)

desks = _table(  # what the sweep knows of each desk
    "desks",
    _key("desk"),
    _text("cursor"),
    _at("swept_at"),  # last complete pass
    _at("hook_heard_at"),
    _at("found_at"),  # last time the sweep found a ticket that no webhook had reported
    _at("started_at"),  # first start: older mail is not answered
    _at("paused_at"),
    _text("paused_by"),
    _text("trouble"),  # why the last pass failed, "" when it did not
    Column("manifest", Facts),  # what install made in the desk
)

tokens = _table(
    "tokens",
    _key("desk"),
    _text("access"),
    _text("refresh"),
    _text("scope"),
    _at("expires_at"),
    _at("refresh_expires_at"),
    _text("leased_by"),
    _at("leased_until"),
)

limbo = _table(  # messages that desks hold back: suspended, or taken for spam
    "limbo",
    _key("desk"),
    _key("id"),
    _at("at"),
    _at("until"),  # when the desk deletes it, where known
    _text("email"),
    _text("subject"),
    _text("url"),
    _text("cause"),
    _text("intent"),
    _text("reason"),  # why it is thought to be genuine, or not
    _text("state"),  # held, recovered, gone
    Column("confidence", Float, nullable=False, default=0.0),
    _flag("genuine"),
    _flag("urgent"),
    _flag("known_customer"),
    _at("seen_at"),
    _at("told_at"),
    _at("warned_at"),
    Index("bs_limbo_state", "state", "desk"),
)

surges = _table(  # times in which an intent came far more often than its history explains
    "surges",
    _key("key"),  # <desk>:<intent>:<found_at>
    _text("desk"),
    _text("intent"),
    _at("began_at"),  # of the window in which it was found
    _at("found_at"),
    _at("ended_at"),
    _number("number"),  # tickets so far
    _number("told"),  # tickets counted in the newest notice
    Column("usual", Float, nullable=False, default=0.0),  # tickets an hour before it
    _text("text"),  # that a person approved for all of its customers
    _text("approved_by"),
    _at("approved_at"),
    Index("bs_surges_desk", "desk", "ended_at"),
)

labels = _table(  # what humans finally said about a ticket's intent
    "labels",
    _key("desk"),
    _key("ticket_id"),
    _text("intent"),
    _text("source"),  # field, tag, queue, check
    _at("at"),
    _text("words"),
)

executors = _table(  # who is alive; a dead one's work is taken over
    "executors", _key("id"), _at("beat_at"), _at("started_at"), _text("version")
)

balance = _table(  # the daily comparison of desk and ledger
    "balance",
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("desk"),
    _at("at"),
    _at("since"),
    _number("in_desk"),
    _number("in_ledger"),
    Column("missing", Facts),
    Column("healed", Facts),
    Column("stuck", Facts),
    Index("bs_balance_at", "at"),
)

claim_links = _table(  # one-time links in SMS and e-mail
    "claim_links",
    _key("digest"),  # sha256 of the token; the token itself is only in the message
    _text("desk"),
    _text("ticket_id"),
    _text("person"),
    _text("email"),
    _at("expires_at"),
    _at("used_at"),
)

users = _table(
    "users",
    _key("name"),
    _text("email"),
    _text("role"),  # viewer, agent, admin
    _text("password"),  # argon2
    _at("created_at"),
    _at("disabled_at"),
    _number("sessions"),  # raised to end all sessions: those of an older number are over
)

login_links = _table("login_links", _key("digest"), _text("user"), _at("expires_at"), _at("used_at"))

attempts = _table(  # recent attempts to log in
    "attempts",
    _key("subject", 64),  # a digest of the kind of try and of who tried
    _at("since"),
    _number("number"),
    Index("bs_attempts_since", "since"),
)

changes = _table(  # the audit log: every change made by a person
    "changes",
    Column("id", Integer, primary_key=True, autoincrement=True),
    _at("at"),
    _text("who"),
    _text("what"),
    _text("old"),
    _text("new"),
)

# small facts: clock offset, suggested thresholds…
meta = _table("meta", _key("name"), Column("value", Facts))

counts = _table(  # what the metrics add up: each process adds to its own rows only
    "counts",
    _key("name", 64),
    _key("labels"),  # JSON list, in the metric's order
    _key("process", 64),  # "" = processes that are gone
    Column("value", Float, nullable=False, default=0.0),
    _at("at"),
)
