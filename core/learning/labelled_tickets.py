"""Labelled messages of the past, from the rows of the ledger and from a desk's own history."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, func, select

from core.app import App
from core.classify.evaluate import Example, Judged
from core.classify.thresholds import OVERALL, run_thresholds
from core.classify.whatif import Handling, Past
from core.errors import Gone, Moved, Refused
from core.ledger import db, store
from core.ledger.rows import TicketRow, every
from core.ledger.schema import decisions, labels, tickets
from core.mail.said import said_in
from core.model import NO_INTENT, OUT_OF_SIGHT, Author, ChangedTicket, Rules, Ticket
from core.patience import patiently
from core.reports.reporting import ticket_rows
from core.reports.weekly import QUIET
from core.reports.weekly import judged as judged_answers

T = TypeVar("T")
LOOK_BACK = timedelta(days=180)
FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # before any ledger
PROVEN = "thresholds"


@dataclass(frozen=True)
class JudgedRow:
    """The columns of a ticket that say what its intent was; `label` is what a person called it, None where nobody did."""

    desk: str
    ticket_id: str
    first_seen_at: datetime
    intent: str
    confidence: float
    final_intent: str
    auto_resolved_at: datetime | None
    reescalated_at: datetime | None
    check_verdict: str
    label: str | None

    @classmethod
    def columns(cls) -> list[ColumnElement[Any]]:
        """Return what to select from tickets joined with labels."""
        return [
            labels.c.intent.label("label") if f.name == "label" else tickets.c[f.name] for f in fields(cls)
        ]


@dataclass(frozen=True)
class _SpokenRow(JudgedRow):
    words: str


@dataclass(frozen=True)
class LabelledTicket:
    """One ticket's prediction, and what is known of its truth ("" = nothing yet)."""

    desk: str
    ticket_id: str
    at: datetime
    guess: str
    confidence: float
    truth: str
    source: str  # label, answered (automatically, and the customer stayed content), failed, "" = nobody said
    words: str = ""


def from_ledger(
    conn: Connection, now: datetime, since: datetime | None = None, last: int | None = None
) -> list[LabelledTicket]:
    """Return the decided tickets, newest first."""
    same = and_(labels.c.desk == tickets.c.desk, labels.c.ticket_id == tickets.c.ticket_id)
    first = tickets.c.desk + ":" + tickets.c.ticket_id + ":created"
    words = func.coalesce(func.nullif(labels.c.words, ""), decisions.c.words, "").label("words")
    query = (
        select(*JudgedRow.columns(), words)
        .select_from(tickets.outerjoin(labels, same).outerjoin(decisions, decisions.c.key == first))
        .where(tickets.c.intent != "")
        .order_by(tickets.c.first_seen_at.desc())
    )
    query = query.where(tickets.c.first_seen_at >= since) if since else query
    again = asked_again(conn, now, since)
    found = every(_SpokenRow, conn.execute(query.limit(last) if last else query))
    return [_labelled(row, now, again) for row in found]


def asked_again(conn: Connection, now: datetime, since: datetime | None = None) -> set[tuple[str, str]]:
    """Return the tickets whose automatic answer failed, as the weekly report counts it: the customer wrote again,
    there or in another ticket about the same."""
    start = since or FIRST
    return {
        (row.desk, row.ticket_id)
        for row, failed in judged_answers(ticket_rows(conn, start, now), start, now, now)
        if failed
    }


def _labelled(row: _SpokenRow, now: datetime, again: Collection[tuple[str, str]]) -> LabelledTicket:
    truth, source = truth_of(row, now, again)
    return LabelledTicket(
        row.desk, row.ticket_id, row.first_seen_at, row.intent, row.confidence, truth, source, row.words
    )


def truth_of(row: JudgedRow, now: datetime, again: Collection[tuple[str, str]] = ()) -> tuple[str, str]:
    """Return what the ticket's intent was, and how we know. An automatic answer that did not help is a failure,
    whatever the label; one that a week's quiet followed counts as right, as in the weekly report. `again`: the tickets
    of `asked_again`."""
    said = row.label or row.final_intent
    failed = row.reescalated_at is not None or row.check_verdict == "wrong"
    if row.auto_resolved_at is not None and (failed or (row.desk, row.ticket_id) in again):
        return (said if said and said != row.intent else NO_INTENT), "failed"
    if said or row.check_verdict == "right":
        return said or row.intent, "label"
    if row.auto_resolved_at is not None and row.auto_resolved_at + QUIET <= now:
        return row.intent, "answered"
    return "", ""


def judged(labelled: Sequence[LabelledTicket]) -> list[Judged]:
    """Return those whose truth is known, as the measures want them."""
    return [Judged(one.truth, one.guess, one.confidence) for one in labelled if one.truth]


def examples(labelled: Sequence[LabelledTicket], known: Mapping[str, Any]) -> list[Example]:
    """Return what a model may learn from: words that people labelled with an intent of the configuration, or as none."""
    may = {*known, NO_INTENT}
    good = [one for one in labelled if one.source == "label" and one.words and one.truth in may]
    return [Example(one.words, one.truth, one.at) for one in good]


def sources(labelled: Sequence[LabelledTicket]) -> dict[str, int]:
    """Return how many rows are known by which source."""
    return dict(Counter(one.source for one in labelled if one.source))


def thresholds(
    conn: Connection, now: datetime, look_back: timedelta = LOOK_BACK, **asked: float
) -> dict[str, Any]:
    """Return the thresholds that everything known of the past proves: labels, answers that held, answers that failed."""
    known = from_ledger(conn, now, now - look_back)
    found = run_thresholds(judged(known), now, **asked)  # type: ignore[arg-type]  # target, confidence
    return {**found, "sources": sources(known)}


def keep_thresholds(conn: Connection, found: Mapping[str, Any]) -> None:
    """Until they are worked out again: the console and the warnings at start-up refer to them."""
    db.keep(conn, PROVEN, dict(found))


def proven_auto(app: App) -> float | None:
    """Return the lowest threshold that `backstop thresholds` has proven, None if there is none."""
    with db.reading(app.engine) as conn:
        overall = (db.kept(conn, PROVEN) or {}).get("overall", {})
    threshold = overall.get("threshold") if overall.get("intent") == OVERALL else None
    return float(threshold) if threshold is not None else None


def past(labelled: Sequence[LabelledTicket]) -> list[Past]:
    """As a replay wants them."""
    return [Past(one.at, one.guess, one.confidence, one.truth) for one in labelled]


def handling(rules: Mapping[str, Rules], timezone: str) -> Handling:
    """Return what a replay must know of the rules."""
    ruled = [(one, intent) for one in rules.values() for intent in one.intents.values()]
    return Handling(
        answerable={
            i.name for one, i in ruled if (i.reply or i.action) and i.name not in one.never_automatic
        },
        priorities={i.name: i.priority for _, i in ruled},
        queues={},  # where humans finally moved a ticket is not kept: disagreements are about intents
        own_auto={i.name: i.auto for _, i in ruled if i.auto is not None},
        timezone=timezone,
    )


# --- a desk's own history -------------------------------------------------------------------


def from_desk(
    app: App,
    name: str,
    since: datetime,
    *,
    step: Callable[[int], None] = lambda _learned: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Example]:
    """Return all tickets changed since then whose intent a human's hand shows. Waits whenever the desk says so."""
    desk, cursor = app.desks[name], ""
    found: list[Example] = []
    queues = queues_of_one_intent(app.rules[name])
    while True:
        ask = partial(desk.changed_since, cursor, since, app.clock())
        page = patiently(ask, sleep, first=not cursor)
        with app.engine.begin() as conn:
            rows = store.known(conn, name, [one.ticket_id for one in page.changed_tickets])
        for one in page.changed_tickets:
            found += _taught(app, name, one, rows.get(one.ticket_id), queues, sleep)
            step(len(found))
        if not page.more or page.cursor == cursor:
            return found
        cursor = page.cursor


def queues_of_one_intent(rules: Rules) -> dict[str, str]:
    """Return a mapping, queue → intent, where a queue belongs to exactly one intent and is not the general one."""
    owners = Counter(rule.queue.lower() for rule in rules.intents.values() if rule.queue)
    return {
        rule.queue.lower(): rule.name
        for rule in rules.intents.values()
        if owners[rule.queue.lower()] == 1 and rule.queue.lower() != rules.general_queue.lower()
    }


def _taught(
    app: App,
    name: str,
    changed_ticket: ChangedTicket,
    row: TicketRow | None,
    queues: Mapping[str, str],
    sleep: Callable[[float], None],
) -> Iterator[Example]:
    """What one ticket teaches. Tags and queues that we set ourselves do not count: a model must not learn from itself."""
    label = changed_ticket.intent_label
    ours = row.intent if row is not None and not row.final_intent else ""
    if changed_ticket.status in OUT_OF_SIGHT or (ours and label in {"", ours}) or not (label or queues):
        return
    try:
        ticket = patiently(lambda: app.desks[name].fetch(changed_ticket.ticket_id), sleep)
    except (Gone, Moved, Refused):
        return
    intent = label or _by_queue(ticket, queues)
    words = first_words(ticket)
    if words and (intent in app.rules[name].intents or intent == NO_INTENT):
        yield Example(words, intent, ticket.created_at)


def _by_queue(ticket: Ticket, queues: Mapping[str, str]) -> str:
    return queues.get(ticket.queue_name.lower()) or queues.get(ticket.queue.lower(), "")


def first_words(ticket: Ticket) -> str:
    """Return what the customer said first, without quotes and signature; "" where none did, or staff opened it."""
    if ticket.customer.is_staff or ticket.opened_by is not Author.CUSTOMER:
        return ""
    said = (m for m in ticket.messages if m.author is Author.CUSTOMER and m.public and not m.machine)
    return next((words for m in said if (words := said_in(ticket, m).words)), "")
