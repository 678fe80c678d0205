"""Two workers and one digest on Postgres: what one puts into it while the other takes it is said."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text

from core.ledger.schema import notices
from core.notifications import digests
from core.notifications.delivery import enqueue, pump
from tests.core.notification_world import M, World, notice

WAITS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@pytest.fixture
def world(tmp_path: Path, database: str) -> Iterator[World]:
    made = World(tmp_path, database)
    yield made
    made.engine.dispose()


def test_a_digest_is_not_sent_while_another_worker_puts_a_ticket_into_it(world: World) -> None:
    world.tell(*(notice(n) for n in range(8)))
    world.now += M
    with world.engine.begin() as conn:
        enqueue(conn, [notice(9)], routes=world.routes, now=world.now)
        conn.execute(notices.update().where(notices.c.ticket_id == "4709").values(due_at=world.now + M))
    with ThreadPoolExecutor(1) as other:
        with world.engine.begin() as conn:
            mine = notices.c.ticket_id == "4709", notices.c.channel == world.sms.name
            digests._bundle(world, conn, conn.execute(select(notices).where(*mine)).one(), world.now)
            sent = other.submit(pump, world, world.now)
            while not sent.done():
                with world.engine.connect() as watching:
                    if watching.execute(WAITS).scalar():
                        break
        assert sent.result(timeout=60)
    assert (world.sms.sent[-1].template, len(world.sms.sent)) == ("digest", 6)
    assert "4709" in world.sms.sent[-1].text
