"""The connections that were made in a browser: when they end unless they are renewed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from core.ledger.schema import tokens

SOON = timedelta(days=14)  # how long before its end people are warned


def ending(conn: Connection, desk: str, now: datetime) -> datetime | None:
    """Return the end of a desk's refresh token when it is at most a fortnight away; None otherwise."""
    end: datetime | None = conn.execute(
        select(tokens.c.refresh_expires_at).where(tokens.c.desk == desk, tokens.c.refresh != "")
    ).scalar()
    return end if end is not None and end - now <= SOON else None
