"""One ticket's whole story as one document: `backstop show --json`, and the API that the agents' sidebar asks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from core.ledger import store
from core.ledger.schema import decisions


def told(conn: Connection, desk: str, ticket_id: str) -> dict[str, Any] | None:
    """`{"ticket": …, "decisions": […], "story": […]}`; None when the ledger does not know it."""
    row = store.ticket(conn, desk, ticket_id)
    rows = store.story(conn, desk, ticket_id)
    if row is None and not rows:
        return None
    query = select(decisions).where(decisions.c.desk == desk, decisions.c.ticket_id == ticket_id)
    return {
        "ticket": dict(vars(row)) if row is not None else {},
        "decisions": [dict(r._mapping) for r in conn.execute(query.order_by(decisions.c.at))],
        "story": [{"at": r.at.isoformat(), "what": r.what, "detail": r.detail} for r in rows],
    }
