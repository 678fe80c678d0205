"""From one database to another: every row of the ledger, so that no open escalation is lost on the way."""

from __future__ import annotations

from sqlalchemy import Engine, func, select, text

from core.errors import ConfigError
from core.ledger import db
from core.ledger.schema import balance, changes, history, metadata

BATCH = 1000


def copy(source: Engine, target_url: str) -> dict[str, int]:
    """Copies all tables; refuses a target that holds rows. Events under way are taken up again by the next pass."""
    target = db.connect(target_url)
    db.migrate(target)
    done: dict[str, int] = {}
    with db.reading(source) as read, target.begin() as write:
        for table in metadata.sorted_tables:
            if write.execute(select(func.count()).select_from(table)).scalar_one():
                raise ConfigError(f"the target database holds rows already ({table.name}): give an empty one")
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
