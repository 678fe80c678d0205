"""Desk against ledger: every ticket the desk lists is in exactly one state, or named here."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.app import App
from core.ledger import limbo as held
from core.ledger import store
from core.ledger.rows import TicketRow
from core.ledger.schema import balance, events
from core.ledger.states import UNSETTLED
from core.model import OUT_OF_SIGHT, ChangedTicket, EventKind, TicketEvent, created_key
from core.pipeline import limbo, scoping
from core.pipeline.returned import came_back
from core.queue import report

PAGES = 1000
STUCK_AFTER = timedelta(minutes=30)
JUST_NOW = timedelta(minutes=2)  # still on its way: no webhook is that fast everywhere


def audit(app: App, desk: str, since: datetime, now: datetime) -> dict[str, Any]:
    """List the desk's tickets since `since` from the beginning (never by the sweep's cursor) and compare them.

    `desk` = `ledger` + missing + too_new. What is missing enters the pipeline at once ("healed" when the ledger knows
    it by then); stuck are events without an end and without a due time ahead, dead letters, and tickets that wait for a
    human without a due time; refused are tickets with a call that the desk refuses for good. `too_new`: so fresh that
    the webhook may still be on its way, or the vendor's list does not show it yet.
    """
    listed = _listed(app, desk, since, now)
    with app.engine.begin() as conn:
        known = store.known(conn, desk, list(listed))
        mine = scoping.ours(app, conn, desk, listed, known)
        listed = {id_: one for id_, one in listed.items() if id_ in mine}
        stuck = {row.ticket_id for row in store.stuck(conn, now, STUCK_AFTER) if row.desk == desk}
        undue, refused = store.undue(conn, desk), store.refused(conn, desk)
        unlisted = {id_ for id_ in store.newest(conn, desk, now - JUST_NOW) if id_ not in listed}
        under_way = {row.ticket_id for row in _unsettled(conn, desk)}
    absent = [s for id_, s in listed.items() if id_ not in known and id_ not in under_way]
    fresh = {s.ticket_id for s in absent if s.updated_at > now - JUST_NOW}
    healed = _heal(app, desk, [s for s in absent if s.ticket_id not in fresh])
    missing = sorted(s.ticket_id for s in absent if s.ticket_id not in fresh and s.ticket_id not in healed)
    line = {
        "desk": len(listed) + len(unlisted),
        "ledger": len(listed) - len(missing) - len(fresh),
        "missing": missing,
        "healed": sorted(healed),
        "stuck": sorted(stuck | set(undue) | _back(listed, known, under_way)),
        "too_new": sorted(fresh | unlisted),
        "refused": sorted(refused),
        "limbo": _limbo(app, desk, now),
    }
    _keep(app, desk, since, now, line)
    return line


def _limbo(app: App, desk: str, now: datetime) -> dict[str, int]:
    """Return how many messages the desk holds back now, and how many of them look genuine."""
    limbo.look(app, desk, now)
    with app.engine.begin() as conn:
        return held.counts(conn, desk)


def _back(
    listed: Mapping[str, ChangedTicket], known: Mapping[str, TicketRow], under_way: Set[str]
) -> set[str]:
    """Return tickets that are over in the ledger and open at the desk."""
    rows = {id_: row for id_, row in known.items() if id_ in listed and id_ not in under_way}
    return {id_ for id_, row in rows.items() if came_back(row, listed[id_].status)}


def _listed(app: App, desk: str, since: datetime, now: datetime) -> dict[str, Any]:
    cursor, found = "", {}
    for _ in range(PAGES):
        page = app.desks[desk].changed_since(cursor, since, now)
        for changed_ticket in page.changed_tickets:
            if changed_ticket.status not in OUT_OF_SIGHT:
                found[changed_ticket.ticket_id] = changed_ticket
            else:
                found.pop(changed_ticket.ticket_id, None)
        if not page.more:
            break
        cursor = page.cursor
    return found


def _unsettled(conn: Any, desk: str) -> list[Any]:
    query = select(events.c.ticket_id).where(events.c.desk == desk, events.c.state.in_(UNSETTLED))
    return list(conn.execute(query))


def _heal(app: App, desk: str, absent: list[Any]) -> set[str]:
    """Report missing tickets anew; return those that the ledger holds afterwards."""
    healed = set()
    for changed_ticket in absent:
        id_ = changed_ticket.ticket_id
        event = TicketEvent(desk, created_key(desk, id_), EventKind.CREATED, id_, changed_ticket.created_at)
        if report(app, [event], "sweep"):
            healed.add(id_)
    return healed


def _keep(app: App, desk: str, since: datetime, now: datetime, line: dict[str, Any]) -> None:
    values = {"desk": desk, "at": now, "since": since, "in_desk": line["desk"], "in_ledger": line["ledger"]}
    with app.engine.begin() as conn:
        conn.execute(
            balance.insert().values(
                **values, missing=line["missing"], healed=line["healed"], stuck=line["stuck"]
            )
        )
