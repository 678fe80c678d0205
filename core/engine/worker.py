"""The only file that knows the durable engine: events become workflows named by the event, timers tick once over all.

A workflow here has no inner steps: what a step's checkpoint would remember, the ledger's claim → call → done rows
remember already, and they can be asked. What waits (an outage, a rate limit) ends its workflow and leaves a due time.
"""

from __future__ import annotations

import importlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from dbos import DBOS
from dbos._serialization import DBOSPortableJSONSerializer
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core import queue, wakeup
from core.app import App
from core.config import reload
from core.engine import dequeue, recovery
from core.engine.maintenance import daily as upkeep
from core.engine.maintenance import warn_of_removed_desks
from core.engine.maintenance import weekly as send_report
from core.errors import said_of
from core.language import language_of
from core.ledger import db
from core.ledger.states import EventState
from core.notifications import unstored
from core.pipeline import reminders
from core.pipeline import sweep as sweeping
from core.pipeline.handle import Dealt, deal, give_up
from core.telemetry import traces
from core.telemetry.correlation import correlated

log = structlog.get_logger(__name__)

NAME = "backstop"
MINUTE = 60
TICK = 5  # seconds between two looks at what is due
UNSTORED = timedelta(seconds=30)  # after this time without a heartbeat an alarm is sent without the ledger
BEAT = 5.0  # seconds: how soon work that was handed over is taken up
BEATS = 6  # within the time after which a worker counts as dead
# else two threads half-import one
LAZY = ("inscriptis", "lxml.html")
PAUSE = 2.0  # seconds between two tries while the store does not answer

_app: App | None = None
_ticking = threading.Lock()
_stop = threading.Event()
_threads: list[threading.Thread] = []
_me = ""
_backlog = wakeup.Backlog()
_wakeup = wakeup.Wakeup(_backlog)


# --- the worker side ------------------------------------------------------------------------


@DBOS.workflow(name="handle_event")
def handle_event(key: str) -> str:
    """Process one reported event to its end or to its next due time."""
    app = _running()
    with (
        _at_work(queue.queue_of(key.partition(":")[0])),
        correlated(key),
        traces.span("handle", kind="consumer", story=key),
    ):
        dealt = _patiently(lambda: _dealt(app, key), lambda err: Dealt(give_up(app, key, said_of(err))))
        if dealt.state == EventState.SETTLED and dealt.where is not None:
            reminders.remind_of(app, *dealt.where, app.clock(), dealt.row)
    return dealt.state


def _dealt(app: App, key: str) -> Dealt:
    reload.take_up(app)
    return deal(app, key)


@contextmanager
def _at_work(of: str) -> Iterator[None]:
    _wakeup.working(of, 1)
    try:
        yield
    finally:
        _wakeup.working(of, -1)


def _patiently(work: Callable[[], Dealt], give_up: Callable[[Exception], Dealt]) -> Dealt:
    """While the store does not answer nothing can be remembered, not even that it failed: again, until it does.
    What the store refuses though it answers, it refuses for ever."""
    while True:
        try:
            return work()
        except db.UNSTORABLE as err:
            return give_up(err)
        except DBAPIError as err:
            log.warning("the store does not answer", error=type(err).__name__)
            if _stop.wait(PAUSE):
                raise


@DBOS.workflow(name="tick")
def tick(at: datetime, context: Any) -> None:
    """What is due: waiting events, rungs of the ladder, messages to people."""
    app = _running()
    if not _ticking.acquire(blocking=False):
        return  # the firing before is still at it
    try:
        recovery.mend(app, queue.client(app), queue.VERSION)
        queue.pump(app, app.clock())
        reminders.remind(app, app.clock())
    finally:
        _ticking.release()


@DBOS.workflow(name="sweep_all")
def sweep_all(at: datetime, context: Any) -> None:
    """Every desk compared with the ledger."""
    sweep_now(_running())


@DBOS.workflow(name="daily")
def daily(at: datetime, context: Any) -> None:
    """Balance line, retention, own state."""
    upkeep(_running())


@DBOS.workflow(name="weekly")
def weekly(at: datetime, context: Any) -> None:
    """The weekly report to the people who want it."""
    send_report(_running())


def sweep_now(app: App, desk: str | None = None) -> list[dict[str, Any]]:
    """One reconciliation pass over one desk or all, each by itself; a desk that is still at the pass before is left out.
    Pings the dead-man's switch when every desk was swept without trouble."""
    names = [desk] if desk else list(app.desks)
    found = app.apart("sweep", names, lambda name: _swept(app, name))
    if len(found) == len(names) and not any(one["trouble"] for one in found.values()):
        sweeping.beat(app.settings.sweep.heartbeat_url)
    return list(found.values())


def _swept(app: App, name: str) -> dict[str, Any]:
    """Sweep one desk. An unexpected error must not keep the other desks from being swept."""
    try:
        with traces.span("sweep", desk=name):
            return sweeping.sweep(app, name, app.clock())
    except SQLAlchemyError:  # the store fails for all desks alike
        raise
    except Exception as err:
        log.exception("unhandled exception while sweeping %s", name)
        return {"desk": name, "seen": 0, "found": 0, "trouble": f"unexpected error: {said_of(err)}"}


def remind_now(app: App) -> int:
    """Send the reminders and messages that are due now."""
    queue.pump(app, app.clock())
    return reminders.remind(app, app.clock())


def _running() -> App:
    if _app is None:
        raise RuntimeError("the worker is not launched")
    return _app


def launch(app: App, *, timers: bool = True, alive: Path | None = None) -> None:
    """Start the engine in this process: queues, timers, heartbeat, takeover of the dead. `alive`: see `_keep_beating`."""
    global _app, _me
    queue.prepare(app)
    warn_of_removed_desks(app, app.clock())
    for name in LAZY:
        importlib.import_module(name)
    language_of("so that the first ticket does not wait for the model to load")
    _app, _me = app, f"{os.uname().nodename}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    instance = DBOS(
        config={
            "name": NAME,
            "system_database_url": db.normal_url(app.settings.database_url),
            "application_version": queue.VERSION,
            "executor_id": _me,
            "serializer": DBOSPortableJSONSerializer(),
            "db_engine_kwargs": db.engine_options(app.settings.database_url),
            "log_level": "ERROR",
            "use_listen_notify": False,
            "scheduler_polling_interval_sec": 30.0,
        }
    )
    recovery.beat(app, _me, queue.VERSION)  # the row exists before we may claim anything
    DBOS.launch()
    instance._background_jobs_stop_event.set()  # it looks for delayed and timed-out workflows: there are none here
    _backlog.open(app.engine)
    _wakeup.most = app.settings.limits.workers
    for event in instance.background_thread_stop_events:
        _wakeup.shorten(event)
    for desk in app.desks:
        DBOS.register_queue(
            queue.queue_of(desk),
            worker_concurrency=app.settings.limits.workers,
            partition_concurrency=1,
            polling_interval_sec=wakeup.IDLE,
            on_conflict="always_update",
        )
    dequeue.patch(instance._sys_db)
    if timers:
        _schedule(app)
    _stop.clear()
    for name, target, args in (
        ("heartbeat", _keep_beating, (app, alive)),
        ("wake-up", wakeup.watch, (app.engine, _wakeup, _stop)),
    ):
        thread = threading.Thread(target=target, args=args, name=name, daemon=True)
        thread.start()
        _threads.append(thread)


def _schedule(app: App) -> None:
    every = max(5, int(app.settings.sweep.every.total_seconds()))
    minutes = max(1, every // MINUTE)
    sweep = f"*/{every} * * * * *" if every < MINUTE else f"0 */{min(minutes, 59)} * * * *"
    DBOS.apply_schedules(
        [
            {
                "schedule_name": "tick",
                "workflow_fn": tick,
                "schedule": f"*/{TICK} * * * * *",
                "context": None,
            },
            {"schedule_name": "sweep", "workflow_fn": sweep_all, "schedule": sweep, "context": None},
            {"schedule_name": "daily", "workflow_fn": daily, "schedule": "0 20 3 * * *", "context": None},
            {"schedule_name": "weekly", "workflow_fn": weekly, "schedule": "0 0 7 * * 1", "context": None},
        ]
    )


def stop() -> None:
    """Stop cleanly: what is under way ends, and others may take over at once."""
    global _app  # noqa: PLW0603
    _stop.set()
    for thread in _threads:
        thread.join(timeout=5)
    _threads.clear()
    if _app is not None:
        DBOS.destroy(workflow_completion_timeout_sec=5)
        _backlog.close()
        recovery.leave(_app, _me)  # only now: what has ended by itself needs no taker
        _app = None
    queue.close()


def _keep_beating(app: App, alive: Path | None) -> None:
    """Write the heartbeat, and with each beat look for executors whose heartbeat stopped. `alive`: a file whose time is
    renewed while this goes on, whether the store answers or not: a restart would not mend the store."""
    beat = min(BEAT, app.settings.limits.dead_after.total_seconds() / BEATS)
    failing_since: datetime | None = None
    while not _stop.wait(beat):
        try:
            recovery.beat(app, _me, queue.VERSION)
            recovery.take_over(app, queue.client(app), _me)
        except Exception as err:  # a store error must not end the heartbeat
            log.warning("heartbeat failed", error=said_of(err))
            failing_since = failing_since or app.clock()
            if app.clock() - failing_since >= UNSTORED and isinstance(err, DBAPIError):
                unstored.tell(app, f"the worker cannot write ({type(err).__name__})", app.clock())
        else:
            failing_since = None
        if alive is not None:
            alive.touch()
