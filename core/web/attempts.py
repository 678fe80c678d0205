"""How often somebody may try: counted in the store, so that the limit is exact over threads, processes and machines.

A subject is a kind of try with what it is counted by (a user, a source). Only its digest is kept: people type their
password where the name belongs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, and_, case, delete, literal, or_, select, update

from core.ledger.db import inserting, reading
from core.ledger.schema import attempts

WITHIN = timedelta(minutes=15)


def take(engine: Engine, limits: Mapping[str, int], now: datetime) -> bool:
    """Count one try of each subject. False, with nothing counted, where one has had as many as its limit."""
    keys = {_digest(subject): most for subject, most in limits.items()}
    if _full(engine, keys, now):  # a flood is turned away without a write
        return False
    with engine.connect() as connection, connection.begin() as transaction:
        # in one order, so that two takers never wait for each other crosswise
        if all(_count(connection, key, most, now) for key, most in sorted(keys.items())):
            return True
        transaction.rollback()
    return False


def clear(engine: Engine, subjects: Iterable[str]) -> None:
    """Forget the tries of these subjects."""
    with engine.begin() as connection:
        connection.execute(delete(attempts).where(attempts.c.subject.in_(map(_digest, subjects))))


def give_back(engine: Engine, subject: str) -> None:
    """The last try of a subject does not count."""
    mine = and_(attempts.c.subject == _digest(subject), attempts.c.number > 0)
    with engine.begin() as connection:
        connection.execute(update(attempts).where(mine).values(number=attempts.c.number - 1))


def _full(engine: Engine, keys: Mapping[str, int], now: datetime) -> bool:
    full = [and_(attempts.c.subject == key, attempts.c.number >= most) for key, most in keys.items()]
    query = select(attempts.c.subject).where(attempts.c.since > now - WITHIN, or_(*full)).limit(1)
    with reading(engine) as connection:
        return connection.execute(query).first() is not None


def _count(connection: Connection, key: str, most: int, now: datetime) -> bool:
    """One statement, so that of many at once no more than `most` succeed."""
    over = attempts.c.since <= now - WITHIN
    insert = inserting(connection.dialect.name, attempts).values(subject=key, since=now, number=1)
    counted = insert.on_conflict_do_update(
        index_elements=["subject"],
        set_={
            "since": case((over, literal(now, attempts.c.since.type)), else_=attempts.c.since),
            "number": case((over, 1), else_=attempts.c.number + 1),
        },
        where=or_(over, attempts.c.number < most),
    )
    return connection.execute(counted.returning(attempts.c.number)).first() is not None


def _digest(subject: str) -> str:
    return hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()
