"""A desk that hangs, or whose token a dead process was renewing, delays no other desk."""

from __future__ import annotations

import os
import subprocess
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from words import DISPUTE

from core import queue
from core.apart import Apart
from core.engine import maintenance, recovery, worker
from core.errors import TryLater
from core.ledger import db
from core.ledger.schema import executors, tickets, tokens
from core.ledger.tokens import StoredTokens
from core.pipeline import reminders
from tests.stores import BOTH_STORES

LONG = 20.0  # seconds that a red run waits
HOST = os.uname().nodename
pytestmark = [pytest.mark.parametrize("vendor", ["helpscout"]), BOTH_STORES]


@pytest.fixture
def let_go():
    """What hangs in a test goes on after it."""
    event = threading.Event()
    yield event
    event.set()


class Hanging:
    """A desk that answers nothing before it is let go."""

    def __init__(self, let_go: threading.Event) -> None:
        self.let_go = let_go

    def unclaimed(self, _ids):
        self.let_go.wait(LONG)
        return {}


def second_desk(h, name: str, desk) -> None:
    """Another desk entry, looked at first."""
    h.app.desks = {name: desk, **h.app.desks}
    h.app.rules[name] = h.app.rules["support"]
    h.app.desk_settings[name] = h.app.desk_settings["support"]


def test_a_desk_whose_pass_hangs_keeps_no_other_from_being_swept(house, monkeypatch, let_go):
    h, swept = house(), threading.Semaphore(0)

    def sweep(_app, name, _now):
        if name == "slow":
            let_go.wait(LONG)
        else:
            swept.release()
        return {"desk": name, "seen": 0, "found": 0, "trouble": ""}

    beats = []
    monkeypatch.setattr(worker.sweeping, "sweep", sweep)
    monkeypatch.setattr(worker.sweeping, "beat", beats.append)
    h.app.desks = {"slow": None, **h.app.desks}
    first = threading.Thread(target=worker.sweep_now, args=(h.app,), daemon=True)
    first.start()
    assert swept.acquire(timeout=5), "the other desk's turn did not come"
    assert [one["desk"] for one in worker.sweep_now(h.app)] == ["support"], "the slow one is still at it"
    assert beats == [], "not every desk was looked at"
    let_go.set()
    first.join(LONG)
    assert [one["desk"] for one in worker.sweep_now(h.app)] == ["slow", "support"]
    assert len(beats) == 2, "the first pass too came to a good end"


def test_a_desk_that_hangs_delays_no_page_of_another(house, monkeypatch, let_go):
    monkeypatch.setattr(reminders, "PATIENCE", 0.2, raising=False)
    h = house()
    case = h.writes_in(DISPUTE)
    told = len(h.told())
    second_desk(h, "slow", Hanging(let_go))
    with h.app.engine.begin() as conn:
        row = dict(conn.execute(select(tickets)).one()._mapping)
        conn.execute(tickets.insert().values(row | {"desk": "slow", "ticket_id": "77"}))
    h.now += timedelta(hours=1)
    passing = threading.Thread(target=reminders.remind, args=(h.app, h.now), daemon=True)
    passing.start()
    passing.join(LONG / 2)
    assert not passing.is_alive(), "the pass waits for the desk that hangs"
    assert len(h.told()) >= told + 2, "both tickets are told: nobody knows whether the slow desk's was taken"
    assert h.ticket(case).rung > 0


def test_the_nightly_work_goes_on_when_a_desk_does_not_answer(house, monkeypatch):
    h = house()
    h.writes_in(DISPUTE)

    def audit(app, name, *times):
        if name == "away":
            raise TryLater("no answer from the desk")
        return {"missing": [], "stuck": []}

    pruned = []
    monkeypatch.setattr(maintenance.audit, "audit", audit)
    monkeypatch.setattr(maintenance, "prune", lambda *_: pruned.append(1))
    second_desk(h, "away", None)
    assert list(maintenance.daily(h.app)) == ["support"]
    assert pruned


def test_what_fails_in_a_thread_is_raised_where_it_was_asked_for(house):
    def work(name: str) -> None:
        raise OSError(name)

    apart = Apart()
    with pytest.raises(OSError, match="a"):
        apart("sweep", ["a"], work)
    assert apart("sweep", ["a"], len) == {"a": 1}, "it is free again"


# --- tokens ---------------------------------------------------------------------------------


def test_a_desk_for_which_no_thread_could_be_started_is_swept_by_the_next_pass(house, monkeypatch):
    house()
    apart, start = Apart(), threading.Thread.start

    def exhausted(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", exhausted)
    with pytest.raises(RuntimeError, match="new thread"):
        apart("sweep", ["support"], str)
    monkeypatch.setattr(threading.Thread, "start", start)
    assert apart("sweep", ["support"], str) == {"support": "support"}


def test_nobody_waits_long_for_another_ones_renewal(house):
    h = house()
    slept: list[float] = []
    one, two = (StoredTokens(h.app.engine, h.app.clock, slept.append) for _ in range(2))
    with (
        one.lock("support"),
        pytest.raises(TryLater, match=r"renewing the token of support.*try again"),
        two.lock("support"),
    ):
        pass
    assert 1 <= sum(slept) <= 5
    with two.lock("support"):
        assert len(slept) < 30, "it is free at once"


def gone_process() -> int:
    """The id of a process that has ended."""
    one = subprocess.Popen(["true"])
    one.wait()
    return one.pid


def leased_to(h, holder: str) -> None:
    with h.app.engine.begin() as conn:
        db.put(
            conn,
            tokens,
            ["desk"],
            {"desk": "support", "leased_by": holder, "leased_until": h.now + timedelta(minutes=1)},
        )


def holders(h) -> list[str]:
    with db.reading(h.app.engine) as conn:
        return list(conn.execute(select(tokens.c.leased_by)).scalars())


def test_what_a_dead_worker_was_renewing_is_free_when_its_work_is_taken_over(house):
    h = house()
    queue.prepare(h.app)
    long_ago = recovery._database_now(h.app.engine.connect()) - timedelta(hours=1)
    with h.app.engine.begin() as conn:
        conn.execute(executors.insert().values(id="far:41:abc", beat_at=long_ago, version="1"))
    leased_to(h, "far:41:def")
    recovery.take_over(h.app, queue.client(h.app), "here:1:x")
    assert holders(h) == [""]


def test_what_a_living_process_renews_stays_its_own(house):
    h = house()
    queue.prepare(h.app)
    for holder in (f"{HOST}:{os.getpid()}:ab", "far:4:ab", "4711-ab"):
        leased_to(h, holder)
        recovery.take_over(h.app, queue.client(h.app), "here:1:x")
        assert holders(h) == [holder]


def test_on_one_machine_a_receiver_that_has_ended_leaves_no_lease(house):
    """On Postgres another machine may bear the same name: there its lease ends by itself."""
    h = house()
    queue.prepare(h.app)
    ended = f"{HOST}:{gone_process()}:ab"
    leased_to(h, ended)
    recovery.take_over(h.app, queue.client(h.app), "here:1:x")
    assert holders(h) == ([""] if h.app.engine.dialect.name == "sqlite" else [ended])
