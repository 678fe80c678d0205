"""The limbo of each desk: suspended mail and spam, where genuine messages stay unseen. Read at every fifth sweep.

Each message is judged once. The team is notified of a likely genuine one, with a link: of an urgent one at once, of the others
in one notice an hour, and of all once more a day before the desk deletes them. Nothing is recovered without a person,
unless `limbo.recover` says so for known customers; what is recovered comes back by the desk's own list of changes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from core.app import App
from core.classify.safety import dangers
from core.errors import NotAllowed, VendorError
from core.hours import stamp
from core.ledger import db, limbo
from core.ledger.pausing import paused
from core.ledger.rows import LimboRow
from core.limbo import judge
from core.mail.machine import evidence
from core.model import HeldBack, Mode, Notification, Prediction, Priority
from core.notifications import delivery, routing
from core.notifications.alerts import alarm
from core.pipeline.authors import people_of
from core.pipeline.scoping import inside
from core.policy import UNREADABLE
from core.ports import Limbo

log = logging.getLogger(__name__)

BUNDLED, LAST_DAY = timedelta(hours=1), timedelta(days=1)
NAMED = 20  # links in one notice


def due(app: App, desk: str, now: datetime) -> bool:
    """Return whether the list is due to be read again."""
    with db.reading(app.engine) as conn:
        return app.is_due(db.kept(conn, f"limbo:{desk}"), now)


def look(app: App, desk: str, now: datetime) -> None:
    """Read what the desk holds back, judge new messages, notify the team. Raises no vendor error."""
    at = app.desks[desk]
    if not isinstance(at, Limbo):
        return
    try:
        listed = [one for one in at.held_back() if inside(app, desk, one, None)]
        _judge_new(app, desk, listed, now)
        _recover_known(app, desk)
    except NotAllowed as err:
        words = f"{desk}: we may not read what the desk holds back ({err}): genuine mail may die there unseen"
        alarm(app, f"limbo:{desk}", desk, "", words, now)
        with app.engine.begin() as conn:
            _looked(conn, desk, now)
    except VendorError as err:
        log.warning("held-back messages of %s could not be read: %s", desk, err)
    _tell(app, desk, now)


def _judge_new(app: App, desk: str, listed: Sequence[HeldBack], now: datetime) -> None:
    with db.reading(app.engine) as conn:
        before = limbo.known(conn, desk)
        new = [one for one in listed if one.id not in before]
        known = limbo.customers(conn, [one.email for one in new])
    rows = [_judged(app, desk, one, one.email.lower() in known, now) for one in new]
    there = {one.id for one in listed}
    gone = [id_ for id_, row in before.items() if row.state == limbo.HELD and id_ not in there]
    back = [id_ for id_, row in before.items() if row.state == limbo.GONE and id_ in there]
    with app.engine.begin() as conn:
        for values in rows:
            limbo.add(conn, **values)
        limbo.put(conn, desk, gone, state=limbo.GONE)
        limbo.put(conn, desk, back, state=limbo.HELD)
        _looked(conn, desk, now)


def _looked(conn: Connection, desk: str, now: datetime) -> None:
    """Store when the list was read."""
    db.keep(conn, f"limbo:{desk}", {**(db.kept(conn, f"limbo:{desk}") or {}), "at": now.isoformat()})


def _judged(app: App, desk: str, entry: HeldBack, known: bool, now: datetime) -> dict[str, object]:
    guess = _guess(app, entry)
    by_machine = evidence(entry.subject, entry.text, entry.email, people=people_of(app, desk))
    machine = by_machine.reason if by_machine is not None else ""
    found = judge(entry, guess, app.rules[desk], known_customer=known, machine=machine)
    return {
        "desk": desk,
        "id": entry.id,
        "at": entry.at,
        "until": entry.until,
        "email": entry.email.lower(),
        "subject": entry.subject[:500],
        "url": entry.url,
        "cause": entry.cause,
        "intent": guess.intent,
        "confidence": guess.confidence,
        "genuine": found.genuine,
        "urgent": found.urgent,
        "known_customer": known,
        "reason": found.why,
        "seen_at": now,
    }


def _guess(app: App, entry: HeldBack) -> Prediction:
    """Return the prediction. After a fault of the classifier the message counts as unreadable, so that a person sees it."""
    words = f"{entry.subject}.\n\n{entry.text}"
    try:
        found = app.classifier.examine(entry.text or entry.subject, words)
    except VendorError:  # this process does not classify: another one will
        raise
    except Exception:
        log.exception("the classifier failed on the held-back message %s", entry.id)
        found = UNREADABLE
    return replace(found, dangers=dangers(words))


def _recover_known(app: App, desk: str) -> None:
    """Bring back what known customers wrote, where the admin says so. What the desk does not bring back is notified with
    the others."""
    if app.settings.limbo.recover != "known customers":
        return
    with db.reading(app.engine) as conn:
        rows = [row for row in limbo.held(conn, desk) if row.genuine and row.known_customer]
    for row in rows:
        try:
            recover(app, row)
        except VendorError as err:
            log.warning("%s did not recover the held-back message %s: %s", desk, row.id, err)


def recover(app: App, row: LimboRow) -> str:
    """Bring one back by the vendor's API; return what is left for a person to click, "" when it was done. Raises
    VendorError."""
    if app.rules[row.desk].mode is Mode.OBSERVE or paused(app.engine, row.desk):
        return "nothing is written there now (on hold, or in mode observe): recover it in the desk itself"
    at = app.desks[row.desk]
    clicks = at.recover(row.id) if isinstance(at, Limbo) else "open it in the desk"
    if not clicks:
        with app.engine.begin() as conn:
            limbo.put(conn, row.desk, [row.id], state=limbo.RECOVERED)
    return clicks


# --- notices -------------------------------------------------------------------------------


def _tell(app: App, desk: str, now: datetime) -> None:
    with app.engine.begin() as conn:
        rows = [row for row in limbo.held(conn, desk) if row.genuine]
        kept = db.kept(conn, f"limbo:{desk}") or {}
        untold = [row for row in rows if row.told_at is None]
        urgent = [row for row in untold if row.urgent]
        calm = [row for row in untold if not row.urgent]
        last = kept.get("told")
        if last is not None and now - datetime.fromisoformat(last) < BUNDLED:
            calm = []
        late = [row for row in rows if row.until and row.until - now <= LAST_DAY and row.warned_at is None]
        notices = [_notice(app, [row], Priority.URGENT, f"one:{row.id}", "") for row in urgent]
        if calm:
            notices.append(_notice(app, calm, Priority.NORMAL, f"some:{now:%Y-%m-%dT%H%M}", ""))
            db.keep(conn, f"limbo:{desk}", {**kept, "told": now.isoformat()})
        if late:
            end = stamp(min(row.until for row in late if row.until), app.hours_of(desk).zone)
            words = f", which the desk deletes from {end} on"
            notices.append(_notice(app, late, Priority.HIGH, f"late:{now:%Y-%m-%dT%H%M}", words))
        limbo.put(conn, desk, [row.id for row in (*urgent, *calm)], told_at=now)
        limbo.put(conn, desk, [row.id for row in late], warned_at=now)
        delivery.enqueue(conn, notices, routes=routing.of(app), now=now)


def _notice(app: App, rows: Sequence[LimboRow], priority: Priority, key: str, more: str) -> Notification:
    """Ids, guesses and links; never the customer's words."""
    desk, number = rows[0].desk, len(rows)
    what = "a message" if number == 1 else f"{number} messages"
    looks = "looks" if number == 1 else "look"
    link = f": {rows[0].url}" if number == 1 else ""
    lines = [f"{row.intent}, {row.cause} ({row.reason}): {row.url}" for row in rows[:NAMED]]
    if page := str(app.settings.public_url).rstrip("/"):
        lines.append(f"Recover: {page}/limbo")
    head = f"{desk} holds back {what} that {looks} genuine{more}{link}"
    facts = {"headline": head, "text": "\n".join(lines), "url": rows[0].url}
    return Notification(f"limbo:{desk}:{key}", "team", priority, "limbo", facts, desk=desk)
