"""Who may look: named users, argon2 passwords, one-time links. The log of changes is kept here, too."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Connection, Engine, and_, case, func, insert, select, update

from core.errors import ConfigError
from core.ledger.db import reading
from core.ledger.schema import changes, login_links, users
from core.web import attempts

LINK_LASTS = timedelta(minutes=15)
TRIES, TRIES_OF_A_SOURCE = 5, 20  # wrong passwords within attempts.WITHIN
SHORTEST_PASSWORD = 10
REFUSED = "login refused"


class Role(StrEnum):
    """What a user may do; each may all that those before may."""

    VIEWER = "viewer"  # look
    AGENT = "agent"  # claim, check samples
    ADMIN = "admin"  # retry, pause, change intents and texts, see the log of changes

    def may(self, needed: Role) -> bool:
        """Whether this role includes what `needed` may do."""
        return list(Role).index(self) >= list(Role).index(needed)


@dataclass(frozen=True)
class User:
    """One row of `bs_users` that may log in."""

    name: str
    email: str
    role: Role
    sessions: int = 0  # the number that a valid session has


_one_hash = threading.BoundedSemaphore(1)  # a hash takes a whole core: a flood of guesses waits in line


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    """Argon2id with 19 MiB, two passes and one lane, as OWASP's cheat sheet on password storage has it: more lanes would
    take the cores that webhooks need. Hashes made otherwise are made anew when their user logs in."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


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
    facts: dict[str, Any] = {"role": str(role), "disabled_at": None}
    facts |= {"email": email} if email else {}
    facts |= {"password": _hashed(password), "sessions": users.c.sessions + 1} if password else {}
    with engine.begin() as connection:
        old = connection.execute(select(users.c.role).where(users.c.name == name)).scalar()
        if old is None:
            connection.execute(
                insert(users).values(**facts | {"name": name, "created_at": now, "sessions": 0})
            )
        else:
            connection.execute(update(users).where(users.c.name == name).values(**facts))
        record(connection, now, by, f"user {name}", old or "", str(role))


def disable_user(engine: Engine, name: str, now: datetime, by: str = "command line") -> bool:
    """Let a user in no more; open sessions end with the next page, for good. False when there is none."""
    shut = {"disabled_at": now, "sessions": users.c.sessions + 1}
    with engine.begin() as connection:
        done = connection.execute(update(users).where(users.c.name == name).values(**shut)).rowcount
        if done:
            record(connection, now, by, f"user {name}", "", "disabled")
    return bool(done)


def any_user(engine: Engine) -> bool:
    """Whether anybody may log in at all."""
    with reading(engine) as connection:
        enabled = select(users.c.name).where(users.c.disabled_at.is_(None)).limit(1)
        return connection.execute(enabled).first() is not None


def find(engine: Engine, name_or_email: str) -> User | None:
    """The enabled user of this name, else of this address."""
    wanted = name_or_email.strip()
    if not wanted:
        return None
    named = users.c.name == wanted
    return _one(engine, named | (func.lower(users.c.email) == wanted.lower()), case((named, 0), else_=1))


def of_session(engine: Engine, name: str, number: int) -> User | None:
    """The enabled user of exactly this name, unless the sessions of this number were ended."""
    return _one(engine, and_(users.c.name == name, users.c.sessions == number), users.c.name)


def _one(engine: Engine, same: ColumnElement[bool], order: ColumnElement[Any]) -> User | None:
    query = select(users.c.name, users.c.email, users.c.role, users.c.sessions)
    query = query.where(same, users.c.disabled_at.is_(None)).order_by(order).limit(1)
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return User(row.name, row.email, Role(row.role), row.sessions) if row else None


def is_disabled(engine: Engine, email: str) -> bool:
    """Whether somebody of this name or address was let in once and is no more."""
    same = (func.lower(users.c.email) == email.lower()) | (func.lower(users.c.name) == email.lower())
    with reading(engine) as connection:
        query = select(users.c.name).where(same, users.c.disabled_at.is_not(None))
        return connection.execute(query.limit(1)).first() is not None


def end_sessions(engine: Engine, name: str) -> None:
    """Whoever is logged in as this user, with whatever browser, must log in again."""
    with engine.begin() as connection:
        connection.execute(update(users).where(users.c.name == name).values(sessions=users.c.sessions + 1))


def log_in(engine: Engine, name: str, password: str, now: datetime, source: str = "") -> User | None:
    """The user, if the password is theirs and there were not too many wrong ones of late: for what was typed, for the
    user whom it means, from this source. All is done for strangers as for users, so the time of an answer tells nothing.
    """
    user, decoy = find(engine, name), _nobodys_hash()
    typed, origin = f"login typed {name.casefold()}", f"login from {source}"
    meant = f"login as {user.name}" if user else f"login as nobody {name.casefold()}"
    if not attempts.take(engine, {typed: TRIES, origin: TRIES_OF_A_SOURCE}, now):
        return None
    free = attempts.take(engine, {meant: TRIES}, now)
    kept = _password(engine, user.name if user and free else "")
    if _matches(kept or decoy, password) and kept:
        attempts.clear(engine, [typed, meant])
        attempts.give_back(engine, origin)
        _renew(engine, user, kept, password)
        return user
    with engine.begin() as connection:
        record(connection, now, user.name if user else name[:80], REFUSED)
    return None


def _renew(engine: Engine, user: User | None, kept: str, password: str) -> None:
    if user and _hasher().check_needs_rehash(kept):
        with engine.begin() as connection:
            mine = update(users).where(users.c.name == user.name, users.c.password == kept)
            connection.execute(mine.values(password=_hashed(password)))


def _password(engine: Engine, name: str) -> str:
    with reading(engine) as connection:
        return connection.scalar(select(users.c.password).where(users.c.name == name)) or ""


def _hashed(password: str) -> str:
    with _one_hash:
        return _hasher().hash(password)


def _matches(kept: str, password: str) -> bool:
    try:
        with _one_hash:
            return _hasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


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
