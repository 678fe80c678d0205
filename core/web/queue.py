"""What waits for a human: the worst first, and the part of it that somebody asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    false,
    func,
    literal,
    not_,
    select,
    tuple_,
)

from core.ledger.schema import tickets
from core.model import Priority
from core.telemetry.gauges import WAITING, apart
from core.web.queries import LISTED, PAGE, Found, mark_of, page_of

FILTERS = ("desk", "queue", "priority")
CHOICES = 1000  # desks with queues and priorities, for the filters
PLACE = re.compile("[0-9]{1,2}")  # in WORST


def waiting(
    connection: Connection, now: datetime, asked: Mapping[str, str], after: str = "", size: int = PAGE
) -> Found:
    """Escalations that wait for a human: the worst first (see WORST), then the longest wait. `asked`: values of FILTERS,
    "" for all."""
    worst = _badness(now)
    order = (worst, tickets.c.waiting_since, tickets.c.desk, tickets.c.ticket_id)
    query = select(*LISTED, worst.label("worst")).where(_asked(asked)).order_by(*order).limit(size + 1)
    place, _, rest = after.partition("|")
    mark = mark_of(rest)
    if mark and PLACE.fullmatch(place):
        values = (literal(int(place)), literal(mark[0], order[1].type), *map(literal, mark[1:]))
        query = query.where(tuple_(*order) > tuple_(*values))
    rows = connection.execute(query).mappings().all()
    return page_of(rows, size, "worst", "waiting_since", "desk", "ticket_id")


def is_mark(after: str) -> bool:
    """Whether a page may begin after this."""
    place, _, rest = after.partition("|")
    return bool(PLACE.fullmatch(place)) and mark_of(rest) is not None


def next_rung(row: Mapping[str, Any] | RowMapping) -> str:
    """Whom the ladder notifies next, "" for nobody."""
    ladder, done = row["ladder"] or [], row["rung"] or 0
    return (
        str(ladder[done].get("notify", "")) if done < len(ladder) and isinstance(ladder[done], dict) else ""
    )


def choices(connection: Connection) -> dict[str, list[str]]:
    """The values that each filter may have now; a filter with one value is none."""
    query = select(apart(tickets.c.desk), tickets.c.queue, tickets.c.priority).distinct()
    rows = connection.execute(query.where(tickets.c.state.in_(WAITING)).limit(CHOICES)).all()
    found = {name: sorted({row[place] for row in rows} - {""}) for place, name in enumerate(FILTERS)}
    ranks = {one.value: one.rank for one in Priority}
    found["priority"].sort(key=lambda one: ranks.get(one, len(ranks)))
    return found


WORST = (
    (Priority.URGENT, True),
    (Priority.HIGH, True),
    (Priority.URGENT, False),
    (Priority.HIGH, False),
    (Priority.NORMAL, True),
    (Priority.LOW, True),
    (Priority.NORMAL, False),
    (Priority.LOW, False),
)
"""What is worse stands before: the priority, and whether its promise is over."""


def _badness(now: datetime) -> ColumnElement[int]:
    """The place in WORST."""
    over = tickets.c.promise_at < now
    places = (
        (
            and_(tickets.c.priority == priority.value, over if late else not_(func.coalesce(over, false()))),
            place,
        )
        for place, (priority, late) in enumerate(WORST)
    )
    return case(*places, else_=len(WORST))


def _asked(asked: Mapping[str, str]) -> ColumnElement[bool]:
    wanted: list[Any] = [tickets.c[name] == asked[name] for name in FILTERS if asked.get(name)]
    return and_(tickets.c.state.in_(WAITING), *wanted)
