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


def holders(conn: Connection) -> list[str]:
    """Return who holds a lease: `<host>:<process id>:<random>`."""
    return list(conn.execute(select(tokens.c.leased_by).where(tokens.c.leased_by != "")).scalars())


def free(conn: Connection, holder: str) -> None:
    """End the leases of a process that has ended, named as in `holders`; what follows its process id does not count."""
    process = ":".join(holder.split(":")[:2])
    theirs = tokens.c.leased_by.startswith(f"{process}:", autoescape=True)
    conn.execute(update(tokens).where(theirs).values(leased_by="", leased_until=None))


class StoredTokens:
    """`connectors.kit.oauth.TokenStore` over the ledger; the lock is a lease that a dead renewer loses: at once when its
    process is found dead (`core.engine.recovery`), else after LEASE."""

    LEASE = timedelta(seconds=60)
    TRIES, PAUSE = 15, 0.2  # looks at another one's lease, and seconds between them: a renewal takes less

    def __init__(
        self, engine: Engine, clock: Callable[[], datetime], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._engine, self._clock, self._sleep = engine, clock, sleep

    def load(self, desk: str) -> Token | None:
        """Return the token kept for a desk."""
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
        """One renewer at a time over all processes. Raises TryLater when another one has not finished after three seconds:
        what waits in the ledger holds up nothing."""
        me = f"{os.uname().nodename}:{os.getpid()}:{os.urandom(4).hex()}"
        for _ in range(self.TRIES):
            if self._take(desk, me):
                break
            self._sleep(self.PAUSE)
        else:
            words = f"another process of ours is renewing the token of {desk}, or died over it: try again in a minute"
            raise TryLater(words, wait=self.LEASE / 6)
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
