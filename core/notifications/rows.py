"""The rows of `bs_notices`: what their states and templates mean, and how one is made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, and_, cast, select, update

from core.app import App
from core.ledger.db import insert_new
from core.ledger.moves import move
from core.ledger.rows import NotificationRow, every
from core.ledger.schema import notices
from core.ledger.states import UNSENT, NotificationState
from core.model import Notification, Priority
from core.notifications.routing import Place, Routes
from core.ports import Channel

# sent only while the ticket is unclaimed
WAITING = frozenset({"escalated", "unclaimed", "promise_breaking", "resumed"})
FORGOTTEN = "forgotten"  # sent while nobody has answered
DIGEST = "digest"
TAKEN = "claimed"
LONGEST_KEY = 200


def insert_row(
    conn: Connection,
    notice: Notification,
    place: Place,
    now: datetime,
    *,
    fallback_of: str = "",
    because: str = "",
) -> bool:
    """Store a message to be sent; return False when it is stored already."""
    facts: Mapping[str, Any] = {**notice.facts, "person_email": place.email, "because": because}
    row = {
        "key": key_of(notice.key, place),
        "notice_key": notice.key,
        "desk": notice.desk,
        "ticket_id": notice.ticket_id,
        "audience": notice.audience,
        "channel": place.channel,
        "person": place.person,
        "address": place.address,
        "priority": notice.priority.value,
        "template": notice.template,
        "facts": facts,
        "rung": int(facts.get("rung", 0)),
        "state": NotificationState.QUEUED,
        "attempts": 0,
        "created_at": now,
        "due_at": now,
        "fallback_of": fallback_of,
    }
    return insert_new(conn, notices, row)


def notice_of(row: NotificationRow) -> Notification:
    """Return the notice that a row is one delivery of."""
    return Notification(
        row.notice_key,
        row.audience,
        Priority(row.priority),
        row.template,
        row.facts or {},
        row.desk,
        row.ticket_id,
    )


def key_of(notice_key: str, place: Place) -> str:
    """Return the key of one delivery: the notice, the channel, the address; short enough for every database."""
    key = ":".join(part for part in (notice_key, place.channel, place.address) if part)
    return key if len(key) <= LONGEST_KEY else f"{key[:150]}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def count(app: App, channel: str, state: NotificationState) -> None:
    """Count the row in the metrics."""
    if app.counters is not None:
        app.counters.notice(channel, state)


def blank(conn: Connection, before: datetime) -> int:
    """Erase customer data in messages of that age (retention). Messages still to be sent keep it."""
    told = and_(notices.c.due_at.is_(None), cast(notices.c.facts, Text) != "{}")
    over = and_(notices.c.created_at < before, told)
    return conn.execute(update(notices).where(over).values(facts={})).rowcount


def close_incidents(
    conn: Connection, routes: Routes, desk: str, ticket_id: str, by: str, now: datetime
) -> int:
    """After a claim: drop queued messages, close incidents, and edit the messages that still show a button."""
    mine = and_(notices.c.desk == desk, notices.c.ticket_id == ticket_id)
    move(
        conn,
        notices,
        NotificationState.SUPPRESSED,
        {"desk": desk, "ticket_id": ticket_id},
        notices.c.template.in_(WAITING),
        among=UNSENT,
        error=f"{by or 'somebody'} came first",
        due_at=None,
    )
    live = notices.c.state.in_(
        (NotificationState.ACCEPTED, NotificationState.DELIVERED, NotificationState.OPEN)
    )
    told = every(
        NotificationRow, conn.execute(select(notices).where(mine, live).order_by(notices.c.created_at))
    )
    return sum(
        insert_row(conn, _taken(row, by, edits), Place(row.channel, row.address, row.person), now)
        for row, edits in (*_incidents(told, routes.channels), *_changeable(told, routes.channels))
    )


def _incidents(
    told: Sequence[NotificationRow], channels: Mapping[str, Channel]
) -> list[tuple[NotificationRow, str]]:
    """Return one message per pager: its messages on a ticket are one incident."""
    last = {row.channel: row for row in told if row.channel in channels and channels[row.channel].can.closes}
    return [(row, "") for row in last.values()]


def _changeable(
    told: Sequence[NotificationRow], channels: Mapping[str, Channel]
) -> list[tuple[NotificationRow, str]]:
    """Return every message that still shows a button, where the channel can edit sent messages."""
    offers = [row for row in told if row.template in WAITING | {FORGOTTEN} and row.provider_id]
    return [
        (row, row.provider_id)
        for row in offers
        if row.channel in channels and channels[row.channel].can.edits
    ]


def _taken(row: NotificationRow, by: str, edits: str) -> Notification:
    """Return the notice that a ticket was claimed. A message that is edited keeps its text."""
    facts = {**(row.facts or {}), "edits": edits} if edits else {}
    key, priority = f"{row.notice_key}:taken", Priority(row.priority)
    return Notification(
        key, row.audience, priority, TAKEN, facts | {"claimed_by": by}, row.desk, row.ticket_id
    )
