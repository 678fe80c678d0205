"""From a notice to delivered messages: queued in the ledger, checked, sent, retried by other channels.

A row of `bs_notices` is one message by one channel to one address. Its states: queued → open (being sent) → accepted →
delivered, or failed; suppressed (somebody came first), bundled (went into a digest). A row is taken by a conditional
update, so that any number of workers may send. Whose worker died, or whose outcome nobody knows, is sent once more and
says so: a page that comes twice is better than one that is lost.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Integer, and_, bindparam, case, or_, select

from core.app import App
from core.errors import VendorError
from core.ledger import store
from core.ledger.db import reading
from core.ledger.moves import move
from core.ledger.rows import NotificationRow, TicketRow, every, first
from core.ledger.schema import notices, tickets
from core.ledger.statements import ask, change, rows_of
from core.ledger.states import UNSENT, Entry, NotificationState
from core.model import Claim, Notification, Priority, ReceiptState, TicketState
from core.notifications.digests import hold_back, members
from core.notifications.routing import DESK, Place, Routes
from core.notifications.rows import FORGOTTEN, WAITING, count, insert_row
from core.notifications.sending import ARRIVES, attempt, fall_over, only_held, retry_stuck

log = logging.getLogger(__name__)

# states of a ticket that no longer waits
OVER = frozenset({TicketState.ANSWERED, TicketState.AUTO_RESOLVED, TicketState.LEFT_ALONE})
ARRIVING = frozenset({NotificationState.OPEN, NotificationState.ACCEPTED, NotificationState.FAILED})
MOST = 500  # rows of one pass, and names in one query
SENDERS = 8
PASSES = 6  # a pass may queue fallbacks, which the next one sends

_RANK = case({p.value: p.rank for p in Priority}, value=notices.c.priority, else_=len(Priority))
_WAITS = or_(
    notices.c.state == NotificationState.QUEUED,
    notices.c.state == NotificationState.BUNDLED,  # its digest never came: see `hold_back`
    # accepted, but its arrival was never reported
    and_(notices.c.state == NotificationState.ACCEPTED, notices.c.delivered_at.is_(None)),
)
_DUE_ON, _DUE = (
    query.where(_WAITS, notices.c.due_at <= bindparam("now"))
    .order_by(_RANK, notices.c.due_at)
    .limit(bindparam("most", type_=Integer))
    for query in (rows_of(notices, "desk", "ticket_id"), rows_of(notices))
)

StillWaiting = Callable[[str, Sequence[str]], Mapping[str, Claim]]


def enqueue(conn: Connection, told: Iterable[Notification], *, routes: Routes, now: datetime) -> int:
    """Store one row per channel and person for each notice; return how many were new. Idempotent by the rows' keys."""
    return sum(
        insert_row(conn, notice, place, now)
        for notice in told
        for place in routes.places(notice, now) or (Place(channel=""),)
        if not is_noise(notice, place)
    )


def is_noise(notice: Notification, place: Place) -> bool:
    """Return whether a notice would only repeat, as a note in the desk, that the ticket is in its queue."""
    return place.channel == DESK and notice.template == "escalated"


def pump(
    app: App, now: datetime, still_waiting: StillWaiting | None = None, only: TicketRow | None = None
) -> int:
    """Send what is due; return how many messages the channels accepted. Safe to run in several workers at once. `only`: what
    is due about one ticket, whose row was read just now."""
    sent = 0
    for turn in range(PASSES):
        if only is None:
            retry_stuck(app, now)
        rows = _due(app.engine, now, only=only)
        if not rows:
            break
        with reading(app.engine) as conn:
            gathered = members(conn, rows)
        known = {(only.desk, only.ticket_id): only.state} if only is not None and not turn else None
        alive, over = _checked(app, [*rows, *gathered], still_waiting, known)
        _drop(app, over, now)
        due = [row for row in rows if row.key in alive]
        ready = hold_back(app, due, now)
        going = {row.key for row in ready}
        for row in due:
            if row.key not in going:
                only_held(app, row, now)
        took = _send(app, ready, now)
        sent += took
        if only is not None and took == len(rows):
            break
        if len(rows) < MOST and not _due(app.engine, now, limit=1, only=only):
            break
    return sent


def _due(
    engine: Engine, now: datetime, limit: int = MOST, only: TicketRow | None = None
) -> list[NotificationRow]:
    """Return the rows to send or to follow up now, the most urgent first."""
    where = {"desk": only.desk, "ticket_id": only.ticket_id} if only is not None else {}
    with reading(engine) as conn:
        found = ask(conn, _DUE_ON if only is not None else _DUE, {"now": now, "most": limit, **where})
        return every(NotificationRow, found)


def _checked(
    app: App,
    rows: Sequence[NotificationRow],
    still_waiting: StillWaiting | None,
    known: Mapping[tuple[str, str], str] | None,
) -> tuple[set[str], dict[str, str]]:
    """Read the tickets again immediately before sending; return the keys still needed, and why the others are not. `known`:
    the states of these tickets, where they were read just now."""
    asked: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.ticket_id and (row.template in WAITING or row.template == FORGOTTEN):
            asked.setdefault(row.desk, {})[row.ticket_id] = None
    claims = {
        (desk, id_): claim
        for desk, ids in asked.items()
        for id_, claim in _claims(app, desk, list(ids), still_waiting).items()
    }
    states = _states(app.engine, asked) if known is None else known
    over = {row.key: why for row in rows if (why := _why_over(row, claims, states))}
    return {row.key for row in rows if row.key not in over}, over


def _claims(
    app: App, desk: str, ids: Sequence[str], still_waiting: StillWaiting | None
) -> Mapping[str, Claim]:
    """Return the claims read from the desk in bulk; none from a desk that does not answer, so that its notices are sent."""
    try:
        if still_waiting is not None:
            return still_waiting(desk, ids)
        return app.desks[desk].unclaimed(ids) if desk in app.desks else {}
    except VendorError as err:
        log.warning("the claims at %s could not be read, so notices are sent: %s", desk, err)
        return {}


def _states(engine: Engine, asked: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], str]:
    """Return the claims stored in the ledger."""
    found: dict[tuple[str, str], str] = {}
    with reading(engine) as conn:
        for desk, ids in asked.items():
            names = list(ids)
            for start in range(0, len(names), MOST):
                some = tickets.c.ticket_id.in_(names[start : start + MOST])
                query = select(tickets.c.ticket_id, tickets.c.state).where(tickets.c.desk == desk, some)
                found |= {(desk, row.ticket_id): row.state for row in conn.execute(query)}
    return found


def _why_over(
    row: NotificationRow, claims: Mapping[tuple[str, str], Claim], states: Mapping[tuple[str, str], str]
) -> str:
    """Return why a message is no longer needed; "" while it is."""
    where = (row.desk, row.ticket_id)
    claim, state = claims.get(where, Claim(row.ticket_id)), states.get(where, "")
    if row.template in WAITING:
        if claim.by or claim.answered or claim.closed:
            return f"{claim.by or 'somebody'} came first"
        return "taken before" if state == TicketState.CLAIMED or state in OVER else ""
    if row.template == FORGOTTEN:
        return "answered before" if claim.answered or claim.closed or state in OVER else ""
    return ""


def _drop(app: App, over: Mapping[str, str], now: datetime) -> None:
    for key, why in over.items():
        with app.engine.begin() as conn:
            if move(
                conn,
                notices,
                NotificationState.SUPPRESSED,
                {"key": key},
                among=UNSENT,
                error=why,
                due_at=None,
            ):
                row = conn.execute(select(notices).where(notices.c.key == key)).one()
                store.log(
                    conn,
                    (row.desk, row.ticket_id),
                    now,
                    Entry.SPARED,
                    f"{row.channel} was not disturbed: {why}",
                )
                count(app, row.channel, NotificationState.SUPPRESSED)
            else:
                change(conn, notices, {"key": key}, {"due_at": None})


def _send(app: App, ready: Sequence[NotificationRow], now: datetime) -> int:
    """Send the rows concurrently, so that a channel that hangs does not delay the others."""
    for row in ready:
        if row.state == NotificationState.ACCEPTED:
            minutes = int(ARRIVES.total_seconds() // 60)
            fall_over(
                app, row, f"{row.channel} has not delivered it within {minutes} minutes", now, failed=False
            )
    fresh = [row for row in ready if row.state != NotificationState.ACCEPTED]
    silent: Counter[str] = Counter()
    if len(fresh) <= 1:
        return sum(attempt(app, row, now, silent) for row in fresh)
    with ThreadPoolExecutor(min(SENDERS, len(fresh)), thread_name_prefix="notices") as pool:
        return sum(pool.map(lambda row: attempt(app, row, now, silent), fresh))


def heard_of(
    app: App, channel: str, key: str, provider_id: str, state: ReceiptState | None, detail: str, now: datetime
) -> bool:
    """Store a provider's report on one message. A late "accepted" never replaces a "delivered"."""
    which = {"key": key} if key else {"provider_id": provider_id, "channel": channel}
    with app.engine.begin() as conn:
        row = first(NotificationRow, ask(conn, rows_of(notices, *which), which))
        if row is None or row.channel != channel:
            return False
        if state == ReceiptState.DELIVERED:
            values: dict[str, Any] = {"delivered_at": now, "due_at": None, "provider_id": provider_id}
            changed = move(conn, notices, NotificationState.DELIVERED, which, among=ARRIVING, **values)
        else:
            changed = 0
            if state == ReceiptState.SENT:
                change(conn, notices, {**which, "state": NotificationState.ACCEPTED}, {"due_at": None})
    if changed:
        count(app, channel, NotificationState.DELIVERED)
    if state == ReceiptState.FAILED and row.state in {NotificationState.OPEN, NotificationState.ACCEPTED}:
        fall_over(app, row, f"{channel} failed: {detail or 'not delivered'}", now)
    return True
