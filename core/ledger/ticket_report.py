"""One ticket's whole history as one document: for `backstop show --json` and the API of the agents' sidebar. The console's
page of a ticket is made of the same lines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from core.ledger import store
from core.ledger.schema import decisions, events, notices
from core.ledger.states import Entry, EventState


def told(conn: Connection, desk: str, ticket_id: str) -> dict[str, Any] | None:
    """`{"ticket": …, "decisions": […], "story": […]}`; None when the ledger does not know it."""
    row = store.ticket(conn, desk, ticket_id)
    rows = [{"at": r.at, "what": r.what, "detail": r.detail} for r in store.story(conn, desk, ticket_id)]
    story = sorted([*rows, *beside(conn, desk, ticket_id)], key=lambda one: one["at"])
    if row is None and not story:
        return None
    query = select(decisions).where(decisions.c.desk == desk, decisions.c.ticket_id == ticket_id)
    return {
        "ticket": dict(vars(row)) if row is not None else {},
        "decisions": [dict(r._mapping) for r in conn.execute(query.order_by(decisions.c.at))],
        "story": [one | {key: one[key].isoformat() for key in ("at", "due") if key in one} for one in story],
    }


def beside(conn: Connection, desk: str, ticket_id: str) -> list[dict[str, Any]]:
    """Return what no line of the history says: messages that arrived, and events that have not come to a decision."""
    return [*_delivered(conn, desk, ticket_id), *_open(conn, desk, ticket_id)]


def _delivered(conn: Connection, desk: str, ticket_id: str) -> list[dict[str, Any]]:
    """Return the delivery reports of the ticket's messages."""
    mine = (notices.c.desk == desk, notices.c.ticket_id == ticket_id, notices.c.delivered_at.is_not(None))
    query = select(notices.c.delivered_at, notices.c.channel, notices.c.person).where(*mine)
    return [
        {"at": at, "what": Entry.DELIVERED, "detail": f"{channel}{f' to {person}' if person else ''}"}
        for at, channel, person in conn.execute(query)
    ]


def _open(conn: Connection, desk: str, ticket_id: str) -> list[dict[str, Any]]:
    """Return events without a decision: received, waiting or held, each with its reason and next try; and dead letters."""
    mine = (events.c.desk == desk, events.c.ticket_id == ticket_id, events.c.state != EventState.SETTLED)
    query = select(events.c.received_at, events.c.state, events.c.kind, events.c.reason, events.c.due_at)
    return [
        {"at": at, "what": state, "detail": f"{kind}: {reason}" if reason else kind}
        | ({"due": due} if due is not None else {})
        for at, state, kind, reason, due in conn.execute(query.where(*mine))
    ]
