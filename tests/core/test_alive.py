"""The file by which a container knows that its worker lives."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from core.engine import worker
from tests.core.command import Shell


class Turns:
    """Lets the heartbeat beat so often, and then stops it."""

    def __init__(self, number: int) -> None:
        self.left = number

    def wait(self, _seconds: float) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("store", ["answers", "is down"])
def test_each_heartbeat_renews_the_file_whatever_the_store_does(tmp_path, monkeypatch, store):
    def beat(*_):
        if store == "is down":
            raise RuntimeError("no store")

    monkeypatch.setattr(worker.recovery, "beat", beat)
    monkeypatch.setattr(worker.recovery, "take_over", lambda *_: 0)
    monkeypatch.setattr(worker.queue, "client", lambda _: None)
    limits = SimpleNamespace(dead_after=timedelta(seconds=30))
    app = SimpleNamespace(
        settings=SimpleNamespace(limits=limits), clock=lambda: datetime(2026, 11, 24, tzinfo=UTC)
    )
    file = tmp_path / "alive"
    file.touch()
    os.utime(file, (0, 0))
    monkeypatch.setattr(worker, "_stop", Turns(0))
    worker._keep_beating(app, file)
    assert file.stat().st_mtime == 0
    monkeypatch.setattr(worker, "_stop", Turns(1))
    worker._keep_beating(app, file)
    assert file.stat().st_mtime > 0


def test_a_file_that_cannot_be_written_is_said_before_the_worker_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("core.wiring.with_classifier", lambda _: None)
    told = Shell(tmp_path).run("worker", "--alive", str(tmp_path / "nowhere/alive"))
    assert told.exit_code == 2
    assert "--alive" in told.output
    assert "No such file" in told.output
