"""The newest tickets of all desks, from which the classifier learns how many messages are of no intent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, select
from sqlalchemy.exc import SQLAlchemyError

from core.errors import said_of
from core.ledger import db
from core.ledger.schema import decisions, labels
from core.model import NO_INTENT, Outcome

log = logging.getLogger(__name__)

MOST = 300  # tickets; more of them move the share by less than its own error
AGAIN = timedelta(hours=1)  # until they are read anew
Tickets = tuple[tuple[str, bool | None], ...]
"""What customers wrote, and whether it is of no intent, where a person said so."""


def newest(engine: Engine) -> Tickets:
    """Return the first messages of the newest tickets that are a customer's and whose words are still kept."""
    first = decisions.c.desk + ":" + decisions.c.ticket_id + ":created"
    same = and_(labels.c.desk == decisions.c.desk, labels.c.ticket_id == decisions.c.ticket_id)
    query = (
        select(decisions.c.words, labels.c.intent)
        .select_from(decisions.outerjoin(labels, same))
        .where(decisions.c.key == first, decisions.c.words != "", decisions.c.outcome != Outcome.LEFT_ALONE)
        .order_by(decisions.c.at.desc())
        .limit(MOST)
    )
    with db.reading(engine) as connection:
        rows = connection.execute(query).all()
    return tuple((words, None if label is None else label == NO_INTENT) for words, label in rows)


def hourly(engine: Engine, clock: Callable[[], datetime]) -> Callable[[], Tickets]:
    """Return what reads the newest tickets once an hour, and returns the same ones until then; the older ones where the store
    cannot be read."""
    kept: tuple[datetime, Tickets] | None = None

    def read() -> Tickets:
        nonlocal kept
        now = clock()
        if kept is None or not timedelta() <= now - kept[0] < AGAIN:
            try:
                kept = now, newest(engine)
            except SQLAlchemyError as err:
                log.warning("the share of messages of no intent is not measured: %s", said_of(err))
                kept = now, kept[1] if kept else ()
        return kept[1]

    return read
