"""One message: claimed, rendered, handed to its channel, and retried or rerouted on failure."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, select, update

from core.app import App
from core.errors import BackstopError, Refused, TryLater, UnknownOutcome, said_of
from core.escalation import ALARMING
from core.ledger import links, store
from core.ledger.db import reading
from core.ledger.moves import move
from core.ledger.rows import NotificationRow, every
from core.ledger.schema import notices
from core.ledger.statements import change
from core.ledger.states import LIVE, Entry, NotificationState
from core.model import Notification, Priority, Receipt, ReceiptState
from core.notifications import routing
from core.notifications.digests import members
from core.notifications.rendering import UNKNOWN, compose, public
from core.notifications.rows import DIGEST, FORGOTTEN, TAKEN, WAITING, count, insert_row, notice_of
from core.ports import Channel

log = logging.getLogger(__name__)

TRIES = 3
PAUSE = timedelta(seconds=10)  # before the next try
PATIENCE = timedelta(minutes=1)  # a channel that wants us to wait longer is slow: another one is used
DESK_PATIENCE = timedelta(hours=2)  # a note in a queue can wait until the desk answers again
STUCK = timedelta(minutes=3)  # longer than any channel's time-outs: whoever was sending is dead
# without a delivery report for so long, a provider that sends reports counts as slow
ARRIVES = timedelta(minutes=5)
AGAIN = timedelta(minutes=5)  # when every channel failed, all are tried again…
GIVE_UP = timedelta(hours=6)  # …for so long
SILENT = 3


def attempt(app: App, row: NotificationRow, now: datetime, silent: Counter[str] | None = None) -> int:
    """Send one row, unless another worker has it; return how many messages a channel accepted. `silent`: time-outs in a row by
    channel in this pass; a channel with three is not waited for again."""
    silent = Counter() if silent is None else silent
    taken = _taken(app, row, now)
    if taken is None:
        return 0
    token, mine = taken
    if row.template == DIGEST and not mine:
        _set(app, row, NotificationState.SUPPRESSED, error="everything in it was taken meanwhile")
        return 0
    try:
        channel = _channel(app, row)
        _still_answers(row, silent)
        receipt = channel.send(compose(app, channel, row, mine, token, now), now)
    except UnknownOutcome as err:
        silent[row.channel] += 1
        unknown(app, row, str(err), now)
    except TryLater as err:
        silent[row.channel] += 0 if err.status else 1
        _later(app, row, err, now)
    except BackstopError as err:
        fall_over(app, row, f"{row.channel} failed: {err}", now)
    except Exception as err:  # whatever it is, people must be notified by another channel
        log.exception("%s could not be sent by %s", row.notice_key, row.channel)
        fall_over(app, row, f"{row.channel} failed: {said_of(err)}", now)
    else:
        silent[row.channel] = 0
        _accepted(app, channel, row, mine, receipt, now)
        return 1
    return 0


def _still_answers(row: NotificationRow, silent: Mapping[str, int]) -> None:
    if silent[row.channel] >= SILENT and row.channel != routing.DESK:
        raise Refused("it does not answer")


def _channel(app: App, row: NotificationRow) -> Channel:
    channel = app.channels.get(row.channel)
    if channel is None:
        raise Refused("there is no such channel (any more)")
    return channel


def unknown(app: App, row: NotificationRow, words: str, now: datetime) -> None:
    """Handle an unknown outcome: send once more, marked as a repetition; then use another channel."""
    if row.error.startswith(UNKNOWN):
        fall_over(app, row, f"{row.channel} gave no answer twice: {words}", now)
    else:
        _set(app, row, NotificationState.QUEUED, error=f"{UNKNOWN}: {words}", due_at=now + PAUSE)


def retry_stuck(app: App, now: datetime) -> None:
    """Treat rows that a worker claimed and never finished as messages whose outcome is unknown."""
    with reading(app.engine) as conn:
        stuck = and_(notices.c.state == NotificationState.OPEN, notices.c.opened_at < now - STUCK)
        rows = every(NotificationRow, conn.execute(select(notices).where(stuck)))
    for row in rows:
        unknown(app, row, "the process that was sending it stopped", now)


def fall_over(app: App, row: NotificationRow, because: str, now: datetime, *, failed: bool = True) -> None:
    """Use the next channel after a failed or slow one; its message says why. Logged as an error."""
    with app.engine.begin() as conn:
        if not _gave_up(conn, row, because, failed):
            return
        store.log(conn, (row.desk, row.ticket_id), now, Entry.FAILED, because)
        mine = and_(notices.c.bundle == row.key, notices.c.state == NotificationState.BUNDLED)
        inside = every(NotificationRow, conn.execute(select(notices).where(mine)))
        for one in inside if row.template == DIGEST else ():
            _gave_up(conn, one, because, failed=True)
            _next_way(app, conn, one, because, now)
        if row.template == TAKEN:
            _not_told_of_the_end(app, conn, row, because, now)
        elif row.template != DIGEST:
            _next_way(app, conn, row, because, now)
    count(app, row.channel, NotificationState.FAILED)
    log.error("%s: %s", because, row.notice_key)


def _not_told_of_the_end(
    app: App, conn: Connection, row: NotificationRow, because: str, now: datetime
) -> None:
    """Handle the failed notice of a claim: no other channel is used. An incident that stays open raises an alarm; a message
    that keeps its button does not, since the button shows who has the ticket."""
    if not (row.facts or {}).get("edits"):
        _alarm(conn, routing.of(app), row, because, now)


def reaches(state: str, priority: Priority) -> bool:
    """Return whether a message of that state reaches somebody in time. One that is held for a summary comes up to a
    quarter of an hour later: that is too late for what is urgent or high."""
    held = state == NotificationState.BUNDLED and priority in ALARMING
    return state in LIVE | {NotificationState.DELIVERED} and not held


def only_held(app: App, row: NotificationRow, now: datetime) -> None:
    """A message was just put into a summary: where every other way had failed before, the next one is tried at once."""
    with app.engine.begin() as conn:
        mine = and_(notices.c.notice_key == row.notice_key, notices.c.key != row.key)
        states = list(conn.scalars(select(notices.c.state).where(mine)))
        priority = Priority(row.priority)
        lost = NotificationState.FAILED in states and priority in ALARMING
        if lost and not any(reaches(state, priority) for state in states):
            _next_way(app, conn, row, f"{row.channel} holds it for a summary, and the other way failed", now)


def _next_way(app: App, conn: Connection, row: NotificationRow, because: str, now: datetime) -> None:
    routes, told = routing.of(app), notice_of(row)
    siblings = [
        one
        for one in conn.execute(select(notices).where(notices.c.notice_key == row.notice_key))
        if one.key != row.key
    ]
    tried = {one.channel for one in siblings} | {row.channel}
    reached = any(reaches(one.state, told.priority) for one in siblings)
    places = routes.fallback(
        row.audience, told.priority, tried, bool(row.ticket_id), now, person=row.person, wide=not reached
    )
    for place in places:
        insert_row(conn, told, place, now, fallback_of=row.key, because=because[:300])
    if not places and reached:
        _alarm(conn, routes, row, because, now)
    elif not places:
        _start_over(conn, row, now)


def _alarm(
    conn: Connection, routes: routing.Routes, row: NotificationRow, because: str, now: datetime
) -> None:
    """Alarm about a broken channel, once a day; the notice itself has reached the others."""
    if row.audience == routing.ALARM:
        return
    facts = {"headline": f"{row.channel} does not work", "text": because[:300]}
    told = Notification(f"alarm:{row.channel}:{now:%Y-%m-%d}", routing.ALARM, Priority.HIGH, "alarm", facts)
    for place in routes.places(told, now):
        if place.channel != row.channel:
            insert_row(conn, told, place, now)


def _start_over(conn: Connection, row: NotificationRow, now: datetime) -> None:
    """No way is left: try the one that was tried longest ago, after a while."""
    log.critical("%s reached no one: every channel failed", row.notice_key)
    store.log(conn, (row.desk, row.ticket_id), now, Entry.FAILED, "no one was reached: every channel failed")
    mine = and_(
        notices.c.notice_key == row.notice_key,
        notices.c.state == NotificationState.FAILED,
        notices.c.created_at > now - GIVE_UP,
    )
    oldest = conn.execute(select(notices.c.key).where(mine).order_by(notices.c.opened_at).limit(1)).scalar()
    move(conn, notices, NotificationState.QUEUED, {"key": oldest}, attempts=0, due_at=now + AGAIN)


def _gave_up(conn: Connection, row: NotificationRow, because: str, failed: bool) -> bool:
    values: dict[str, Any] = {"error": because, "due_at": None}
    if failed:
        return bool(move(conn, notices, NotificationState.FAILED, {"key": row.key}, among=LIVE, **values))
    slow = update(notices).where(notices.c.key == row.key, notices.c.due_at.is_not(None))
    return bool(conn.execute(slow.values(**values)).rowcount)


def _taken(app: App, row: NotificationRow, now: datetime) -> tuple[str, list[NotificationRow]] | None:
    """Claim this row. One worker wins, and gets the token of its claim link ("" without one) and
    what its digest has gathered. That is read after the digest is closed to others, so that nothing comes in
    unsaid."""
    same = {"key": row.key, "state": row.state, "attempts": row.attempts}
    attempts = row.attempts + 1
    with app.engine.begin() as conn:
        if not move(conn, notices, NotificationState.OPEN, same, opened_at=now, attempts=attempts):
            return None
        mine = members(conn, [row])
        return _claim_token(app, conn, mine[0] if len(mine) == 1 else row, now), mine


def _later(app: App, row: NotificationRow, err: TryLater, now: datetime) -> None:
    wait = err.wait if err.status else PAUSE  # without a status it is our own guess, not the provider's wish
    patient = row.channel == routing.DESK and now - row.created_at < DESK_PATIENCE
    if not patient and (row.attempts + 1 >= TRIES or wait > PATIENCE):
        fall_over(app, row, f"{row.channel} failed: {err}", now)
    else:
        _set(app, row, NotificationState.QUEUED, error=str(err), due_at=now + wait)


def _accepted(
    app: App,
    channel: Channel,
    row: NotificationRow,
    mine: Sequence[NotificationRow],
    receipt: Receipt,
    now: datetime,
) -> None:
    arrived = receipt.state == ReceiptState.DELIVERED
    state = NotificationState.DELIVERED if arrived else NotificationState.ACCEPTED
    watched = not arrived and channel.can.reports_delivery and row.template in WAITING
    more: dict[str, Any] = {
        "provider_id": receipt.id,
        "sent_at": now,
        "error": "",
        "due_at": now + ARRIVES if watched else None,
    }
    if arrived:
        more["delivered_at"] = now
    with app.engine.begin() as conn:
        if not move(conn, notices, state, _open(row), **more):
            # the provider called back before its answer to us was read: its report is kept
            change(conn, notices, {"key": row.key}, {"provider_id": receipt.id, "sent_at": now})
        if mine:
            keys = [one.key for one in mine]
            conn.execute(update(notices).where(notices.c.key.in_(keys)).values(sent_at=now, due_at=None))
        for one in mine or [row]:
            whom = ", ".join(part for part in (one.person, one.address) if part)
            detail = f"{one.template}: {row.channel}{f' to {whom}' if whom else ''}{' in a summary' if mine else ''}"
            store.log(conn, (one.desk, one.ticket_id), now, Entry.NOTICED, detail)
    count(app, row.channel, state)


def _set(
    app: App,
    row: NotificationRow,
    state: NotificationState,
    *,
    error: str = "",
    due_at: datetime | None = None,
) -> None:
    with app.engine.begin() as conn:
        move(conn, notices, state, _open(row), error=error, due_at=due_at)


def _open(row: NotificationRow) -> dict[str, Any]:
    return {"key": row.key, "state": NotificationState.OPEN}


def _claim_token(app: App, conn: Connection, row: NotificationRow, now: datetime) -> str:
    """For a one-time link to a page with a button, where people can reach us."""
    if (
        not public(app)
        or not row.ticket_id
        or row.template not in WAITING | {FORGOTTEN}
        or row.channel == routing.DESK
    ):
        return ""
    email = str((row.facts or {}).get("person_email", ""))
    return links.new_link(conn, row.desk, row.ticket_id, person=row.person, email=email, now=now)
