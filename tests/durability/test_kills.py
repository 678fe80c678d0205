"""Web and worker processes are killed at random moments while everything else goes wrong, too: the books still balance."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import Books, World, answers, reckon, until

from core.wiring import wall

MARKER_OFF = {"core.writing.LOOK_BEFORE_REPEATING": False}


@dataclass
class Plan:
    """How much of everything."""

    tickets: int
    kills: int
    pause: tuple[float, float]  # seconds between two kills
    faults: float = 0.12
    storms: float = 0.05  # the chance of a storm of 429 at each kill
    patience: float = 60.0


SHORT = Plan(tickets=40, kills=8, pause=(0.8, 2.0))
LONG = Plan(tickets=500, kills=200, pause=(0.8, 3.2), patience=400.0)


def play(world: World, plan: Plan) -> Books:
    """The customers write, everything breaks, the world calms down, the books are compared."""
    luck, begun = random.Random(world.luck.random()), time.monotonic()
    pids = {name: world.nursery.start(name.partition("-")[0]) for name in ("web", "worker-1", "worker-2")}
    until(lambda: answers(world.port), 60)
    world.faults.rate = plan.faults
    app = world.app()
    kills, next_kill = 0, time.monotonic() + 1
    while world.written < plan.tickets or kills < plan.kills:
        if world.written < plan.tickets * min(1.0, (kills + 1) / max(1, plan.kills)):
            world.customers_write()
        world.vendors_deliver()
        if time.monotonic() >= next_kill and kills < plan.kills:
            name = luck.choice(list(pids))
            world.nursery.kill(pids[name])
            pids[name] = world.nursery.start(name.partition("-")[0])
            kills, next_kill = kills + 1, time.monotonic() + luck.uniform(*plan.pause)
            if luck.random() < plan.storms:
                world.faults.storm_until = time.monotonic() + 2
        time.sleep(0.05)
    world.faults.rate = 0.0
    world.vendors_deliver(drop=0.0)
    try:
        calm = until(lambda: world.settled(app.engine), plan.patience)
    except TimeoutError:
        calm = -1.0
    app.engine.dispose()
    for pid in pids.values():
        world.nursery.kill(pid)
    books = reckon(world)
    calls = sum(len(one.api.calls) for one in world.accounts)
    faults = sum(1 for one in world.accounts for call in one.api.calls if call.fault)
    print(f"\n{books}; kills {kills}, webhooks dropped {world.dropped}, doubled {world.doubled}")
    print(
        f"calls {calls}, with a fault {faults}; notices {world.sink.heard.total()}, sent again "
        f"{sum(n - 1 for n in world.sink.heard.values())}; all settled {calm:.0f} s after the last fault; "
        f"{time.monotonic() - begun:.0f} s in all"
    )
    return books


def seed() -> int:
    """A new one each time, or BACKSTOP_TEST_SEED; printed, so that a failure can be played again."""
    chosen = int(os.environ.get("BACKSTOP_TEST_SEED") or wall().timestamp())
    print(f"BACKSTOP_TEST_SEED={chosen}")
    return chosen


def test_no_ticket_is_lost_and_nothing_said_twice_when_processes_are_killed(
    tmp_path: Path, model_cache: Path
):
    with World(tmp_path, seed=7_281_945, cache=model_cache) as world:
        books = play(world, SHORT)
    assert books.tickets == SHORT.tickets
    assert not books.troubles


@pytest.mark.soak
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_five_hundred_tickets_and_two_hundred_kills(
    store: str, tmp_path: Path, model_cache: Path, request: pytest.FixtureRequest
):
    database = request.getfixturevalue("database") if store == "postgres" else ""
    with World(tmp_path, seed=seed(), cache=model_cache, database=database) as world:
        books = play(world, LONG)
    assert books.tickets == LONG.tickets
    assert not books.troubles
