"""One-time links: a token that takes one ticket once. Only its digest is kept: who reads the ledger cannot use it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, insert, select, update

from core.ledger.rows import ClaimLinkRow, first
from core.ledger.schema import claim_links

LIFE = timedelta(days=7)


def new_link(
    conn: Connection,
    desk: str,
    ticket_id: str,
    *,
    person: str = "",
    email: str = "",
    now: datetime,
    life: timedelta = LIFE,
) -> str:
    """Return a token for one claim. Only its digest is kept: who reads the ledger cannot use it."""
    token = secrets.token_urlsafe(16)
    row = {"digest": _digest(token), "desk": desk, "ticket_id": ticket_id, "person": person, "email": email}
    conn.execute(insert(claim_links).values(**row, expires_at=now + life))
    return token


def link(conn: Connection, token: str, now: datetime) -> ClaimLinkRow | None:
    """Return what a token is for, while it lives and is not used."""
    mine = and_(
        claim_links.c.digest == _digest(token),
        claim_links.c.expires_at > now,
        claim_links.c.used_at.is_(None),
    )
    return first(ClaimLinkRow, conn.execute(select(claim_links).where(mine)))


def use_link(conn: Connection, token: str, now: datetime) -> bool:
    """Mark a link as used; return False when it was used already."""
    mine = and_(
        claim_links.c.digest == _digest(token),
        claim_links.c.used_at.is_(None),
        claim_links.c.expires_at > now,
    )
    return bool(conn.execute(update(claim_links).where(mine).values(used_at=now)).rowcount)


def give_back(conn: Connection, token: str) -> None:
    """The claim did not work: the link may be tried again."""
    conn.execute(update(claim_links).where(claim_links.c.digest == _digest(token)).values(used_at=None))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
