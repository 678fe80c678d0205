"""Several workers on one Postgres: one dies for good, the others take over its work without anybody's help."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from harness import ROOT, World, reckon, until
from sqlalchemy import select, text
from words import DISPUTE, NONSENSE

from core.ledger import copying, db, store
from core.ledger.schema import events, tickets

DEAD_AFTER = 2.0
PATIENCE = 600.0  # seconds for processes on a busy machine; a green run never waits that long
ANSWERS = 8  # of the desk before it holds: they end two tickets at most, and six are more than one worker takes at once
PENDING = text("SELECT count(*) FROM dbos.workflow_status WHERE status = 'PENDING' AND executor_id LIKE :who")
HOLDERS = text("SELECT executor_id, count(*) FROM dbos.workflow_status WHERE status = 'PENDING' GROUP BY 1")


def small_world(home: Path, cache: Path, database: str, *, dead_after: str = "2s") -> World:
    world = World(
        home, seed=5, cache=cache, database=database, vendors=("freshdesk",), dead_after=dead_after, workers=4
    )
    world.accounts[0].api.delay = 0.15  # so that a death finds work under way
    return world


def holds(engine, pid: int) -> int:
    """How much work a process holds."""
    with db.reading(engine) as conn:
        return int(conn.execute(PENDING, {"who": f"%:{pid}:%"}).scalar_one())


def hold(world: World, answers: int) -> tuple[threading.Event, Callable[[], None]]:
    """After so many answers the desk says nothing more until it is let go; the event: a call waits for that."""
    api, held, free, number = world.accounts[0].api, threading.Event(), threading.Event(), count()
    plan = api.plan

    def held_back(call):
        if next(number) >= answers:
            held.set()
            free.wait(30)
        return plan(call)

    def let_go() -> None:
        api.plan = plan
        free.set()

    api.plan = held_back
    return held, let_go


def kept_waiting(pid: int) -> float:
    """The seconds for which the machine let a process wait though it was ready to run (proc(5): schedstat). Of its threads
    one at a time is ready, the others wait for the interpreter's lock."""
    total = 0
    for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # a thread that has ended
            total += int(stat.read_text().split()[1])
    return total / 1e9


def a_round(world: World, engine, luck: random.Random, workers: list[int]) -> tuple[float, float]:
    """One worker dies over its work; the time until nothing is held by the dead, without what a busy machine kept one of the
    others waiting, and the time until all is settled."""
    held, let_go = hold(world, luck.randrange(ANSWERS))
    for _ in range(8):
        world.customers_write("order")
    world.vendors_deliver(drop=0.0)
    victim = luck.choice(workers)
    until(lambda: held.is_set() and holds(engine, victim) > 0, PATIENCE, every=0.02)
    waited = {one: kept_waiting(one) for one in workers if one != victim}
    died = time.monotonic()
    world.processes.kill(victim)
    let_go()
    until(lambda: holds(engine, victim) == 0, PATIENCE, every=0.05)
    taken = time.monotonic() - died
    taken -= max([0.0, *(kept_waiting(one) - before for one, before in waited.items())])
    until(lambda: world.settled(engine), PATIENCE)
    workers[workers.index(victim)] = world.processes.start("worker")
    return taken, time.monotonic() - died


def rounds(world: World, count: int) -> list[tuple[float, float]]:
    """Several deaths, one after the other."""
    world.processes.start("web")
    workers = [world.processes.start("worker", log=f"worker{n}") for n in (1, 2)]
    engine, luck = db.connect(world.database), random.Random(5)
    until(lambda: schema_is_there(engine), PATIENCE)
    until(lambda: world_is_up(world), PATIENCE)
    done = [a_round(world, engine, luck, workers) for _ in range(count)]
    engine.dispose()
    for name, values in (("taken over", [d[0] for d in done]), ("all settled", [d[1] for d in done])):
        print(f"{name}: median {statistics.median(values):.1f} s, worst {max(values):.1f} s after the death")
    return done


def schema_is_there(engine) -> bool:
    with engine.connect() as conn:
        return conn.execute(text("SELECT to_regclass('dbos.workflow_status')")).scalar() is not None


def world_is_up(world: World) -> bool:
    from harness import answers

    return answers(world.port)


def test_a_dead_workers_tickets_are_taken_over_within_the_stated_time(tmp_path, classifier_cache, database):
    with small_world(tmp_path, classifier_cache, database) as world:
        done = rounds(world, 3)
        books = reckon(world)
    assert not books.troubles, books
    assert max(taken for taken, _ in done) < DEAD_AFTER + 8, "the limit and a beat"


@pytest.mark.soak
def test_fifty_deaths_lose_nothing(tmp_path, classifier_cache, database):
    with small_world(tmp_path, classifier_cache, database) as world:
        rounds(world, 50)
        books = reckon(world)
    print(books)
    assert not books.troubles, books


def test_a_worker_that_receives_a_stop_signal_hands_over_at_once(tmp_path, classifier_cache, database):
    with small_world(tmp_path, classifier_cache, database, dead_after="10m") as world:
        world.processes.start("web")
        first = world.processes.start("worker")
        engine = db.connect(world.database)
        until(lambda: world_is_up(world), PATIENCE)
        until(lambda: schema_is_there(engine), PATIENCE)
        world.accounts[0].api.delay = 1.0
        for _ in range(6):
            world.customers_write("order")
        world.vendors_deliver(drop=0.0)
        until(lambda: holds(engine, first) > 0, PATIENCE, every=0.02)
        world.processes.start("worker", log="second")
        world.processes.kill(first, signal.SIGTERM)
        world.accounts[0].api.delay = 0.0
        seconds = until(lambda: world.settled(engine), PATIENCE)
        engine.dispose()
        books = reckon(world)
    assert seconds < 300, "far below the ten minutes after which it would count as dead"
    assert not books.troubles, books


def test_work_left_by_an_older_version_is_done_by_the_new_one(tmp_path, classifier_cache, database):
    with small_world(tmp_path, classifier_cache, database) as world:
        world.processes.start("web")
        old = world.processes.start("worker", log="old")
        engine = db.connect(world.database)
        until(lambda: world_is_up(world), PATIENCE)
        until(lambda: schema_is_there(engine), PATIENCE)
        for _ in range(12):
            world.customers_write("order")
        world.vendors_deliver(drop=0.0)
        until(lambda: holds(engine, old) > 0, PATIENCE, every=0.02)
        world.processes.kill(old)
        world.processes.changed = {"core.queue.VERSION": "2"}
        world.processes.start("worker", log="new")
        until(lambda: world.settled(engine), PATIENCE)
        engine.dispose()
        books = reckon(world)
    assert not books.troubles, books


@pytest.mark.parametrize("vendor", ["freshdesk"])
def test_moving_to_postgres_keeps_every_open_escalation_and_what_is_under_way(house, database):
    h = house()
    waiting = h.writes_in(DISPUTE)
    h.writes_in(NONSENSE, email="nora@example.com")
    h.desk.customer_writes(NONSENSE, email="late@example.com")
    before = sorted(h.rows(tickets))
    done = copying.copy(h.app.engine, copying.empty(database))
    target = db.connect(database)
    with db.reading(target) as conn:
        assert sorted(conn.execute(select(tickets))) == before
        due = {r.ticket_id: r.next_due_at for r in conn.execute(select(tickets))}
        assert {e.state for e in conn.execute(select(events))} == {"settled", "waiting"}, (
            "nothing hangs in the old engine"
        )
    target.dispose()
    assert done["bs_events"] == 3
    assert due[str(waiting.id)] == h.ticket(waiting).next_due_at
    with pytest.raises(Exception, match="already has rows"):
        copying.copy(h.app.engine, copying.empty(database))


def test_a_running_house_moves_to_postgres_by_the_documented_command(tmp_path, classifier_cache, database):
    with World(tmp_path, seed=6, cache=classifier_cache, vendors=("freshdesk", "zendesk")) as world:
        running = [world.processes.start("web"), world.processes.start("worker")]
        until(lambda: world_is_up(world), PATIENCE)
        for words in ("dispute", "nonsense", "order") * 2:
            world.customers_write(words)
        world.vendors_deliver(drop=0.0, double=0.0)
        old = db.connect(world.database)
        until(lambda: world.settled(old), PATIENCE)
        world.faults.down = True  # so that something is under way
        world.customers_write("order")
        world.vendors_deliver(drop=0.0, double=0.0)
        until(lambda: unsettled(old) > 0, PATIENCE)
        for pid in running:
            world.processes.kill(pid, signal.SIGTERM)
        waiting = open_escalations(old)
        old.dispose()

        command = [sys.executable, "-c", "from core.cli import main; main()", "migrate-store", database]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        said = subprocess.run(
            [*command, "--config", str(world.config)], env=env, capture_output=True, text=True, check=True
        )
        assert "now set database_url to" in said.stdout
        world.config.write_text(world.config.read_text().replace(world.database, database))
        world.database, world.faults.down = database, False
        world.processes.start("web", log="web2")
        world.processes.start("worker", log="worker2")
        new = db.connect(database)
        until(lambda: world_is_up(world), PATIENCE)
        assert waiting
        assert open_escalations(new).items() >= waiting.items(), "each with its next rung"
        world.customers_write("dispute")
        world.vendors_deliver(drop=0.0, double=0.0)
        until(lambda: world.settled(new), PATIENCE)
        new.dispose()
        books = reckon(world)
    assert books.tickets == 8
    assert not books.troubles, books


def unsettled(engine) -> int:
    with db.reading(engine) as conn:
        return store.unsettled(conn)


def open_escalations(engine) -> dict:
    """(desk, ticket) → when its next rung is due."""
    with db.reading(engine) as conn:
        rows = conn.execute(select(tickets).where(tickets.c.next_due_at.is_not(None)))
        return {(r.desk, r.ticket_id): r.next_due_at for r in rows}
