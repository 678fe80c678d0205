"""An idle worker sleeps long, and takes up what is enqueued at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from dbos._workflow_commands import BACKGROUND_JOBS_THREAD_NAME

from core import queue, wakeup
from core.engine import worker
from core.ledger import db, store
from core.model import EventKind, TicketEvent
from tests.stores import receiver

LONG = 600.0  # seconds: a sleep that no test waits for
SOON = 20.0  # seconds within which a woken thread ends, on a busy machine too


def sleeper(stop: threading.Event, name: str = f"{wakeup.THREADS}support") -> threading.Thread:
    thread = threading.Thread(target=stop.wait, args=(LONG,), name=name, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def sleeping():
    waking, stop = wakeup.Wakeup(), threading.Event()
    waking.shorten(stop)
    return waking, stop


def test_a_queue_thread_sleeps_until_it_is_woken(sleeping):
    waking, stop = sleeping
    thread = sleeper(stop)
    thread.join(0.2)
    assert thread.is_alive()
    waking.wake()
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_queue_of_which_no_more_can_be_taken_is_not_looked_at_until_a_piece_ends(sleeping):
    waking, stop = sleeping
    waking.most = 1
    waking.working("desk-support", 1)
    full, other = sleeper(stop), sleeper(stop, f"{wakeup.THREADS}other")
    waking.wake()
    other.join(SOON)
    full.join(0.2)
    assert (full.is_alive(), other.is_alive()) == (True, False)
    waking.working("desk-support", -1)
    full.join(SOON)
    assert not full.is_alive()


def test_a_wake_up_while_the_thread_looks_at_its_queue_is_not_lost(sleeping):
    waking, stop = sleeping
    looking, looked, ended = threading.Event(), threading.Event(), []

    def loop():
        stop.wait(LONG)
        looking.set()
        looked.wait(SOON)
        ended.append(stop.wait(LONG))

    thread = threading.Thread(target=loop, name=f"{wakeup.THREADS}support", daemon=True)
    thread.start()
    waking.wake()
    assert looking.wait(SOON)
    waking.wake()
    looked.set()
    thread.join(SOON)
    assert ended == [False]


def test_the_engine_s_other_threads_keep_their_own_pace(sleeping):
    waking, stop = sleeping
    thread = sleeper(stop, "dbos-scheduler")
    waking.wake()
    thread.join(0.2)
    assert thread.is_alive()
    stop.set()
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_worker_at_work_looks_at_a_short_interval(sleeping):
    waking, stop = sleeping
    waking.working("desk-support", 1)
    thread = sleeper(stop)
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_thread_whose_queue_is_empty_sleeps_on():
    asked, full = [], threading.Event()

    def enqueued(queue):
        asked.append(queue)
        return full.is_set()

    waking, stop = wakeup.Wakeup(enqueued), threading.Event()
    waking.shorten(stop)
    waking.working("desk-support", 1)
    thread = sleeper(stop)
    waking.wake()
    thread.join(0.3)
    assert thread.is_alive()
    assert len(asked) > 1
    assert set(asked) == {"desk-support"}
    full.set()
    thread.join(SOON)
    assert not thread.is_alive()


@pytest.mark.parametrize("name", [f"{wakeup.THREADS}support", "queue-worker-_dbos_internal_queue"])
def test_a_thread_whose_interval_ends_looks_only_where_something_is_enqueued(name):
    full, ended = threading.Event(), threading.Event()
    waking, stop = wakeup.Wakeup(lambda _queue: full.is_set()), threading.Event()
    waking.shorten(stop)

    def look():
        stop.wait(0.02)
        ended.set()

    thread = threading.Thread(target=look, name=name, daemon=True)
    thread.start()
    assert not ended.wait(0.3)
    full.set()
    assert ended.wait(SOON)


def test_the_engine_looks_now_and_then_where_nothing_seems_to_be_enqueued(monkeypatch):
    monkeypatch.setattr(wakeup, "REST", 0.1)
    waking, stop = wakeup.Wakeup(lambda _queue: False), threading.Event()
    waking.shorten(stop)
    thread = sleeper(stop)
    thread.join(SOON)
    assert not thread.is_alive()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request, tmp_path):
    return f"sqlite:///{tmp_path}/b.db" if request.param == "sqlite" else request.getfixturevalue("database")


def test_an_event_that_is_stored_by_whatever_connection_wakes(ledger_url):
    engine = db.connect(ledger_url)
    db.create_all(engine)
    woken, stop = threading.Event(), threading.Event()
    waking = wakeup.Wakeup()
    waking.wake = woken.set
    thread = threading.Thread(target=wakeup.watch, args=(engine, waking, stop), daemon=True)
    thread.start()
    other = db.connect(ledger_url)
    now = datetime.now(UTC)
    try:
        for n in range(200):  # until the watcher listens
            with other.begin() as conn:
                event = TicketEvent("support", f"support:{n}:created", EventKind.CREATED, str(n), now)
                store.add_event(conn, event, "webhook", now)
                wakeup.announce(conn)
            if woken.wait(0.1):
                break
        assert woken.is_set()
    finally:
        stop.set()
        thread.join(SOON)
        engine.dispose()
        other.dispose()


def test_the_backlog_knows_what_is_enqueued_in_each_queue(ledger_url, tmp_path):
    app = receiver(ledger_url, tmp_path)
    backlog = wakeup.Backlog()
    try:
        assert backlog("desk-support")  # nobody knows: let the engine look
        queue.prepare(app)
        backlog.open(app.engine)
        assert not backlog("desk-support")
        event = TicketEvent("support", "support:1:created", EventKind.CREATED, "1", app.clock())
        queue.report(app, [event], "webhook")
        assert backlog("desk-support")
        assert not backlog("desk-other")
    finally:
        backlog.close()
        queue.close()
        app.engine.dispose()


def test_the_engine_s_thread_for_delayed_workflows_ends_and_the_others_go_on(ledger_url, tmp_path):
    app = receiver(ledger_url, tmp_path)
    worker.launch(app, timers=False)
    try:
        running = threading.enumerate()
        unused = [one for one in running if one.name == BACKGROUND_JOBS_THREAD_NAME]
        for one in unused:
            one.join(SOON)
        assert not any(one.is_alive() for one in unused)
        assert any(one.name == "wake-up" and one.is_alive() for one in running)
    finally:
        worker.stop()
        app.engine.dispose()
