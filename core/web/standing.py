"""Whether all is well, said once for all pages: from the sweep, the audit, what was given up and what hangs.

The sweep asks each desk every minute what has changed; the audit compares every ticket, once a night or by command.
The two are called by these names wherever they are spoken of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from core.notifications import routing
from core.web import queries
from core.web.words import took

LATE_SWEEP = 5  # so many intervals without a complete pass are trouble
AUDITED = timedelta(hours=26)  # the audit runs each night


@dataclass(frozen=True)
class Desk:
    """One desk: what the sweep knows of it, and its newest audit."""

    row: RowMapping
    audit: RowMapping | None

    @property
    def name(self) -> str:
        """The desk's name."""
        return str(self.row["desk"])

    @property
    def too_new(self) -> int:
        """Tickets that the audit could not compare yet: desk = ledger + missing + too new."""
        line = self.audit
        return line["in_desk"] - line["in_ledger"] - len(line["missing"] or ()) if line else 0


@dataclass(frozen=True)
class Standing:
    """`troubles`: what a person should look at, in sentences. `well`: what may be said where there are none."""

    desks: tuple[Desk, ...]
    troubles: tuple[str, ...]
    well: str


def standing(app: Any, connection: Connection) -> Standing:
    """How things stand now."""
    now = app.clock()
    late = app.settings.sweep.every * LATE_SWEEP
    audits = {row["desk"]: row for row in queries.balances(connection)}
    rows = [row for row in queries.desks_health(connection) if not app.desks or row["desk"] in app.desks]
    desks = tuple(Desk(row, audits.get(row["desk"])) for row in rows)
    troubles = [said for one in desks for said in (_swept(one.row, now, late), _audited(one, now)) if said]
    troubles += _given_up(connection, now)
    return Standing(desks, tuple(troubles), _well(desks, now))


def on_duty(app: Any, now: datetime) -> list[tuple[str, tuple[str, ...]]]:
    """Who is on duty for each audience with a rota, by name; () where nobody is, so that all its people are notified."""
    rotas = routing.of(app).rotas.rotas
    for rota in rotas.values():
        rota.refresh(now)
    return [(name, tuple(one.name for one in rota.planned(now))) for name, rota in rotas.items()]


def _swept(row: RowMapping, now: datetime, late: timedelta) -> str:
    desk, last = row["desk"], row["swept_at"] or row["started_at"]
    if row["paused_at"]:
        return f"{desk} is paused."
    if row["trouble"]:
        return f"{desk}: {row['trouble']}"
    if last is None or now - last <= late:
        return ""
    since = f"was last swept {took(now - last)} ago" if row["swept_at"] else "has never been swept"
    return f"{desk} {since}: is a worker running?"


def _audited(one: Desk, now: datetime) -> str:
    if one.audit is None:
        return ""
    wrong = [f"{len(one.audit[kind])} {kind}" for kind in ("missing", "stuck") if one.audit[kind]]
    if wrong:
        return f"{one.name}: {' and '.join(wrong)} at the last audit."
    age = now - one.audit["at"]
    return f"{one.name} was last audited {took(age)} ago: is a worker running?" if age > AUDITED else ""


def _given_up(connection: Connection, now: datetime) -> list[str]:
    dead, (late, first) = queries.dead_number(connection), queries.overdue_events(connection, now)
    said = [f"{dead} {'event' if dead == 1 else 'events'} failed after the last retry."] if dead else []
    if late:
        which = ", ".join(f"{row['desk']} #{row['ticket_id']}" for row in first)
        more = f" and {late - len(first)} more" if late > len(first) else ""
        said.append(f"{late} {'event is' if late == 1 else 'events are'} overdue: {which}{more}.")
    return said


def _well(desks: tuple[Desk, ...], now: datetime) -> str:
    if not desks:
        return "No help desk has been started yet."
    waiting = [one.name for one in desks if one.audit is None]
    if waiting:
        return f"No problems so far. {', '.join(waiting)}: not audited yet (runs nightly, or now with backstop audit)."
    oldest = max(now - one.audit["at"] for one in desks if one.audit is not None)
    return f"All tickets are accounted for: sweeps are on time, no event has failed, and the audit {took(oldest)} ago found nothing missing."
