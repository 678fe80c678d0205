"""Web and worker processes are killed at random moments amid all other faults: desk and ledger still agree."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from harness import Books, World, answers, reckon, traces, until
from sqlalchemy import Engine, text

from core.app import wall
from core.ledger import db

MARKER_OFF = {"core.pipeline.write.LOOK_BEFORE_REPEATING": False}
WORDS = ("umbrella", "tracking page", "credit card", "does not help me", "customer1@example.com")


@dataclass
class Plan:
    """How much of everything."""

    tickets: int
    kills: int
    work: int  # at most so many calls to the desks between two kills…
    longest: float  # …or so many seconds
    faults: float = 0.12
    storms: float = 0.05  # the chance of a storm of 429 at each kill
    outage: bool = True  # for an hour of the world's time, half-way, all desks are down
    # the lease of a killed renewer of tokens lasts a minute; a green run waits for seconds
    patience: float = 600.0


SHORT = Plan(tickets=40, kills=8, work=20, longest=2.0)
KILLS = int(os.environ.get("BACKSTOP_TEST_KILLS") or 200)
LONG = Plan(tickets=KILLS * 5 // 2, kills=KILLS, work=60, longest=6.0, patience=600.0)
WITHHELD = timedelta(seconds=2)  # a desk's list may leave out what is newer
NAMES = ("web", "worker-1", "worker-2")


class Reaper:
    """Kills a process once it is up and a random amount of work later: at random moments, however slow the machine."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world, self.plan, self.kills = world, plan, 0
        self.luck = random.Random(world.luck.random())
        self.pids = {name: world.processes.start(kind_of(name), log=name) for name in NAMES}
        self.waits_for, self.after, self.since = "", 0, time.monotonic()

    def calls(self) -> int:
        return sum(len(one.api.calls) for one in self.world.accounts)

    def look(self) -> None:
        """Kill if it is time."""
        waited = time.monotonic() - self.since
        if self.waits_for:
            if waited < 15 and not is_up(self.world, self.waits_for):
                return
            self.waits_for, self.since = "", time.monotonic()
            self.after = self.calls() + self.luck.randint(1, self.plan.work)
            return
        if self.calls() < self.after and waited < self.plan.longest:
            return
        name = self.luck.choice(NAMES)
        self.kill(name)
        self.since = time.monotonic()
        self.waits_for = name if self.luck.random() < 0.7 else ""  # now and then one dies while it starts
        self.after = self.calls() + self.luck.randint(1, self.plan.work)
        if self.luck.random() < self.plan.storms:
            self.world.faults.storm_until = time.monotonic() + 2

    def kill(self, name: str) -> None:
        """One dies, another is put in its place."""
        self.world.processes.kill(self.pids[name])
        (self.world.home / f"{name}.log").write_text("")
        self.pids[name] = self.world.processes.start(kind_of(name), log=name)
        self.kills += 1

    def weather(self) -> None:
        """Half-way all desks go down; an hour later, in the world's time, they are back."""
        done = self.kills / self.plan.kills
        self.world.faults.down = self.plan.outage and 0.5 <= done < 0.6
        if self.world.faults.down and not self.world.ahead:
            self.world.passes(timedelta(hours=1))
            for name in NAMES:
                self.kill(name)


def kind_of(name: str) -> str:
    return name.partition("-")[0]


def is_up(world: World, name: str) -> bool:
    """Whether a process has said so."""
    if kind_of(name) == "web":
        return answers(world.port)
    log = world.home / f"{name}.log"
    return log.exists() and "at work" in log.read_text(errors="replace")


def play(world: World, plan: Plan) -> Books:
    """The customers write, everything breaks, the world calms down, the books are compared."""
    begun, reaper = time.monotonic(), Reaper(world, plan)
    until(lambda: answers(world.port), 60)
    world.faults.rate = plan.faults
    app = world.app()
    while world.written < plan.tickets or reaper.kills < plan.kills:
        if world.written < plan.tickets * min(1.0, (reaper.kills + 1) / max(1, plan.kills)):
            world.customers_write()
        world.vendors_deliver()
        if reaper.kills < plan.kills:
            reaper.look()
        reaper.weather()
        time.sleep(0.05)
    world.faults.rate, world.faults.down = 0.0, False
    world.vendors_deliver(drop=0.0)
    hectic, shown = time.monotonic() - begun, world.now() + WITHHELD
    try:
        calm = f"{until(lambda: world.settled(app.engine, shown), plan.patience):.0f} s after the last fault"
    except TimeoutError:
        calm = f"NOT within {plan.patience} s"
    app.engine.dispose()
    for pid in reaper.pids.values():
        world.processes.kill(pid)
    books = reckon(world)
    tell(world, books, reaper, f"all settled {calm}, which came after {hectic:.0f} s")
    return books


def tell(world: World, books: Books, reaper: Reaper, when: str) -> None:
    """The figures."""
    faults = sum(1 for one in world.accounts for call in one.api.calls if call.fault)
    again = sum(n - 1 for n in world.sink.heard.values())
    print(f"\n{books}")
    print(f"kills {reaper.kills}; webhooks dropped {world.dropped}, doubled {world.doubled}; {when}")
    print(
        f"calls {reaper.calls()}, with a fault {faults}; notices {world.sink.heard.total()}, sent again {again}"
    )


def seed() -> int:
    """A new one each time, or BACKSTOP_TEST_SEED; printed, so that a failure can be played again."""
    chosen = int(os.environ.get("BACKSTOP_TEST_SEED") or wall().timestamp())
    print(f"BACKSTOP_TEST_SEED={chosen}")
    return chosen


def test_no_ticket_is_lost_and_nothing_said_twice_when_processes_are_killed(
    tmp_path: Path, classifier_cache: Path
):
    with World(tmp_path, seed=7_281_945, cache=classifier_cache) as world:
        books = play(world, SHORT)
        told = traces(world, WORDS)
    assert books.tickets == SHORT.tickets
    assert not books.troubles
    assert not told, "customers' words stand in the ledger only, never in the engine's tables or a log"


def test_without_the_look_up_the_same_faults_make_doubles(tmp_path: Path, classifier_cache: Path):
    with World(tmp_path, seed=11, cache=classifier_cache, vendors=("freshdesk",)) as world:
        world.processes.changed = MARKER_OFF
        world.faults.writes = ("reset_after", "status_after:502")  # done at the desk, and not known to us
        books = play(
            world, replace(SHORT, tickets=25, kills=4, work=80, longest=8.0, faults=0.3, outage=False)
        )
    assert books.double_replies or books.double_notes, "else the tests above could not fail"
    assert not books.lost


def test_a_fact_whose_workflow_failed_is_taken_up_again(tmp_path: Path, classifier_cache: Path):
    with World(tmp_path, seed=3, cache=classifier_cache, vendors=("freshdesk",)) as world:
        world.processes.start("web")
        until(lambda: answers(world.port), 60)
        world.customers_write("order")
        world.vendors_deliver(drop=0.0)
        app = world.app()
        with app.engine.begin() as conn:
            spoiled = text("UPDATE workflow_status SET status = 'ERROR' WHERE name = 'handle_event'")
            assert conn.execute(spoiled).rowcount == 1
        world.processes.start("worker")
        until(lambda: world.settled(app.engine), 60)
        app.engine.dispose()
        books = reckon(world)
    assert not books.troubles


def test_retention_reaches_the_engines_tables_from_the_command_line_too(
    tmp_path: Path, classifier_cache: Path
):
    with World(tmp_path, seed=4, cache=classifier_cache, vendors=("freshdesk",)) as world:
        running = [world.processes.start("web"), world.processes.start("worker")]
        until(lambda: answers(world.port), 60)
        world.customers_write("order")
        world.vendors_deliver(drop=0.0)
        app = world.app()
        until(lambda: world.settled(app.engine), 60)
        until(lambda: kept_by_the_engine(app.engine) > 0, 60)  # the ledger is a moment ahead of the engine
        for pid in running:
            world.processes.kill(pid)
        world.passes(timedelta(days=31))
        world.processes.start("prune")
        until(lambda: kept_by_the_engine(app.engine) == 0, 60)
        app.engine.dispose()


def kept_by_the_engine(engine: Engine) -> int:
    with db.reading(engine) as conn:
        ended = text("SELECT count(*) FROM workflow_status WHERE status = 'SUCCESS'")
        return int(conn.execute(ended).scalar_one())


@pytest.mark.soak
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_five_hundred_tickets_and_two_hundred_kills(
    store: str, tmp_path: Path, classifier_cache: Path, request: pytest.FixtureRequest
):
    database = request.getfixturevalue("database") if store == "postgres" else ""
    with World(tmp_path, seed=seed(), cache=classifier_cache, database=database) as world:
        books = play(world, LONG)
        told = traces(world, WORDS)
    assert books.tickets == LONG.tickets
    assert not books.troubles
    assert not told
