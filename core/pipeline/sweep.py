"""The safety net under the webhooks: what changed at the desk, compared with the ledger.

Webhooks are dropped, switched off and delivered late everywhere; so every minute each desk is asked what changed
since its own cursor, and what the ledger does not know enters the line under the key its webhook would have had.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Any

import requests
from sqlalchemy import Connection

from core.app import App
from core.errors import NotAllowed, VendorError, said_of
from core.hours import stamp
from core.ledger import store, tokens
from core.ledger.db import reading
from core.ledger.installed import site_of
from core.ledger.rows import DeskRow, TicketRow
from core.model import OVER, ChangedTicket, EventKind, TicketEvent, created_key, look
from core.notifications.alerts import alarm
from core.pipeline import clock_back, limbo, presence, scoping, second_word, surge_text, surges
from core.pipeline.claims import AWAITED, learn
from core.pipeline.returned import GONE, came_back, closed_since
from core.queue import enqueue

log = logging.getLogger(__name__)

PAGES = 50  # of one pass; the rest comes with the next one
DOWN = timedelta(minutes=10)  # longer than a short outage of a desk
LAST_DAYS = timedelta(days=3)  # of a connection
SECOND_OVER = timedelta(seconds=2)  # after a desk's time-stamp: one for the fraction, one for the clocks
READ_SOON = timedelta(seconds=5)  # after a message: another of its second may not have been listed yet
SILENT = timedelta(hours=1)  # a hook that said nothing while the sweep found work


def sweep(app: App, name: str, now: datetime) -> dict[str, Any]:
    """Make one pass over one desk and return its counts. The cursor moves only after its page is stored."""
    desk = app.desks[name]
    clock_back.mend(app, now)
    with app.engine.begin() as conn:
        row = store.desk(conn, name)
        if row is None or row.started_at is None:
            store.put_desk(conn, name, started_at=now)
            row = store.desk(conn, name)
    start = now - app.desk_settings[name].look_back
    cursor, seen, found, matched = row.cursor if row else "", 0, 0, 0
    try:
        for _ in range(PAGES):
            page = desk.changed_since(cursor, start, now)
            seen += len(page.changed_tickets)
            mine, new = _store_page(app, name, page.changed_tickets, page.cursor, now)
            matched, found = matched + mine, found + new
            if not page.more:
                break
            cursor = page.cursor
    except VendorError as err:
        _failed(app, name, err, now)
        return {"desk": name, "seen": seen, "found": found, "trouble": str(err)}
    with app.engine.begin() as conn:
        values: dict[str, Any] = {"swept_at": now, "trouble": ""}
        store.put_desk(conn, name, **values, **({"found_at": now} if found else {}))
        if row is not None and row.trouble:
            store.hasten(conn, name, now)
        else:
            store.hasten(conn, name, now, store.NO_ENTRY)
    scoping.watch(app, name, seen, matched, now)
    for held in presence.refresh(app, name, now):
        learn(app, held, presence.held_by(held), now)
    _call_up(app, name, now)
    _warn_of_the_end(app, name, now)
    if found:
        _doubt_the_hook(app, name, row, now)
    if limbo.due(app, name, now):
        limbo.look(app, name, now)
    return {"desk": name, "seen": seen, "found": found, "trouble": ""}


def _call_up(app: App, desk: str, now: datetime) -> None:
    """Report a look at the tickets whose customers are due a message: a second message, or the text of a surge."""
    second_word.call_up(app, desk, now)
    surges.watch(app, desk, now)
    surge_text.call_up(app, desk, now)


def _store_page(
    app: App, desk: str, changed_tickets: Sequence[ChangedTicket], cursor: str, now: datetime
) -> tuple[int, int]:
    """Report the changes that the ledger does not know, in one transaction with the cursor. Return how many of the lines
    are this desk's, and how many events were new."""
    with app.engine.begin() as conn:
        known = store.known(conn, desk, [s.ticket_id for s in changed_tickets])
        mine = scoping.ours(app, conn, desk, {s.ticket_id: s for s in changed_tickets}, known)
        events = [
            event
            for s in changed_tickets
            if s.ticket_id in mine
            for event in unknown(desk, s, known.get(s.ticket_id))
        ]
        events += _moved(app, conn, desk, changed_tickets, known, mine)
        events += _of_one_second(conn, desk, [s for s in changed_tickets if s.ticket_id in mine], known, now)
        told = store.events_known(conn, [event.key for event in events])
        new = [event for event in events if event.key not in told]
        for event in new:
            if store.add_event(conn, event, "sweep", now):
                enqueue(app, conn, event)
        for s in changed_tickets:
            if s.ticket_id in mine:
                _keep(app, conn, desk, s, known.get(s.ticket_id), now)
        store.put_desk(conn, desk, cursor=cursor)
    return len(mine), len(new)


def _moved(
    app: App,
    conn: Connection,
    desk: str,
    changed_tickets: Sequence[ChangedTicket],
    known: Mapping[str, TicketRow],
    mine: Set[str],
) -> list[TicketEvent]:
    """Looks at tickets that left the part of the account that the desk serves, or came into it after they were passed
    over."""
    if not app.scope(desk):
        return []
    new = store.passed_over(conn, desk, [one for one in mine if one not in known])
    left = {one for one, row in known.items() if one not in mine and row.closed_at is None}
    return [_look(desk, s, s.updated_at) for s in changed_tickets if s.ticket_id in new | left]


def _of_one_second(
    conn: Connection,
    desk: str,
    changed_tickets: Sequence[ChangedTicket],
    known: Mapping[str, TicketRow],
    now: datetime,
) -> list[TicketEvent]:
    """Return one look at each ticket that was read almost within the second in which its customer last wrote.

    Desks tell times in whole seconds: a second message of that second, written after the ticket was read, changes no
    time in the list. No such look is needed where the list shows messages by something other than their time, nor for a
    ticket for which a human is awaited.
    """
    wrote = {
        s.ticket_id: row.handled_at
        for s in changed_tickets
        if s.may_hide
        and (row := known.get(s.ticket_id)) is not None
        and row.state not in AWAITED
        and row.handled_at is not None
        and row.handled_at == s.customer_wrote_at
        and row.handled_at + SECOND_OVER <= now
    }
    decided = store.newest_decisions(conn, desk, list(wrote)) if wrote else {}
    return [
        look(desk, one, f"second-{at:%Y%m%dT%H%M%S}", at)
        for one, at in wrote.items()
        if decided.get(one, at) < at + READ_SOON
    ]


def _look(desk: str, changed_ticket: ChangedTicket, at: datetime) -> TicketEvent:
    return look(desk, changed_ticket.ticket_id, f"sweep-{changed_ticket.updated_at:%Y%m%dT%H%M%S}", at)


def unknown(desk: str, changed_ticket: ChangedTicket, row: TicketRow | None) -> list[TicketEvent]:
    """Return the events that this line proves and the ledger does not know yet."""
    ticket_id = changed_ticket.ticket_id
    if row is None:
        if changed_ticket.status in GONE and not changed_ticket.events:
            return []
        key = created_key(desk, ticket_id)
        return [TicketEvent(desk, key, EventKind.CREATED, ticket_id, changed_ticket.created_at)]
    events = [e for e in changed_ticket.events if e.kind is EventKind.REPLY]
    wrote = changed_ticket.customer_wrote_at
    newer = wrote is not None and (row.handled_at is None or wrote > row.handled_at)
    seen = row.desk_updated_at
    moved = seen is None or changed_ticket.updated_at > seen
    taken = changed_ticket.held_by not in {"", row.claimed_by_id}
    awaited = row.state in AWAITED and (moved or taken or changed_ticket.status in OVER)
    # by nothing else such a list shows a message: one of the second of our own last call, too
    untold = wrote is None and not events and (seen is None or changed_ticket.updated_at >= seen)
    if newer or awaited or came_back(row, changed_ticket.status) or untold:
        events.append(_look(desk, changed_ticket, wrote or changed_ticket.updated_at))
    return events


def _keep(
    app: App, conn: Any, desk: str, changed_ticket: ChangedTicket, row: TicketRow | None, now: datetime
) -> None:
    """Remember how far the desk's own clock has come for this ticket, and what humans say its intent is."""
    if row is None:
        return
    seen: dict[str, Any] = {
        "desk_updated_at": max(changed_ticket.updated_at, row.desk_updated_at or changed_ticket.updated_at),
        "closed_at": closed_since(row, changed_ticket, now),
    }
    if seen != {name: getattr(row, name) for name in seen}:  # a list shows for minutes what has changed once
        store.put_ticket(conn, (desk, changed_ticket.ticket_id), now, **seen)
    label = changed_ticket.intent_label
    # else it is our own, half written
    if label and row.intent and label not in {row.intent, row.final_intent}:
        store.corrected(conn, (desk, changed_ticket.ticket_id), label, "field", "an agent", now)


def _failed(app: App, name: str, err: VendorError, now: datetime) -> None:
    with app.engine.begin() as conn:
        store.put_desk(conn, name, trouble=str(err)[:500])
        row = store.desk(conn, name)
    log.warning("sweep of %s failed: %s", name, err)
    since = (row.swept_at or row.started_at) if row is not None else None
    if since is not None and since < now - DOWN:
        what = f"{name} has not answered since {stamp(since, app.hours.zone)}: its tickets wait ({err})"
        alarm(app, f"down:{name}:{now:%Y-%m-%d}", name, "", what, now)
    if isinstance(err, NotAllowed):
        alarm(app, f"access:{name}:{now:%Y-%m-%d}", name, "", f"the desk does not let us in: {err}", now)


def _warn_of_the_end(app: App, name: str, now: datetime) -> None:
    """Alarm about a browser connection that expires soon: once a fortnight before, and on each of the last three days."""
    with reading(app.engine) as conn:
        end = tokens.ending(conn, name, now)
    if end is None:
        return
    last_days = f":{now:%Y-%m-%d}" if end - now <= LAST_DAYS else ""
    what = f"the connection to {name} ends on {end:%Y-%m-%d}: `backstop connect {name}` makes a new one"
    alarm(app, f"connection:{name}:{end:%Y-%m-%d}{last_days}", name, "", what, now)


def _doubt_the_hook(app: App, name: str, row: DeskRow | None, now: datetime) -> None:
    """Check the webhook after the sweep found work that none reported, and switch it on again where the vendor allows it."""
    heard = row.hook_heard_at if row is not None else None
    if row is None or row.swept_at is None or (heard is not None and heard > now - SILENT):
        return
    if row.paused_at is not None:
        return  # uninstalled, or held: nothing of ours is made there
    repaired = _ensure_hook(app, name)
    what = f"the webhook of {name} has been silent while the sweep found work{': ' + repaired if repaired else ''}"
    alarm(app, f"hook:{name}:{now:%Y-%m-%d}", name, "", what, now)


def _ensure_hook(app: App, name: str) -> str:
    switch_on = app.vendor(name).switch_on
    if switch_on is None:
        return ""
    try:
        step = switch_on(site_of(app, name))
    except VendorError as err:
        return f"it could not be looked at ({err})"
    return f"{step.action} {step.name}"


def beat(url: str) -> None:
    """Ping the dead-man's switch outside, so that silence is noticed."""
    if not url:
        return
    try:
        requests.get(url, timeout=5)
    except requests.RequestException as err:
        log.warning("the heartbeat could not be sent: %s", said_of(err))
