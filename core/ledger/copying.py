"""From one database to another: every row of the ledger, so that no open escalation is lost on the way."""

from __future__ import annotations

from sqlalchemy import Engine, func, select, text

from core.errors import ConfigError
from core.ledger import db
from core.ledger.schema import balance, changes, history, metadata

BATCH = 1000


def empty(url: str) -> Engine:
    """Return the target with our tables in it; raises ConfigError when it is no Postgres, or holds rows."""
    if not url.startswith(("postgresql:", "postgres:", "postgresql+psycopg:")):
        raise ConfigError("the target is not a Postgres address: write postgresql://user@host/name")
    try:
        target = db.connect(url)
    except ConfigError as err:
        raise ConfigError(str(err).replace("database_url", "POSTGRES_URL")) from err
    db.migrate(target)
    with db.reading(target) as read:
        for table in metadata.sorted_tables:
            if read.execute(select(func.count()).select_from(table)).scalar_one():
                raise ConfigError(
                    f"the target database already has rows ({table.name}): use an empty database"
                )
    return target


def copy(source: Engine, target: Engine) -> dict[str, int]:
    """Copy all tables and return the number of rows of each. Events in progress are processed again by the next pass."""
    done: dict[str, int] = {}
    with db.reading(source) as read, target.begin() as write:
        for table in metadata.sorted_tables:
            done[table.name] = 0
            for rows in read.execute(select(table)).partitions(BATCH):
                write.execute(table.insert(), [dict(row._mapping) for row in rows])
                done[table.name] += len(rows)
        # the engine's own queue does not come along: what it had not begun waits with a due time instead
        write.execute(text("UPDATE bs_events SET state='waiting', due_at=received_at WHERE state='received'"))
        if write.dialect.name == "postgresql":
            for table in (history, balance, changes):
                above = select(func.coalesce(func.max(table.c.id), 0) + 1).scalar_subquery()
                write.execute(
                    select(func.setval(func.pg_get_serial_sequence(table.name, "id"), above, False))
                )
    target.dispose()
    return done
