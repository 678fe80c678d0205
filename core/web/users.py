"""Who may look: named users, argon2 passwords, one-time links. The log of changes is kept here, too."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, func, insert, or_, select, update

from core.errors import ConfigError
from core.ledger.schema import changes, login_links, users

LINK_LASTS = timedelta(minutes=15)
TRIES, TRIES_WITHIN = 5, timedelta(minutes=15)
SHORTEST_PASSWORD = 10
REFUSED = "login refused"


class Role(StrEnum):
    """What a user may do; each may all that those before may."""

    VIEWER = "viewer"  # look
    AGENT = "agent"  # claim, check samples
    ADMIN = "admin"  # retry, pause, see the log of changes

    def may(self, needed: Role) -> bool:
        """Whether this role includes what `needed` may do."""
        return list(Role).index(self) >= list(Role).index(needed)


@dataclass(frozen=True)
class User:
    """One row of `bs_users` that may log in."""

    name: str
    email: str
    role: Role


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_hex(16))


def record(connection: Connection, at: datetime, who: str, what: str, old: str = "", new: str = "") -> None:
    """One line in the log of changes."""
    connection.execute(insert(changes), {"at": at, "who": who, "what": what, "old": old, "new": new})


def add_user(
    engine: Engine,
    name: str,
    *,
    now: datetime,
    role: str = Role.VIEWER,
    email: str = "",
    password: str = "",
    by: str = "command line",
) -> None:
    """Make a user, or change the one of that name. Without a password only one-time links let in."""
    if role not in list(Role):
        raise ConfigError(f'role "{role}": write one of {", ".join(Role)}')
    if password and len(password) < SHORTEST_PASSWORD:
        raise ConfigError(f"the password is too short: take at least {SHORTEST_PASSWORD} characters")
    facts = {"role": str(role), "disabled_at": None}
    facts |= {"email": email} if email else {}
    facts |= {"password": _hasher().hash(password)} if password else {}
    with engine.begin() as connection:
        old = connection.execute(select(users.c.role).where(users.c.name == name)).scalar()
        if old is None:
            connection.execute(insert(users), {"name": name, "created_at": now, **facts})
        else:
            connection.execute(update(users).where(users.c.name == name).values(**facts))
        record(connection, now, by, f"user {name}", old or "", str(role))


def disable_user(engine: Engine, name: str, now: datetime, by: str = "command line") -> bool:
    """Let a user in no more; open sessions end with the next page. False when there is none."""
    with engine.begin() as connection:
        done = connection.execute(update(users).where(users.c.name == name).values(disabled_at=now)).rowcount
        if done:
            record(connection, now, by, f"user {name}", "", "disabled")
    return bool(done)


def any_user(engine: Engine) -> bool:
    """Whether anybody may log in at all."""
    with engine.connect() as connection:
        return (
            connection.execute(select(users.c.name).where(users.c.disabled_at.is_(None)).limit(1)).first()
            is not None
        )


def find(engine: Engine, name_or_email: str) -> User | None:
    """The enabled user of this name or address."""
    wanted = name_or_email.strip()
    if not wanted:
        return None
    same = or_(users.c.name == wanted, func.lower(users.c.email) == wanted.lower())
    with engine.connect() as connection:
        row = connection.execute(
            select(users.c.name, users.c.email, users.c.role)
            .where(same, users.c.disabled_at.is_(None))
            .limit(1)
        ).first()
    return User(row.name, row.email, Role(row.role)) if row else None


def log_in(engine: Engine, name: str, password: str, now: datetime) -> User | None:
    """The user, if the password is theirs and there were not too many wrong ones of late."""
    user = find(engine, name)
    who = user.name if user else name[:80]
    if _too_many(engine, who, now):
        return None
    with engine.connect() as connection:
        kept = connection.scalar(select(users.c.password).where(users.c.name == who)) if user else None
    if user and kept and _matches(kept, password):
        return user
    if not kept:
        _matches(_nobodys_hash(), password)  # as slow for unknown names as for known ones
    with engine.begin() as connection:
        record(connection, now, who, REFUSED)
    return None


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _too_many(engine: Engine, who: str, now: datetime) -> bool:
    lately = (changes.c.who == who, changes.c.what == REFUSED, changes.c.at > now - TRIES_WITHIN)
    with engine.connect() as connection:
        return (connection.scalar(select(func.count()).select_from(changes).where(*lately)) or 0) >= TRIES


def login_link(engine: Engine, user: str, now: datetime) -> str:
    """A token for `/login/link/<token>`, good once and for a quarter of an hour; only its digest is kept."""
    token = secrets.token_urlsafe(24)
    with engine.begin() as connection:
        connection.execute(
            insert(login_links), {"digest": _digest(token), "user": user, "expires_at": now + LINK_LASTS}
        )
    return token


def use_link(engine: Engine, token: str, now: datetime) -> User | None:
    """The link's user, the first time and in time only."""
    good = (
        login_links.c.digest == _digest(token),
        login_links.c.used_at.is_(None),
        login_links.c.expires_at > now,
    )
    with engine.begin() as connection:
        name = connection.scalar(
            update(login_links).where(*good).values(used_at=now).returning(login_links.c.user)
        )
    return find(engine, name) if name else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
