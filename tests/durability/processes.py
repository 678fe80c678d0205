"""Starts Backstop's own processes quickly: everything is imported once, each process is a fork that runs the command line.

Its one argument is the folder of fitted classifiers that all its processes share. Reads one JSON object a line,
`{"args": […], "log": path, "ahead": seconds, "set": {"core.pipeline.write.LOOK_BEFORE_REPEATING": false}}` (`"run"`: another function
than the command line), and prints the new process's id, which is also its group's: a kill reaches its children, too.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import DESKS
from tests import fitted

PR_SET_PDEATHSIG = 1
PRELOADED = (
    "core.cli",
    "core.commands.receive",
    "core.commands.run",
    "core.wiring",
    "core.engine.worker",
    "core.pipeline.handle",
    "core.engine.maintenance",
    "webhook_app",
    *(f"{folder}.vendor" for folder in DESKS.values()),
    "core.classify.cache",
    "core.classify.linear",
    "core.classify.kernel",
    "core.web",
    "connectors.channels.webhook",
    "core.web.server",
    "alembic.command",
    "core.ledger.copying",
    "scipy.optimize",
    "scipy.sparse",
    "demo.run",
    "core.telemetry.gauges",
)


def main(classifiers: str) -> None:
    """Serve orders until standard input ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    with fitted.once(Path(classifiers)):
        _warm(classifiers)
        _serve()


def _warm(classifiers: str) -> None:
    """Make what each process would make at its start and for its first ticket: calendars, patterns, the classifiers."""
    from core.classify.build import classifier_of
    from core.hours import Hours
    from core.language import LANGUAGES
    from core.mail import machine
    from core.promise_text import say
    from core.settings import Settings

    noon = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    for language in LANGUAGES:
        say(noon + timedelta(days=1), noon, Hours.make(), language)
    machine.evidence("Hello", "Where is my order?", "ann@example.com")
    own = Settings(path=Path("backstop.toml"), classifier={"cache": classifiers})
    classifier_of(own).predict("Where is my order?")


def _serve() -> None:
    """Fork a process for each line of standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children are reaped by the kernel
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        print(pid, flush=True)


def _become(order: dict[str, Any]) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # no process outlives an aborted test
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    if order["ahead"]:
        _move_clock(timedelta(seconds=order["ahead"]))
    for place, value in order.get("set", {}).items():
        module, _, name = place.rpartition(".")
        setattr(importlib.import_module(module), name, value)
    module, _, name = order.get("run", "core.cli.main").rpartition(".")
    command = getattr(importlib.import_module(module), name)
    sys.argv = ["backstop", *order["args"]]
    try:
        command()
    except SystemExit as end:
        os._exit(int(end.code or 0))
    os._exit(0)


def _move_clock(ahead: timedelta) -> None:
    """The program's one source of time runs ahead; the engine's own clock does not."""
    from core import wiring
    from core.app import wall
    from core.engine import recovery

    def later():
        return wall() + ahead

    recovery.wall = later
    assert wiring.compose.__kwdefaults__ is not None
    wiring.compose.__kwdefaults__["clock"] = later


if __name__ == "__main__":
    main(*sys.argv[1:])
