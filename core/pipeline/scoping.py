"""Which tickets of an account belong to a desk entry: those in its scope (`only`) that no other entry is handling.

A ticket that leaves the scope is let go: its ladder ends, and its history says so. A ticket that enters it is handled like a
new one; where another entry of the account had it, its row is copied, so that the customer receives nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from core import scope
from core.app import App
from core.ledger import db, store
from core.ledger.rows import TicketRow
from core.ledger.states import TAKEN_UP, Entry
from core.model import ChangedTicket, Claim, Ticket, TicketState
from core.notifications.alerts import alarm
from core.scope import Placed, in_scope

OWN = {"desk", "ticket_id", "updated_at", "first_seen_at"}


def inside(app: App, desk: str, ticket: Placed, row: TicketRow | None) -> bool:
    """Return whether a ticket lies in the part of the account that the desk serves."""
    only = app.scope(desk)
    return not only or in_scope(ticket, only, row.queue if row is not None else "")


def not_ours(app: App, ticket: Ticket, now: datetime) -> str:
    """Why a ticket just fetched is not this desk's to deal with, and let it go; "" when it is, then it is taken up."""
    if not app.scope(ticket.desk):
        return ""
    with db.reading(app.engine) as conn:
        row = store.ticket(conn, ticket.desk, ticket.id)
        theirs = _elsewhere(app, conn, ticket.desk, [ticket.id])
    if not inside(app, ticket.desk, ticket, row):
        let_go(app, row, now)
        return scope.OUTSIDE
    if keeper := _keeper(app, ticket, theirs):
        return f"the desk {keeper} is handling it"
    if row is None and not _adopt(app, ticket, theirs, now):
        _came_in(app, ticket, now)
    return ""


def _came_in(app: App, ticket: Ticket, now: datetime) -> None:
    """Note once in a ticket's history that it was outside the scope when it was first seen."""
    where = (ticket.desk, ticket.id)
    with db.reading(app.engine) as conn:
        first = not store.passed_over(conn, ticket.desk, [ticket.id]) or store.story(conn, *where)
    if not first:
        with app.engine.begin() as conn:
            store.log(
                conn, where, now, Entry.TAKEN_UP, f"{scope.CAME_IN} ({scope.said(app.scope(ticket.desk))})"
            )


def let_go(app: App, row: TicketRow | None, now: datetime) -> None:
    """End the ladder of a ticket that has left the scope. When it comes back it continues in its old state."""
    if row is None or row.closed_at is not None:
        return
    with app.engine.begin() as conn:
        where = (row.desk, row.ticket_id)
        store.put_ticket(conn, where, now, next_due_at=None, closed_at=now, reason=scope.OUTSIDE)
        store.log(conn, where, now, Entry.LET_GO, f"{scope.OUTSIDE}: its ladder has ended")


def out_of_scope(app: App, row: TicketRow, claim: Claim) -> bool:
    """Return whether a ticket whose claim was just read has left the scope."""
    return claim.places is not None and not inside(app, row.desk, _Place(claim.places), row)


class _Place:
    def __init__(self, places: scope.Places) -> None:
        self.places = places


def _elsewhere(app: App, conn: Connection, desk: str, ids: Iterable[str]) -> list[TicketRow]:
    """Return the rows of these tickets at the other entries of the account."""
    wanted = list(ids)
    return [row for other in app.siblings(desk) for row in store.known(conn, other, wanted).values()]


def _keeper(app: App, ticket: Placed, theirs: Iterable[TicketRow]) -> str:
    """Return the entry that is at work on a ticket, "" when none is: it keeps what it moved to another queue itself."""
    busy = (row for row in theirs if row.state in TAKEN_UP and row.closed_at is None)
    return next((row.desk for row in busy if inside(app, row.desk, ticket, row)), "")


def _adopt(app: App, ticket: Ticket, theirs: Iterable[TicketRow], now: datetime) -> bool:
    """Take a ticket over from the entry that had it last, with all that was done: the ladder goes on from here. Return
    whether one had it."""
    had = max((row for row in theirs if row.state in TAKEN_UP), key=lambda row: row.updated_at, default=None)
    if had is None:
        return False
    kept: dict[str, Any] = {one.name: getattr(had, one.name) for one in fields(had) if one.name not in OWN}
    with app.engine.begin() as conn:
        where = (ticket.desk, ticket.id)
        # a claim is stored only for a ticket that was escalated
        if had.state in {TicketState.CLAIMED, TicketState.ANSWERED}:
            store.put_ticket(conn, where, now, state=TicketState.ESCALATED)
        store.put_ticket(conn, where, now, **kept | {"next_due_at": None, "closed_at": had.closed_at or now})
        store.log(
            conn, where, now, Entry.TAKEN_OVER, f"it came from the desk {had.desk}, with what was done there"
        )
    return True


# --- lists ----------------------------------------------------------------------------------


def ours(
    app: App, conn: Connection, desk: str, seen: Mapping[str, ChangedTicket], known: Mapping[str, TicketRow]
) -> set[str]:
    """Return the ids of those that are this desk's to deal with."""
    if not app.scope(desk):
        return set(seen)
    found = {id_ for id_, one in seen.items() if inside(app, desk, one, known.get(id_))}
    theirs: dict[str, list[TicketRow]] = {}
    for row in _elsewhere(app, conn, desk, found):
        theirs.setdefault(row.ticket_id, []).append(row)
    return {id_ for id_ in found if not _keeper(app, seen[id_], theirs.get(id_, []))}


def watch(app: App, desk: str, seen: int, matched: int, now: datetime) -> None:
    """Alarm once a day while no ticket has matched the scope for a day although tickets came."""
    only = app.scope(desk)
    if not only or not seen:
        return
    name = f"scope:{desk}"
    with app.engine.begin() as conn:
        kept = db.kept(conn, name) or {}
        same = kept.get("only") == scope.said(only) and not matched
        since = datetime.fromisoformat(kept["since"]) if same else now
        value = {"since": since.isoformat(), "only": scope.said(only)}
        db.keep(conn, name, value)
    if now - since >= scope.UNMATCHED:
        what = (
            f"no ticket of {desk} has fitted its `only` ({scope.said(only)}) for a day, though others came: "
            f"`backstop doctor {desk}` says what there is"
        )
        alarm(app, f"scope:{desk}:{now:%Y-%m-%d}", desk, "", what, now)
