"""What the pages ask the ledger: one function per question, every one answered by an index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, literal, or_, select, tuple_

from core.ledger import store
from core.ledger.schema import (
    balance,
    counts,
    decisions,
    desks,
    events,
    executors,
    history,
    notices,
    tickets,
    writes,
)
from core.ledger.states import EventState, NotificationState
from core.ledger.ticket_report import beside
from core.model import Mode, Priority, TicketState
from core.pipeline.audit import STUCK_AFTER
from core.telemetry.gauges import WAITING, apart

PAGE = 40
OVERDUE = 20
STORY, BESIDE = 120, 30  # lines of a ticket's history, and of what stands beside it
TEXT = 1600  # of any text the pages show; the rest is not even read from the database


@dataclass(frozen=True)
class Found:
    """One page of rows and where the next one begins ("" = there is none)."""

    rows: Sequence[RowMapping]
    after: str = ""


def page_of(rows: Sequence[RowMapping], size: int, *keys: str) -> Found:
    """The rows of one page, of one more than fit on it; the next one begins after the values of `keys`."""
    if len(rows) <= size:
        return Found(rows)
    last = rows[size - 1]
    return Found(rows[:size], "|".join(_mark(last[key]) for key in keys))


def _mark(value: Any) -> str:
    return str(value.isoformat() if isinstance(value, datetime) else value)


def mark_of(after: str) -> tuple[datetime, str, str] | None:
    """A mark in a URL comes from anybody: what cannot be read, or is no moment in UTC, begins at the beginning."""
    try:
        at, desk, ticket = after.split("|", 2)
        moment = datetime.fromisoformat(at)
        return (moment.astimezone(UTC), desk, ticket) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


# --- now ------------------------------------------------------------------------------------


LISTED = [
    tickets.c[name]
    for name in [
        "desk",
        "ticket_id",
        "state",
        "url",
        "customer_name",
        "customer_email",
        "intent",
        "confidence",
        "priority",
        "queue",
        "waiting_since",
        "promise_at",
        "next_due_at",
        "ladder",
        "rung",
        "first_seen_at",
        "band",
        "outcome",
        "claimed_by",
        "mode",
        "answered_at",
    ]
] + [func.substr(tickets.c.subject, 1, 200).label("subject")]


def waiting_summary(connection: Connection, now: datetime) -> dict[str, Any]:
    """How many wait, by priority, since when, and how many promises are over."""
    over = func.sum(case((tickets.c.promise_at < now, 1), else_=0))
    query = select(tickets.c.priority, func.count(), func.min(tickets.c.waiting_since), over)
    rows = connection.execute(query.where(tickets.c.state.in_(WAITING)).group_by(tickets.c.priority)).all()
    by = {priority: number for priority, number, _, _ in rows}
    since = [at for _, _, at, _ in rows if at]
    return {
        "total": sum(by.values()),
        "by_priority": [(name, by[name]) for name in sorted(by, key=_rank)],
        "oldest": now - min(since) if since else None,
        "broken": sum(number or 0 for *_, number in rows),
    }


def overdue(connection: Connection, now: datetime, size: int = OVERDUE) -> tuple[int, Sequence[RowMapping]]:
    """Tickets that somebody took and nobody answered by the time that was promised: how many, the latest first."""
    late = and_(tickets.c.state == TicketState.CLAIMED, tickets.c.promise_at < now)
    number = connection.scalar(select(func.count()).select_from(tickets).where(late)) or 0
    listed = select(*LISTED).where(late).order_by(tickets.c.promise_at, tickets.c.ticket_id).limit(size)
    return number, connection.execute(listed).mappings().all() if number else []


def _rank(priority: str) -> int:
    return Priority(priority).rank if priority in list(Priority) else len(Priority)


def lately(connection: Connection, since: datetime) -> list[tuple[str, int]]:
    """What became of the tickets first seen since then."""
    seen = and_(tickets.c.first_seen_at >= since, tickets.c.outcome != "")
    query = select(tickets.c.outcome, func.count()).where(seen).group_by(tickets.c.outcome)
    return sorted(
        ((outcome, number) for outcome, number in connection.execute(query)), key=lambda pair: -pair[1]
    )


# --- tickets --------------------------------------------------------------------------------


def search(connection: Connection, asked: Mapping[str, str], size: int = PAGE) -> Found:
    """Newest first; by id, address, or words of the subject, and by state, desk, intent."""
    order = (tickets.c.first_seen_at, tickets.c.desk, tickets.c.ticket_id)
    query = select(*LISTED).order_by(*(one.desc() for one in order)).limit(size + 1)
    for name in ("state", "desk", "intent"):
        if value := asked.get(name, ""):
            query = query.where(tickets.c[name] == value)
    if words := asked.get("q", "").strip()[:200]:
        query = query.where(_matches(words))
    if mark := mark_of(asked.get("after", "")):
        query = query.where(tuple_(*order) < tuple_(literal(mark[0], order[0].type), *map(literal, mark[1:])))
    return page_of(connection.execute(query).mappings().all(), size, "first_seen_at", "desk", "ticket_id")


def _matches(words: str) -> ColumnElement[bool]:
    """An address is looked up as such, a number as an id; other words in subject and name."""
    if "@" in words:
        return tickets.c.customer_email == words.lower()  # kept in lower case
    number = words.lstrip("#")
    if " " not in number and any(letter.isdigit() for letter in number):
        return tickets.c.ticket_id == number
    return or_(
        tickets.c.subject.icontains(words, autoescape=True),
        tickets.c.customer_name.icontains(words, autoescape=True),
    )


def filters(connection: Connection) -> dict[str, list[str]]:
    """The desks there are; found by skipping along the index, not by reading all rows."""
    found: list[str] = []
    while name := connection.scalar(
        select(func.min(tickets.c.desk)).where(tickets.c.desk > (found or [""])[-1])
    ):
        found.append(name)
    return {"desk": found}


def ticket(connection: Connection, desk: str, ticket_id: str) -> Mapping[str, Any] | None:
    """One ticket's row; an empty one while nothing is decided about it and an event waits; None where it is not known."""
    query = select(tickets).where(tickets.c.desk == desk, tickets.c.ticket_id == ticket_id)
    found = connection.execute(query).mappings().first()
    if found is not None:
        return dict(found)
    if not beside(connection, desk, ticket_id):
        return None
    return {**{column.name: None for column in tickets.c}, "desk": desk, "ticket_id": ticket_id, "state": ""}


def story(connection: Connection, desk: str, ticket_id: str, before: int = 0) -> dict[str, Any]:
    """Everything that happened to one ticket: decisions, writes, notices, and the history in order."""

    def of(table: Any, order: Any, size: int, *shown: Any) -> Sequence[RowMapping]:
        own = and_(table.c.desk == desk, table.c.ticket_id == ticket_id)
        return connection.execute(select(*shown).where(own).order_by(order).limit(size)).mappings().all()

    short = [func.substr(decisions.c[name], 1, TEXT).label(name) for name in ("words", "reason")]
    rest: list[Any] = [column for column in decisions.c if column.name not in ("words", "reason", "actions")]
    rest.append(case((decisions.c.mode == Mode.OBSERVE, decisions.c.actions)).label("would"))
    lines = select(
        history.c.id, history.c.at, history.c.what, func.substr(history.c.detail, 1, 400).label("detail")
    )
    lines = lines.where(history.c.desk == desk, history.c.ticket_id == ticket_id)
    if before:
        lines = lines.where(history.c.id < before)
    newest = connection.execute(lines.order_by(history.c.id.desc()).limit(STORY + 1)).mappings().all()
    extra = [] if before else sorted(beside(connection, desk, ticket_id), key=itemgetter("at"))[-BESIDE:]
    shown = STORY - len(extra)
    return {
        "decisions": of(decisions, decisions.c.at.desc(), 8, *rest, *short),
        "writes": of(writes, writes.c.opened_at.desc(), 30, *_without(writes), _short(writes.c.reason)),
        "notices": of(
            notices, notices.c.created_at.desc(), 30, *_without(notices, "facts"), _short(notices.c.error)
        ),
        "facts": of(events, events.c.received_at.desc(), 30, *_without(events), _short(events.c.reason)),
        "history": sorted([*newest[:shown][::-1], *extra], key=itemgetter("at")),
        "before": newest[shown - 1]["id"] if len(newest) > shown else 0,
    }


def _without(table: Any, *names: str) -> list[Any]:
    return [column for column in table.c if column.name not in (*names, "reason", "error")]


def _short(column: Any) -> Any:
    return func.substr(column, 1, 400).label(column.name)


# --- health ---------------------------------------------------------------------------------


def desks_health(connection: Connection) -> Sequence[RowMapping]:
    """One line per desk that was ever started."""
    lines = [
        desks.c[name]
        for name in ["desk", "swept_at", "hook_heard_at", "found_at", "started_at", "paused_at", "paused_by"]
    ]
    return connection.execute(select(*lines, _short(desks.c.trouble)).order_by(desks.c.desk)).mappings().all()


def dead_letters(connection: Connection, size: int = PAGE) -> Sequence[RowMapping]:
    """Facts given up, newest first."""
    shown = _without(events)
    query = select(*shown, _short(events.c.reason)).where(events.c.state == EventState.DEAD)
    return connection.execute(query.order_by(events.c.at.desc()).limit(size)).mappings().all()


def unsettled(connection: Connection) -> dict[str, int]:
    """How many facts each desk has under way."""
    open_ones = events.c.state.in_([EventState.RECEIVED, EventState.WAITING])
    desk = apart(events.c.desk)
    query = select(desk, func.count()).where(open_ones).group_by(desk)
    return {desk: number for desk, number in connection.execute(query)}  # noqa: C416


def overdue_events(connection: Connection, now: datetime, size: int = 5) -> tuple[int, Sequence[RowMapping]]:
    """Events that wait longer than they should: how many, and the first of them."""
    late = store.overdue(now, STUCK_AFTER)
    number = connection.scalar(select(func.count()).select_from(events).where(late)) or 0
    first = select(events.c.desk, events.c.ticket_id).where(late).order_by(events.c.received_at).limit(size)
    return number, connection.execute(first).mappings().all() if number else []


def dead_number(connection: Connection) -> int:
    """How many facts were given up."""
    return (
        connection.scalar(select(func.count()).select_from(events).where(events.c.state == EventState.DEAD))
        or 0
    )


def balances(connection: Connection) -> list[RowMapping]:
    """The newest comparison of each desk."""
    newest: dict[str, RowMapping] = {}
    for row in connection.execute(select(balance).order_by(balance.c.at.desc()).limit(200)).mappings():
        newest.setdefault(row["desk"], row)
    return [newest[desk] for desk in sorted(newest)]


def alive(connection: Connection, now: datetime) -> Sequence[RowMapping]:
    """Return the processes whose heartbeat is younger than a day, newest first."""
    query = select(executors).where(executors.c.beat_at > now - timedelta(days=1))
    return connection.execute(query.order_by(executors.c.beat_at.desc()).limit(20)).mappings().all()


def failed_notices(connection: Connection, since: datetime) -> Sequence[RowMapping]:
    """Notices that reached nobody, newest first."""
    shown = [notices.c[name] for name in ["desk", "ticket_id", "channel", "person", "state", "created_at"]]
    failed = and_(notices.c.state == NotificationState.FAILED, notices.c.created_at > since)
    query = select(*shown, _short(notices.c.error)).where(failed)
    return connection.execute(query.order_by(notices.c.created_at.desc()).limit(10)).mappings().all()


def headroom(connection: Connection) -> dict[str, float]:
    """What each desk last said is left of its rate limit."""
    query = select(counts.c.labels, counts.c.value).where(counts.c.name == "rate_limit_remaining")
    return {json.loads(labels)[0]: value for labels, value in connection.execute(query)}
