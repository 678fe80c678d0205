"""Surges: when an intent arrives far more often than its history explains, one notice replaces one page per ticket.

The notice names intent, number and tickets. While the surge lasts, its tickets are queued, acknowledged and escalated as
usual, but their notices are merged into it. It is repeated when its tickets are four times as many, or when a rung is due on
them, at most twice an hour per audience. Notices about somebody's safety are never merged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from core import safety
from core.app import App
from core.escalation import ESCALATED, TEAM
from core.ledger import db, store, surges
from core.ledger.db import reading
from core.ledger.rows import SurgeRow, TicketRow
from core.ledger.schema import decisions
from core.ledger.states import Entry
from core.model import Mode, Notification, Priority
from core.notifications import delivery, routing
from core.notifications.rows import WAITING
from core.pipeline.claims import AWAITED
from core.surge import CALM, HOUR, LEAST, LOOK_BACK, WINDOWS, Jump, Profile, jump, profile

log = logging.getLogger(__name__)

DAY, HALF_HOUR, CALM_AFTER = timedelta(days=1), timedelta(minutes=30), timedelta(hours=1)
NAMED, SHORT = 20, 5  # tickets that a notice names, and its first line
GROWN = 4  # so many times more tickets are worth another notice
JOINED = WAITING - {"resumed"}
OFTEN = timedelta(seconds=5)  # so long one look is enough for the tickets that come meanwhile


# --- found and ended ------------------------------------------------------------------------


def watch(app: App, desk: str, now: datetime) -> None:
    """Find new surges, notify about those that grow, end those that are over. After a fault here tickets are notified singly."""
    app.surge_looks[desk] = now
    if app.rules[desk].mode is Mode.OBSERVE:
        return
    try:
        _watch(app, desk, now)
    except Exception:
        log.exception("unhandled exception while looking for surges at %s: tickets are notified singly", desk)


def is_watched(app: App, desk: str, now: datetime) -> bool:
    """Return whether this process looked for surges a moment ago: a look counts half a day of tickets."""
    last = app.surge_looks.get(desk)
    return last is not None and abs(now - last) < OFTEN


def _watch(app: App, desk: str, now: datetime) -> None:
    zone = app.hours_of(desk).zone
    with reading(app.engine) as conn:
        lately = surges.arrivals(conn, desk, now - WINDOWS[-1], now)
        lasting = {one.intent: one for one in surges.going_on(conn, desk)}
        busy = {intent: times for intent, times in lately.items() if len(times) >= LEAST or intent in lasting}
    if not busy and not lasting:
        return
    usual = _profiles(app, desk, now, zone)
    for intent in {*busy, *lasting}:
        times, known = lately.get(intent, []), usual.get(intent) or usual.get("")
        if known is None:
            continue
        surge = lasting.get(intent)
        if surge is None and (found := jump(known, times, now, zone)) is not None:
            _begins(app, desk, intent, found, now)
        elif surge is not None:
            over = now - surge.found_at >= CALM_AFTER and jump(known, times, now, zone, CALM) is None
            _goes_on(app, surge, now, over=over)


def _profiles(app: App, desk: str, now: datetime, zone: ZoneInfo) -> dict[str, Profile]:
    """Return the usual rate by intent, under "" that of an intent that never came; {} without enough history. Made once a day."""
    name = f"surge-profiles:{desk}"
    with reading(app.engine) as conn:
        last = db.kept(conn, name)
        if last and now - DAY < datetime.fromisoformat(last["at"]) <= now:
            return {intent: _read(one) for intent, one in last["intents"].items()}
        seen = surges.first_seen(conn, desk)
        start = max(now - LOOK_BACK, seen) if seen is not None else now
        times = surges.arrivals(conn, desk, start, now)
        past = surges.lately(conn, start, desk)
    calm = {intent: [at for at in found if not _in_one(past, intent, at)] for intent, found in times.items()}
    made = {intent: profile(found, start, now, zone) for intent, found in {"": [], **calm}.items()}
    usual = {intent: one for intent, one in made.items() if one is not None}
    value = {"at": now.isoformat(), "intents": {intent: _written(one) for intent, one in usual.items()}}
    with app.engine.begin() as conn:
        db.keep(conn, name, value)
    return usual


def _in_one(past: Sequence[SurgeRow], intent: str, at: datetime) -> bool:
    return any(one.intent == intent and one.began_at <= at <= (one.ended_at or at) for one in past)


def _written(one: Profile) -> dict[str, Any]:
    return {"counts": [[*slot, n] for slot, n in one.counts.items()], "days": one.days, "spread": one.spread}


def _read(value: dict[str, Any]) -> Profile:
    counts = {(bool(free), int(hour)): int(n) for free, hour, n in value["counts"]}
    return Profile(counts, (value["days"][0], value["days"][1]), value["spread"])


def _begins(app: App, desk: str, intent: str, found: Jump, now: datetime) -> None:
    key, hours = f"{desk}:{intent}:{now:%Y%m%dT%H%M}", found.window / HOUR
    values = {"desk": desk, "intent": intent, "began_at": now - found.window, "found_at": now}
    with app.engine.begin() as conn:
        if surges.going_on(conn, desk, intent):
            return
        if surges.add(conn, key=key, number=found.number, usual=found.usual / hours, **values):
            _tell(app, conn, key, "begins", now)


def _goes_on(app: App, surge: SurgeRow, now: datetime, *, over: bool) -> None:
    """Count its tickets; notify again when they are four times as many as in the last notice."""
    with app.engine.begin() as conn:
        number = len(surges.members(conn, surge))
        surges.put(conn, surge.key, number=number, **({"ended_at": now} if over else {}))
        if not over and number >= GROWN * max(surge.told, 1):
            _tell(app, conn, surge.key, f"grew:{number}", now)


# --- notices --------------------------------------------------------------------------------


def gathered(
    app: App, conn: Connection, row: TicketRow, notices: Sequence[Notification], now: datetime
) -> tuple[Notification, ...]:
    """Return the notices of a ticket that are to be sent singly; queue the surge's notice for the others."""
    surge = next(
        (one for one in surges.going_on(conn, row.desk, row.intent) if surges.is_member(one, row)), None
    )
    if surge is None or is_about_safety(conn, row):
        return tuple(notices)
    joined = [one for one in notices if one.template in JOINED]
    for one in joined:
        if one.template != ESCALATED:
            half = int(now.timestamp() // HALF_HOUR.total_seconds())
            _tell(app, conn, surge.key, f"{one.template}:{half}", now, one.audience)
        detail = f"{one.template} → {one.audience}: notified with the surge of {surge.intent}"
        store.log(conn, (row.desk, row.ticket_id), now, Entry.BUNDLED, detail)
    return tuple(one for one in notices if one not in joined)


def is_about_safety(conn: Connection, row: TicketRow) -> bool:
    """Return whether a decision about the ticket was made because somebody may be in danger."""
    mine = (decisions.c.desk == row.desk, decisions.c.ticket_id == row.ticket_id)
    query = select(decisions.c.key).where(*mine, decisions.c.rule == safety.RULE).limit(1)
    return conn.execute(query).first() is not None


def _tell(app: App, conn: Connection, key: str, what: str, now: datetime, audience: str = TEAM) -> None:
    """Queue one notice about the surge's present state. Idempotent: the key names surge, audience and occasion."""
    surge = surges.one(conn, key)
    if surge is None:
        return
    rows = surges.members(conn, surge)
    waiting = [row for row in rows if row.state in AWAITED and row.claimed_at is None]
    priority = min(
        (Priority(row.priority or Priority.NORMAL) for row in rows),
        key=lambda one: one.rank,
        default=Priority.NORMAL,
    )
    notice = Notification(
        f"surge:{key}:{audience}:{what}",
        audience,
        priority,
        "surge",
        _facts(app, surge, rows, waiting),
        desk=surge.desk,
    )
    delivery.enqueue(conn, [notice], routes=routing.of(app), now=now)
    surges.put(conn, key, number=len(rows), told=len(rows))


def _facts(
    app: App, surge: SurgeRow, rows: Sequence[TicketRow], waiting: Sequence[TicketRow]
) -> dict[str, Any]:
    """Return intent, number, tickets and links; never the customer's words."""
    since = f"{surge.began_at.astimezone(app.hours_of(surge.desk).zone):%H:%M}"
    some = ", ".join(row.ticket_id for row in (waiting or rows)[:SHORT])
    head = (
        f"{surge.desk}: {len(rows)} tickets about {surge.intent} since {since}, usual are {surge.usual:.1f} an hour; "
        f"{len(waiting)} wait: {some}{' …' if len(waiting) > SHORT else ''}"
    )
    ids = ", ".join(row.ticket_id for row in (waiting or rows)[:NAMED])
    more = f" and {len(waiting) - NAMED} more" if len(waiting) > NAMED else ""
    lines = [
        f"Tickets: {ids}{more}",
        "Further ones join this notice; each is queued, acknowledged and on its ladder.",
    ]
    if page := str(app.settings.public_url).rstrip("/"):
        lines.append(f"Say one text to all of their customers: {page}/surges")
    return {"headline": head, "text": "\n".join(lines), "url": rows[0].url if rows else ""}
