"""What programs may ask and change, whatever the way in: the HTTP API and the MCP server call the same functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from core.ledger import pausing
from core.ledger.db import reading
from core.ledger.ticket_report import told
from core.model import TicketState
from core.pipeline import claims
from core.reports import reporting
from core.reports.weekly import bounds, week_of
from core.web import queries, queue
from core.web.standing import Desk, standing
from core.web.users import record
from core.web.words import web_link

MOST = 200  # tickets of one answer


class Unknown(Exception):
    """There is nothing of this name. `why`: what was asked for; `remedy`: where the names stand."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why, self.remedy = why, remedy


class BadCursor(Exception):
    """The cursor was not given by us."""


@dataclass(frozen=True)
class TicketLine:
    """One ticket in a list. Times are UTC; empty texts are what is not known."""

    desk: str
    ticket_id: str
    state: TicketState
    subject: str
    url: str
    customer_name: str
    customer_email: str
    intent: str
    confidence: float
    band: str
    outcome: str
    priority: str
    queue: str
    mode: str
    first_seen_at: datetime | None
    waiting_since: datetime | None
    promise_at: datetime | None
    next_due_at: datetime | None
    next_notify: str
    claimed_by: str
    answered_at: datetime | None


@dataclass(frozen=True)
class Tickets:
    """One page of tickets. `next`: the cursor of the next page, null on the last one."""

    tickets: tuple[TicketLine, ...]
    next: str | None


@dataclass(frozen=True)
class Escalations:
    """One page of what waits for a human, the worst first, with how many wait in all and how many promises are over."""

    waiting: int
    over_promise: int
    by_priority: dict[str, int]
    tickets: tuple[TicketLine, ...]
    next: str | None


@dataclass(frozen=True)
class Audit:
    """The newest comparison of a desk with the ledger; `missing` and `stuck` are ticket ids."""

    at: datetime
    in_desk: int
    in_ledger: int
    missing: tuple[str, ...]
    stuck: tuple[str, ...]
    too_new: int


@dataclass(frozen=True)
class DeskHealth:
    """How one desk stands. `events_open`: stored and not settled yet."""

    desk: str
    swept_at: datetime | None
    webhook_heard_at: datetime | None
    paused_at: datetime | None
    paused_by: str
    trouble: str
    events_open: int
    audit: Audit | None


@dataclass(frozen=True)
class Health:
    """Whether all is well: `troubles` are sentences for a person, none when `ok`."""

    ok: bool
    troubles: tuple[str, ...]
    dead_letters: int
    desks: tuple[DeskHealth, ...]


@dataclass(frozen=True)
class Claimed:
    """A ticket was taken, in the desk too; `words` say what a person should know."""

    desk: str
    ticket_id: str
    claimed_by: str
    words: str


@dataclass(frozen=True)
class Held:
    """A desk's hold. `changed`: false where it was so already; `events`: how many waited for a desk that goes on."""

    desk: str
    paused: bool
    changed: bool
    events: int


def plain(value: Any) -> Any:
    """Times as ISO 8601, our own values as objects."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return dict(vars(value)) if hasattr(value, "__dataclass_fields__") else str(value)


def tickets(app: Any, asked: Mapping[str, str], limit: int) -> Tickets:
    """All tickets, newest first; `asked`: q, state, desk, intent, after. Raises BadCursor."""
    cursor = asked.get("after", "")
    if cursor and queries.mark_of(cursor) is None:
        raise BadCursor
    with reading(app.engine) as connection:
        found = queries.search(connection, asked, limit)
    return Tickets(tuple(map(_line, found.rows)), found.after or None)


def escalations(app: Any, asked: Mapping[str, str], limit: int, cursor: str = "") -> Escalations:
    """What waits for a human, the worst first; `asked`: values of `queue.FILTERS`. The figures are of all that wait.
    Raises BadCursor."""
    if cursor and not queue.is_mark(cursor):
        raise BadCursor
    now = app.clock()
    with reading(app.engine) as connection:
        found = queue.waiting(connection, now, asked, cursor, limit)
        summary = queries.waiting_summary(connection, now)
    lines = tuple(map(_line, found.rows))
    by = dict(summary["by_priority"])
    return Escalations(summary["total"], summary["broken"], by, lines, found.after or None)


def _line(row: RowMapping) -> TicketLine:
    own = {name: row[name] for name in TicketLine.__dataclass_fields__ if name in row}
    return TicketLine(**own | {"url": web_link(row["url"]), "next_notify": queue.next_rung(row)})


def ticket(app: Any, desk: str, ticket_id: str) -> dict[str, Any]:
    """One ticket's whole story: the document of `backstop show --json`. Raises Unknown."""
    with reading(app.engine) as connection:
        found = told(connection, desk, ticket_id)
    if found is None:
        raise Unknown(
            f"the ledger does not know {desk} {ticket_id}",
            "The list of tickets finds them by their number (q).",
        )
    return found


def week(app: Any, name: str) -> dict[str, Any]:
    """The weekly figures of `YYYY-Www`, `last` (the last whole week) or `current`. Raises Unknown."""
    zone = app.hours.zone
    names = {"last": reporting.last_week(app.clock(), zone), "current": week_of(app.clock(), zone)}
    name = names.get(name, name)
    try:
        bounds(name, zone)
        return reporting.as_data(reporting.weekly(app.engine, app.hours, name, app.clock()))
    except (ValueError, OverflowError) as err:
        raise Unknown(
            f"there is no week {name}", "Write an ISO week as 2026-W09, or last, or current."
        ) from err


def health(app: Any) -> Health:
    """How things stand now."""
    with reading(app.engine) as connection:
        found, events = standing(app, connection), queries.unsettled(connection)
        dead = queries.dead_number(connection)
    lines = tuple(_desk_health(one, events.get(one.name, 0)) for one in found.desks)
    return Health(not found.troubles, found.troubles, dead, lines)


def _desk_health(one: Desk, events: int) -> DeskHealth:
    row, line = one.row, one.audit
    audit = None
    if line is not None:
        missing, stuck = (tuple(map(str, line[name] or ())) for name in ("missing", "stuck"))
        audit = Audit(line["at"], line["in_desk"], line["in_ledger"], missing, stuck, one.too_new)
    return DeskHealth(
        one.name,
        row["swept_at"],
        row["hook_heard_at"],
        row["paused_at"],
        row["paused_by"],
        row["trouble"],
        events,
        audit,
    )


# --- changes --------------------------------------------------------------------------------


def claim(
    app: Any, desk: str, ticket_id: str, email: str, *, via: str, who: str, name: str = ""
) -> claims.Outcome:
    """Give a ticket to the agent with this address, and write into the log of changes who asked for it. Raises
    BackstopError where the desk does."""
    now = app.clock()
    outcome = claims.claim_by_person(app, desk, ticket_id, email, via, now, name=name)
    with app.engine.begin() as connection:
        result = email if outcome.done else f"{email}: refused"
        record(connection, now, who, f"claim {desk}:{ticket_id}", "", result)
    return outcome


def hold(app: Any, desk: str, who: str) -> Held:
    """Put a desk on hold. Raises Unknown."""
    _known(app, desk)
    return Held(desk, True, pausing.hold(app.engine, desk, app.clock(), who), 0)


def resume(app: Any, desk: str, who: str) -> Held:
    """Let a desk go on. Raises Unknown."""
    _known(app, desk)
    events = pausing.resume(app.engine, desk, app.clock(), who)
    return Held(desk, False, events is not None, events or 0)


def known_ticket(app: Any, desk: str, ticket_id: str) -> None:
    """Check that there are such a desk and such a ticket. Raises Unknown."""
    _known(app, desk)
    with reading(app.engine) as connection:
        if queries.ticket(connection, desk, ticket_id) is None:
            raise Unknown(
                f"the ledger does not know {desk} {ticket_id}",
                "The list of tickets finds them by their number (q).",
            )


def _known(app: Any, desk: str) -> None:
    if desk not in app.desks:
        raise Unknown(f"there is no desk called {desk}", "Health lists the desks.")
