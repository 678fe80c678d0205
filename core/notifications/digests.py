"""Digests: messages beyond what the throttle allows to one person are collected into one summary, never dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, func, select, update

from core.app import App
from core.ledger import store
from core.ledger.db import reading
from core.ledger.moves import move
from core.ledger.rows import NotificationRow, every, first, typed
from core.ledger.schema import notices
from core.ledger.states import Entry, NotificationState
from core.model import Notification, Priority
from core.notifications.routing import Place
from core.notifications.rows import DIGEST, TAKEN, count, insert_row
from core.notifications.throttle import LOOK_BACK, digest_at, too_many

# so long after its digest was due, a row whose digest was never sent is sent singly
RESCUE = timedelta(minutes=5)
EXEMPT = frozenset({DIGEST, TAKEN})

Where = tuple[str, str]  # channel, address


def members(conn: Connection, rows: Sequence[NotificationRow]) -> list[NotificationRow]:
    """Return the rows that the digests among these have collected so far."""
    keys = [row.key for row in rows if row.template == DIGEST]
    if not keys:
        return []
    mine = and_(
        notices.c.bundle.in_(keys), notices.c.state == NotificationState.BUNDLED, notices.c.sent_at.is_(None)
    )
    return every(NotificationRow, conn.execute(select(notices).where(mine).order_by(notices.c.created_at)))


def hold_back(app: App, rows: Sequence[NotificationRow], now: datetime) -> list[NotificationRow]:
    """Return the rows that may be sent now; put the others into their address's digest."""
    limits = {ref: channel.can.limits for ref, channel in app.channels.items()}
    limited = [
        row
        for row in rows
        if limits.get(row.channel) and _bundles(row) and row.state != NotificationState.ACCEPTED
    ]
    told = _told_lately(app.engine, limited, now)
    held: list[NotificationRow] = []
    for row in limited:
        times = told[row.channel, row.address]
        if (
            row.state == NotificationState.QUEUED
            and not row.attempts
            and too_many(limits[row.channel], times, now)
        ):
            held.append(row)
        else:
            times.append(now)
    for row in held:
        with app.engine.begin() as conn:
            _bundle(app, conn, row, now)
    kept_back = {row.key for row in held}
    return [row for row in rows if row.key not in kept_back]


def _bundles(row: NotificationRow) -> bool:
    """Return whether a row may go into a digest: it is about a ticket, neither the weekly report nor an alarm."""
    return bool(row.ticket_id) and row.template not in EXEMPT


def _told_lately(
    engine: Engine, rows: Sequence[NotificationRow], now: datetime
) -> defaultdict[Where, list[datetime]]:
    """Return when each of these addresses was sent single messages."""
    told: defaultdict[Where, list[datetime]] = defaultdict(list)
    if not rows:
        return told
    wanted = and_(
        notices.c.channel.in_({row.channel for row in rows}),
        notices.c.address.in_({row.address for row in rows}),
        notices.c.sent_at > now - LOOK_BACK,
        notices.c.template.not_in(EXEMPT),
        notices.c.bundle == "",
    )
    with reading(engine) as conn:
        for row in conn.execute(
            select(notices.c.channel, notices.c.address, notices.c.sent_at).where(wanted)
        ):
            told[row.channel, row.address].append(row.sent_at)
    return told


def _bundle(app: App, conn: Connection, row: NotificationRow, now: datetime) -> None:
    digest = _digest(conn, row, now)
    mine = {"key": row.key, "state": NotificationState.QUEUED}
    due_at = (digest.due_at or now) + RESCUE
    if move(conn, notices, NotificationState.BUNDLED, mine, bundle=digest.key, due_at=due_at):
        detail = f"{row.person or row.address or row.channel} gets this in a digest: too many messages for one person"
        store.log(conn, (row.desk, row.ticket_id), now, Entry.BUNDLED, detail)
        count(app, row.channel, NotificationState.BUNDLED)


def _digest(conn: Connection, row: NotificationRow, now: datetime) -> NotificationRow:
    """Return the pending digest of this address, created if there is none; no worker can send it before we commit."""
    here = and_(
        notices.c.channel == row.channel, notices.c.address == row.address, notices.c.template == DIGEST
    )
    is_waiting = and_(here, notices.c.state == NotificationState.QUEUED, notices.c.attempts == 0)
    waiting = select(notices).where(is_waiting).with_for_update()
    found = first(NotificationRow, conn.execute(waiting))
    if found is None:
        last = conn.execute(
            select(func.max(notices.c.created_at)).where(here, notices.c.created_at > now - LOOK_BACK)
        ).scalar()
        sent = (
            conn.execute(select(notices.c.sent_at).where(here, notices.c.created_at == last)).scalar()
            if last
            else None
        )
        due = digest_at([sent] if sent else [], now)
        notice = Notification(f"digest:{now.isoformat()}", row.audience, Priority(row.priority), DIGEST)
        insert_row(conn, notice, Place(row.channel, row.address, row.person), now)
        conn.execute(update(notices).where(is_waiting).values(due_at=due))
        found = typed(NotificationRow, conn.execute(waiting).one())
    return found
