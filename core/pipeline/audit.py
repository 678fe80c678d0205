"""Desk against ledger: every ticket the desk lists is in exactly one state, or named here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.ledger import store
from core.ledger.schema import balance
from core.model import Status

if TYPE_CHECKING:
    from core.app import App

PAGES = 1000
STUCK_AFTER = timedelta(minutes=30)
JUST_NOW = timedelta(minutes=2)  # still on its way: no webhook is that fast everywhere


def audit(app: App, desk: str, since: datetime, now: datetime) -> dict[str, Any]:
    """Lists the desk's tickets since `since` from the beginning (never by the sweep's cursor) and compares them.

    What is missing is handed to the line at once ("healed" when the ledger knows it by then); stuck are facts that
    have no end and no due time ahead, and dead letters.
    """
    listed = _listed(app, desk, since, now)
    with app.engine.begin() as conn:
        known = store.known(conn, desk, list(listed))
        stuck = [row for row in store.stuck(conn, now, STUCK_AFTER) if row.desk == desk]
        under_way = {row.ticket_id for row in _unsettled(conn, desk)}
    absent = [s for id_, s in listed.items() if id_ not in known and id_ not in under_way]
    fresh = {s.ticket_id for s in absent if s.updated_at > now - JUST_NOW}
    healed = _heal(app, desk, [s for s in absent if s.ticket_id not in fresh])
    missing = sorted(s.ticket_id for s in absent if s.ticket_id not in fresh and s.ticket_id not in healed)
    line = {
        "desk": len(listed),
        "ledger": len([i for i in listed if i in known or i in under_way]),
        "missing": missing,
        "healed": sorted(healed),
        "stuck": sorted({row.ticket_id for row in stuck}),
    }
    _keep(app, desk, since, now, line)
    return line


def _listed(app: App, desk: str, since: datetime, now: datetime) -> dict[str, Any]:
    cursor, found = "", {}
    for _ in range(PAGES):
        page = app.desks[desk].changed_since(cursor, since, now)
        for sighting in page.sightings:
            if sighting.status not in {Status.DELETED, Status.SPAM}:
                found[sighting.ticket_id] = sighting
            else:
                found.pop(sighting.ticket_id, None)
        if not page.more:
            break
        cursor = page.cursor
    return found


def _unsettled(conn: Any, desk: str) -> list[Any]:
    from sqlalchemy import select

    from core.ledger.schema import events

    query = select(events.c.ticket_id).where(
        events.c.desk == desk, events.c.state.in_(("received", "waiting"))
    )
    return list(conn.execute(query))


def _heal(app: App, desk: str, absent: list[Any]) -> set[str]:
    """Missing tickets re-enter the line; those that the ledger then holds are healed."""
    from core.engine.queue import report
    from core.model import EventKind, TicketEvent, created_key

    healed = set()
    for sighting in absent:
        id_ = sighting.ticket_id
        event = TicketEvent(desk, created_key(desk, id_), EventKind.CREATED, id_, sighting.created_at)
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
