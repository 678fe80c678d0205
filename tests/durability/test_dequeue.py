"""Our statements claim and end what the engine's own would, on both databases."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest
from dbos import DBOS, DBOSClient
from dbos._sys_db import queue_from_db_row
from sqlalchemy import select

from core.engine import dequeue
from core.engine.worker import NAME
from core.ledger import db

MANY = 1000


@pytest.fixture
def system(engine, store_url):
    DBOS.migrate(store_url)
    client = DBOSClient(system_database_url=db.normal_url(store_url))
    client._sys_db.app_name = NAME
    yield client._sys_db
    client.destroy()


def queue(system, name):
    """A queue as the worker registers them."""
    row = {"name": name, "worker_concurrency": 4, "partition_concurrency": 1, "polling_interval_sec": 1.0}
    with system.engine.begin() as conn:
        conn.execute(system.tables.queues.insert().values(row))
        return queue_from_db_row(
            conn.execute(select(system.tables.queues).where(system.tables.queues.c.name == name)).one()
        )


def put(system, queue_name, *rows):
    ready = {"queue_name": queue_name, "application_version": "1", "application_name": NAME, "priority": 0}
    ready |= {"status": "ENQUEUED", "queue_partition_key": "1", "created_at": 1, "updated_at": 1}
    with system.engine.begin() as conn:
        conn.execute(system.tables.workflow_status.insert(), [ready | row for row in rows])
        inputs = [{"workflow_uuid": row["workflow_uuid"], "inputs": '{"args": []}'} for row in rows]
        conn.execute(system.tables.workflow_input.insert(), inputs)


def claimed(system, from_queue, most=MANY, who="me"):
    return set(system.start_queued_partitioned_workflows(from_queue, who, "1", most, owner_xid=f"{who}'s"))


def stored(system, id_):
    table = system.tables.workflow_status
    with system.engine.begin() as conn:
        return conn.execute(select(table).where(table.c.workflow_uuid == id_)).one()


@pytest.mark.parametrize("seed", range(6))
def test_the_same_workflows_are_claimed_as_by_the_engine(system, seed):
    chance = random.Random(seed)
    rows = [
        {
            "workflow_uuid": f"w{n}",
            "status": chance.choice(("ENQUEUED",) * 4 + ("PENDING", "SUCCESS", "CANCELLED")),
            "queue_partition_key": chance.choice((None, *map(str, range(20)))),
            "application_version": chance.choice(("1", "1", "1", "2")),
            "application_name": chance.choice((NAME, NAME, None, "another")),
            "priority": chance.choice((0, 0, 1)),
            "created_at": chance.randrange(5),
        }
        for n in range(60)
    ]
    theirs, ours = queue(system, "theirs"), queue(system, "ours")
    for one in (theirs, ours):
        put(
            system, one.name, *({**row, "workflow_uuid": f"{row['workflow_uuid']}{one.name}"} for row in rows)
        )
    expected = {id_.removesuffix("theirs") for id_ in claimed(system, theirs)}
    dequeue.patch(system)
    found = {id_.removesuffix("ours") for id_ in claimed(system, ours)}
    assert found == expected
    assert found


def test_a_claimed_workflow_looks_as_one_that_the_engine_claimed(system):
    theirs, ours = queue(system, "theirs"), queue(system, "ours")
    put(system, "theirs", {"workflow_uuid": "a"})
    put(system, "ours", {"workflow_uuid": "b"})
    claimed(system, theirs)
    dequeue.patch(system)
    claimed(system, ours)
    a, b = stored(system, "a")._asdict(), stored(system, "b")._asdict()
    clock = {"workflow_uuid", "queue_name", "started_at_epoch_ms", "updated_at"}
    assert {k: v for k, v in a.items() if k not in clock} == {k: v for k, v in b.items() if k not in clock}
    known = system.get_workflow_statuses(["b"])
    read = system.get_workflow_statuses(["b"])  # for the second time from the store
    assert {name: known[0][name] for name in read[0]} == read[0]
    assert abs(a["started_at_epoch_ms"] - b["started_at_epoch_ms"]) < 600_000
    assert abs(a["updated_at"] - b["updated_at"]) < 600_000


def test_there_is_room_for_so_many_and_chance_decides_which(system):
    ours = queue(system, "ours")
    dequeue.patch(system)
    first = Counter()
    for turn in range(12):
        put(
            system,
            "ours",
            *({"workflow_uuid": f"{turn}:{n}", "queue_partition_key": f"{turn}:{n}"} for n in range(9)),
        )
        found = claimed(system, ours, most=3)
        assert len(found) == 3
        first.update(id_.partition(":")[0] for id_ in found)
    assert len(first) > 1  # those that came later are not always behind, nor always before


def test_one_workflow_of_a_ticket_at_a_time(system):
    ours = queue(system, "ours")
    put(system, "ours", {"workflow_uuid": "a"}, {"workflow_uuid": "b", "created_at": 2})
    dequeue.patch(system)
    assert claimed(system, ours) == {"a"}
    assert claimed(system, ours) == set()
    assert system.update_workflow_outcome("a", "SUCCESS", output="settled", owner_xid="me's")
    assert claimed(system, ours) == {"b"}


def test_workers_that_claim_together_share_the_work(system):
    ours = queue(system, "ours")
    put(
        system,
        "ours",
        *({"workflow_uuid": f"{n}", "queue_partition_key": f"{n % 40}", "created_at": n} for n in range(120)),
    )
    dequeue.patch(system)
    found, start = [], threading.Barrier(4)

    def work(who):
        start.wait(30)
        for _ in range(10):
            found.extend(claimed(system, ours, most=5, who=who))

    workers = [threading.Thread(target=work, args=(f"worker {n}",)) for n in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)
    rest = claimed(system, ours)
    assert Counter(found) + Counter(rest) == Counter(map(str, range(40)))


def test_an_outcome_is_stored_once_and_by_its_owner(system):
    ours = queue(system, "ours")
    put(system, "ours", {"workflow_uuid": "a"})
    dequeue.patch(system)
    claimed(system, ours)
    assert not system.update_workflow_outcome("a", "SUCCESS", output="theirs", owner_xid="another's")
    assert system.update_workflow_outcome("a", "SUCCESS", output="settled", owner_xid="me's")
    assert not system.update_workflow_outcome("a", "ERROR", error="late", owner_xid="me's")
    row, table = stored(system, "a"), system.tables.workflow_output
    assert (row.status, row.owner_xid) == ("SUCCESS", None)
    assert row.completed_at
    with system.engine.begin() as conn:
        assert conn.execute(select(table.c.output, table.c.error)).all() == [("settled", None)]
