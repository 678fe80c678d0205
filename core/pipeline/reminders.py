"""Reminders of tickets that wait for a human: read their claims, then notify whoever is due."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.app import App
from core.errors import VendorError
from core.ledger import store
from core.ledger.db import reading
from core.ledger.rows import TicketRow
from core.model import Claim
from core.notifications import delivery, polling
from core.pipeline import clock_back, owed, presence, scoping, surges
from core.pipeline.claims import learn
from core.pipeline.climbing import climb

log = logging.getLogger(__name__)

BULK = 100
FRESH = timedelta(seconds=10)
PATIENCE = 10.0  # seconds for each call that the notices of all desks wait for a slow one


def remind(app: App, now: datetime) -> int:
    """Make one pass over the ladders: read the claims of due tickets in bulk, notify, and return how many notices were sent."""
    clock_back.mend(app, now)
    with reading(app.engine) as conn:
        rows = store.due_tickets(conn, now, app.desks)
    by_desk: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_desk[row.desk].append(row)
    claims = _claims(
        app, {name: [row.ticket_id for row in waiting] for name, waiting in by_desk.items()}, now
    )
    for name, waiting in by_desk.items():
        surges.watch(app, name, now)
        _climb(app, waiting, now, claims.get(name, {}))
    just_asked = {(name, id_): claim for name, found in claims.items() for id_, claim in found.items()}

    def look(desk: str, ids: Sequence[str]) -> Mapping[str, Claim]:
        """Return the claims; one that this pass has just read is used once, then read again."""
        known = {id_: claim for id_ in ids if (claim := just_asked.pop((desk, id_), None)) is not None}
        return known | _claims(app, {desk: [id_ for id_ in ids if id_ not in known]}, now).get(desk, {})

    owed.release(app, now)
    polling.collect(app, now)
    return delivery.pump(app, now, look)


def remind_of(app: App, desk: str, ticket_id: str, now: datetime, row: TicketRow | None = None) -> int:
    """Tell what is due on one ticket that was dealt with just now; `row`: as it was written. Return how many notices went
    out."""
    row = row or _row(app, desk, ticket_id)
    if row is not None and row.next_due_at is not None and row.next_due_at <= now and desk in app.desks:
        if not surges.is_watched(app, desk, now):
            surges.watch(app, desk, now)
        _climb(app, [row], now, _claims_at(app, desk, [ticket_id], now))
        row = _row(app, desk, ticket_id)
    if row is None:
        return 0
    fresh = _fresh(row, now)

    def look(desk: str, ids: Sequence[str]) -> Mapping[str, Claim]:
        return {} if fresh else still_waiting(app, desk, ids, now)

    return delivery.pump(app, now, look, row)


def _row(app: App, desk: str, ticket_id: str) -> TicketRow | None:
    with reading(app.engine) as conn:
        return store.ticket(conn, desk, ticket_id)


def still_waiting(app: App, desk: str, ticket_ids: Sequence[str], now: datetime) -> Mapping[str, Claim]:
    """Return the claims of these tickets, read in bulk; tickets escalated within the last seconds are not read again."""
    with reading(app.engine) as conn:
        rows = store.known(conn, desk, ticket_ids)
    old = [id_ for id_ in ticket_ids if not _fresh(rows.get(id_), now)]
    found: dict[str, Claim] = {}
    for ids in batches(old):
        found |= app.desks[desk].unclaimed(ids)
    return {id_: _as_seen(app, rows.get(id_), claim, now) for id_, claim in found.items()}


def _as_seen(app: App, row: TicketRow | None, claim: Claim, now: datetime) -> Claim:
    """Return the claim: closed for a ticket that has left the scope, empty when its holder is absent."""
    if row is None:
        return claim
    if scoping.out_of_scope(app, row, claim):
        return replace(claim, closed=True)
    return presence.present(app, row, claim, now)[0]


def _fresh(row: TicketRow | None, now: datetime) -> bool:
    return row is not None and row.escalated_at is not None and now - row.escalated_at < FRESH


def _claims(app: App, wanted: Mapping[str, Sequence[str]], now: datetime) -> dict[str, dict[str, Claim]]:
    """Return the claims of tickets by desk, all desks read at once. Left out is a desk that is slower than PATIENCE."""
    asked = [name for name, ids in wanted.items() if ids and name in app.desks]
    calls = max((len(batches(wanted[name])) for name in asked), default=0)
    found = app.apart(
        "claims", asked, lambda name: _claims_at(app, name, wanted[name], now), PATIENCE * calls
    )
    for name in set(asked) - set(found):
        log.warning("desk %s is slow: notices are sent without asking who has claimed the tickets", name)
    return found


def _claims_at(app: App, desk: str, ids: Sequence[str], now: datetime) -> dict[str, Claim]:
    """Return the claims of tickets of one desk; none where it does not answer, which must not stop the ladder."""
    try:
        return dict(still_waiting(app, desk, ids, now))
    except VendorError as err:
        log.warning("the claims at desk %s could not be read (%s): notices are sent anyway", desk, err)
        return {}


def _climb(app: App, rows: Sequence[TicketRow], now: datetime, claims: Mapping[str, Claim]) -> None:
    """Notify what is due on these tickets of one desk."""
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
        guess = store.newest_guess(conn, desk, ticket_id)
        store.put_ticket(conn, (desk, ticket_id), now, **climb(app, conn, row, guess, now))


def batches(ids: Iterable[str]) -> list[list[str]]:
    """In hundreds."""
    ids = list(ids)
    return [ids[i : i + BULK] for i in range(0, len(ids), BULK)]
