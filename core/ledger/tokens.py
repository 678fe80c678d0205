"""OAuth tokens of the desks, kept in the ledger and renewed by one process at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, or_, select, update

from core.errors import TryLater
from core.ledger import db
from core.ledger.schema import tokens
from core.ports import Token

SOON = timedelta(days=14)  # how long before its end people are warned


def ending(conn: Connection, desk: str, now: datetime) -> datetime | None:
    """Return the end of a desk's refresh token when it is at most a fortnight away; None otherwise."""
    end: datetime | None = conn.execute(
        select(tokens.c.refresh_expires_at).where(tokens.c.desk == desk, tokens.c.refresh != "")
    ).scalar()
    return end if end is not None and end - now <= SOON else None


class StoredTokens:
    """`connectors.kit.oauth.TokenStore` over the ledger; the lock is a lease that a dead renewer loses."""

    LEASE = timedelta(seconds=60)
    PATIENCE = 90.0  # seconds to wait for another renewer

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine, self._clock = engine, clock

    def load(self, desk: str) -> Token | None:
        """The token kept for a desk."""
        with db.reading(self._engine) as conn:
            row = conn.execute(select(tokens).where(tokens.c.desk == desk)).first()
        if row is None or not row.access or row.expires_at is None:
            return None
        return Token(row.access, row.expires_at, row.refresh, row.scope, row.refresh_expires_at)

    def save(self, desk: str, token: Token) -> None:
        """Keep a token."""
        with self._engine.begin() as conn:
            db.put(conn, tokens, ["desk"], {"desk": desk, **asdict(token)})

    def forget(self, desk: str) -> None:
        """Keep nothing that opens the desk."""
        with self._engine.begin() as conn:
            conn.execute(delete(tokens).where(tokens.c.desk == desk))

    @contextmanager
    def lock(self, desk: str) -> Iterator[None]:
        """One renewer at a time over all processes."""
        me = f"{os.getpid()}-{os.urandom(4).hex()}"
        deadline = time.monotonic() + self.PATIENCE
        while not self._take(desk, me):
            if time.monotonic() > deadline:
                raise TryLater("another process has been renewing the token for too long")
            time.sleep(0.2)
        try:
            yield
        finally:
            with self._engine.begin() as conn:
                mine = update(tokens).where(tokens.c.desk == desk, tokens.c.leased_by == me)
                conn.execute(mine.values(leased_by="", leased_until=None))

    def _take(self, desk: str, me: str) -> bool:
        now = self._clock()
        with self._engine.begin() as conn:
            db.insert_new(conn, tokens, {"desk": desk})
            free = or_(tokens.c.leased_by == "", tokens.c.leased_until < now)
            take = update(tokens).where(tokens.c.desk == desk, free)
            return bool(conn.execute(take.values(leased_by=me, leased_until=now + self.LEASE)).rowcount)
