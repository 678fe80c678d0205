"""While a human is awaited: has somebody taken it, and whom do we tell next?"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core import escalation
from core.errors import VendorError
from core.ledger import store
from core.ledger.db import reading
from core.model import Author, Claim, Notice, Priority, Status, Ticket, TicketState
from core.notifications import delivery, polling, routing
from core.notifications import rows as notice_rows
from core.wiring import App

log = logging.getLogger(__name__)

AWAITED = {TicketState.ESCALATED, TicketState.REESCALATED, TicketState.CLAIMED}
BULK = 100
FRESH = timedelta(seconds=10)


def claim_of(ticket: Ticket, since: datetime | None) -> Claim:
    """What a fetched ticket says about its claim: the first human assignee or human public reply, since the wait began."""
    said = [m for m in ticket.messages if m.author is Author.AGENT and m.public and not m.draft]
    said = [m for m in said if since is None or m.at >= since]
    over = ticket.status in {Status.SOLVED, Status.CLOSED, Status.SPAM, Status.DELETED}
    who = ticket.assignee if ticket.assignee is not None and ticket.assignee.human else None
    if said:
        name, email = said[0].author_name or said[0].author_id, said[0].author_email
        return Claim(ticket.id, name, email, "reply", said[0].at, True, said[0].at, over)
    if who is not None:
        return Claim(ticket.id, who.name or who.id, who.email, "assignee", closed=over)
    return Claim(ticket.id, closed=over)


def notice_claim(app: App, ticket: Ticket, now: datetime) -> None:
    """Learn from a ticket just fetched what humans did with it."""
    with reading(app.engine) as conn:
        row = store.ticket(conn, ticket.desk, ticket.id)
    if row is not None and row.state in AWAITED:
        learn(app, row, claim_of(ticket, row.waiting_since), now)


def learn(app: App, row: Any, claim: Claim, now: datetime) -> bool:
    """Bring one awaited ticket's row up to what the desk says; whether it still waits for somebody to take it."""
    values: dict[str, Any] = {}
    what = detail = ""
    if claim.answered:
        values = {"state": "answered", "answered_at": claim.answered_at or now, "next_due_at": None}
        what, detail = "answered", f"by {claim.by}"
        if row.claimed_at is None:
            values |= {"claimed_at": claim.at or now, "claimed_by": claim.by, "claimed_via": claim.via}
    elif claim.closed:
        values = {"state": "answered", "closed_at": now, "next_due_at": None}
        what, detail = "closed", "somebody closed it without a public answer"
    elif claim.by and row.state != TicketState.CLAIMED:
        waits = escalation.after_claim(
            row.ladder or [],
            row.rung,
            waiting_since=row.waiting_since,
            promise_at=row.promise_at or now,
            claimed_at=claim.at or now,
        )
        values = {
            "state": "claimed",
            "claimed_at": claim.at or now,
            "claimed_by": claim.by,
            "claimed_by_email": claim.by_email,
            "claimed_via": claim.via,
            "ladder": waits,
            "next_due_at": escalation.next_due(waits, row.rung),
        }
        what, detail = "claimed", f"by {claim.by} ({claim.via})"
    elif not claim.by and row.state == TicketState.CLAIMED and row.claimed_via == "assignee":
        ladder = escalation.resume(row.ladder or [], row.rung, now)
        state = "reescalated" if row.reescalated_at else "escalated"
        values = {"state": state, "claimed_at": None, "claimed_by": "", "ladder": ladder}
        values["next_due_at"] = escalation.next_due(ladder, row.rung)
        what, detail = "let go", "nobody holds it any more: the ladder goes on"
    if values:
        with app.engine.begin() as conn:
            store.put_ticket(conn, (row.desk, row.ticket_id), now, **values)
            store.log(conn, (row.desk, row.ticket_id), now, what, detail)
            if what != "let go":
                notice_rows.close_incidents(conn, routing.of(app), row.desk, row.ticket_id, claim.by, now)
    return not (claim.by or claim.answered or claim.closed)


def remind(app: App, now: datetime, only: tuple[str, str] | None = None) -> int:
    """One pass of the ladder: what is due is checked against the desks in bulk, then told. Gives how many notices went out."""
    with reading(app.engine) as conn:
        rows = (
            store.due_tickets(conn, now, app.desks)
            if only is None
            else _if_due(store.ticket(conn, *only), now)
        )
    by_desk: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_desk[row.desk].append(row)
    just_asked: dict[tuple[str, str], Claim] = {}
    for name, waiting in by_desk.items():
        if name in app.desks:
            _climb(app, name, waiting, now, just_asked)

    def look(desk: str, ids: Sequence[str]) -> Mapping[str, Claim]:
        """What was asked a moment ago counts once; a later pass over the same ticket asks again."""
        known = {id_: claim for id_ in ids if (claim := just_asked.pop((desk, id_), None)) is not None}
        return known | dict(still_waiting(app, desk, [id_ for id_ in ids if id_ not in known], now))

    if only is None:
        polling.collect(app, now)
    return delivery.pump(app, now, look)


def _if_due(row: Any, now: datetime) -> list[Any]:
    return [row] if row is not None and row.next_due_at is not None and row.next_due_at <= now else []


def still_waiting(app: App, desk: str, ticket_ids: Sequence[str], now: datetime) -> Mapping[str, Claim]:
    """The claims of these tickets, asked in bulk; those read within the last seconds need no second look."""
    with reading(app.engine) as conn:
        rows = store.known(conn, desk, ticket_ids)
    old = [id_ for id_ in ticket_ids if not _fresh(rows.get(id_), now)]
    found: dict[str, Claim] = {}
    for ids in batches(old):
        found |= app.desks[desk].unclaimed(ids)
    return found


def _fresh(row: Any, now: datetime) -> bool:
    return row is not None and row.escalated_at is not None and now - row.escalated_at < FRESH


def _climb(
    app: App, desk: str, rows: Sequence[Any], now: datetime, just_asked: dict[tuple[str, str], Claim]
) -> None:
    """Tell what is due on these tickets of one desk. A desk that does not answer must not silence the ladder."""
    try:
        claims = still_waiting(app, desk, [row.ticket_id for row in rows], now)
    except VendorError as err:
        log.warning("desk %s does not tell who holds what (%s): told all the same", desk, err)
        claims = {}
    just_asked |= {(desk, id_): claim for id_, claim in claims.items()}
    for row in rows:
        claim = claims.get(row.ticket_id)
        if claim is not None:
            learn(app, row, claim, now)
        _tell(app, row.desk, row.ticket_id, now)


def _tell(app: App, desk: str, ticket_id: str, now: datetime) -> None:
    """Queue the due entries of one ticket and move its ladder on, in one transaction."""
    with app.engine.begin() as conn:
        row = store.ticket(conn, desk, ticket_id)
        if row is None or row.next_due_at is None or row.next_due_at > now:
            return
        values = dict(row._mapping)
        if guess := store.newest_guess(conn, desk, ticket_id):  # people act on the newest message
            values["intent"], values["confidence"] = guess
        entries = escalation.due(values, now)
        notices = escalation.notices_for(values, entries)
        delivery.enqueue(conn, notices, routes=routing.of(app), now=now)
        rung, due = escalation.advanced(values, now)
        store.put_ticket(conn, (desk, ticket_id), now, rung=rung, next_due_at=due)
        for entry in entries:
            store.log(conn, (desk, ticket_id), now, "noticed", f"{entry['template']} → {entry['notify']}")


def alarm(app: App, key: str, desk: str, ticket_id: str, what: str, now: datetime) -> None:
    """Tell our own people about a trouble of ours; once per key."""
    notice = Notice(
        key=f"alarm:{key}",
        audience=routing.ALARM,
        priority=Priority.HIGH,
        template="alarm",
        facts={"what": what, "reason": what},
        desk=desk,
        ticket_id=ticket_id,
    )
    with app.engine.begin() as conn:
        delivery.enqueue(conn, [notice], routes=routing.of(app), now=now)


def batches(ids: Iterable[str]) -> list[list[str]]:
    """In hundreds."""
    ids = list(ids)
    return [ids[i : i + BULK] for i in range(0, len(ids), BULK)]
