"""The demo, as a stranger starts it: the story through each help desk's interface, every ticket accounted for."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from connectors import DESKS
from core.errors import ConfigError
from core.ledger import db, store
from core.model import TicketState
from demo import config, run, world
from demo.samples import samples

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
KINDS = {
    "answered": "auto_resolved",
    "routed": "routed",
    "general": "general_queue",
    "machine": "general_queue",
}


def started(*command: str, **environment: str) -> subprocess.Popen[str]:
    """The demo in a process of its own, as the command line starts it."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@functools.cache
def story(desk):
    """The story, played once through one vendor's interface, in whatever order the tests come: here in this process, which
    has loaded the program already; `test_the_command_prints_…` and the page's tests start the command."""
    ways = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    out = io.StringIO()
    # the demo's own secrets go into the environment of its process, which here is that of later tests, too
    with patch.dict(os.environ), contextlib.redirect_stdout(out):
        config.forget_environment()
        try:
            code = run.run(once=True, desk=desk, as_json=True)
        finally:
            for number, way in ways.items():
                signal.signal(number, way)
    assert out.getvalue()
    return code, out.getvalue()


@pytest.fixture(params=list(DESKS))
def played(request):
    """Exit code and JSON document of one vendor's story."""
    code, out = story(request.param)
    return code, json.loads(out)


def test_every_ticket_of_the_story_is_accounted_for(played):
    code, found = played
    assert code == 0, found
    assert found["accounted_for"]
    opened = sum(not one.follows for one in samples())
    assert (found["desk"], found["ledger"], found["missing"], found["stuck"]) == (opened, opened, [], [])


def test_every_message_comes_to_what_it_should(played):
    _, found = played
    by_message = {message: one for one in found["tickets"] for message in one["messages"]}
    assert len(by_message) == len(samples())
    again = {one.follows for one in samples() if one.means == "again"}
    for sample in samples():
        ticket = by_message[sample.id]
        if sample.id in again or sample.means == "again":
            assert ticket["outcome"] == "reescalated", sample.id
        elif sample.means in KINDS:
            assert (sample.id, ticket["outcome"]) == (sample.id, KINDS[sample.means])


def test_exactly_the_customers_who_wait_for_a_human_are_acknowledged(played):
    _, found = played
    by_message = {message: one for one in found["tickets"] for message in one["messages"]}
    for sample in samples():
        waits = sample.means in {"routed", "general", "again", "alone"} or sample.id == "order"
        assert (sample.id, by_message[sample.id]["acknowledged"]) == (sample.id, waits)


def test_the_ladder_climbs_until_a_human_comes(played):
    _, found = played
    told = {message: one["told"] for one in found["tickets"] for message in one["messages"]}
    assert sorted(told["twice"][:2]) == ["slack", "sms"], "an urgent ticket: text message and Slack"
    assert told["twice"].count("sms") == 2, "nobody took it: again after half an hour"
    assert told["twice"][-1] == "email", "and the manager after two hours"
    assert told["cancel"] == ["slack", "slack"], "somebody has it, and has not touched it by half the promise"
    assert sorted(told["charge"]) == ["slack", "sms"], "somebody answered it: nobody is reminded"
    assert told["password"] == [], "what was answered disturbs nobody"


def test_the_command_prints_a_line_for_each_ticket_and_the_balance():
    process = started(sys.executable, "-m", "core.cli", "demo", "--once")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    opened = sum(not one.follows for one in samples())
    assert len(re.findall(r"^│\s*\d{4}\b", out, re.MULTILINE)) == opened
    assert "could not" not in err
    assert f"{opened} tickets at the desk = {opened} in the ledger; 0 missing, 0 stuck" in out


def test_a_backstop_configured_in_this_shell_does_not_reach_into_the_demo(monkeypatch):
    monkeypatch.setenv("BACKSTOP_DESKS__SUPPORT__BASE_URL", "https://acme.zendesk.com")
    monkeypatch.setenv("BACKSTOP_DATABASE_URL", "postgresql://db.example/production")
    config.forget_environment()
    assert not [name for name in os.environ if name.startswith("BACKSTOP_")]


def test_an_interface_that_does_not_exist_is_refused_with_those_that_do(capsys):
    assert run.run(once=True, desk="jira") == 2
    assert "zendesk, freshdesk, helpscout" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said_with_the_remedy():
    from connectors.sandbox.server import serving

    with serving(lambda _environ, _start: []) as url, pytest.raises(ConfigError, match="--port 0"):
        world.checked(int(url.rpartition(":")[2]))


def judged(tmp_path, monkeypatch, *, state: str = "", quiet: bool = True, **audited):
    """A story of one ticket, which the ledger has in this state ("" = not at all)."""
    engine = db.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    db.create_all(engine)
    if state:
        with engine.begin() as conn:
            store.put_ticket(conn, (config.DESK, "1013"), NOON, state=TicketState(state))
    even = {"desk": 1, "ledger": 1, "missing": [], "healed": [], "stuck": []}
    monkeypatch.setattr("core.pipeline.audit.audit", lambda *_: even | audited)
    desk = SimpleNamespace(cases={1013: None})
    one = SimpleNamespace(
        app=SimpleNamespace(engine=engine),
        desk=desk,
        began=NOON,
        clock=lambda: NOON,
        under_way=lambda: ["1013"],
    )
    found = run.judge(one, quiet=quiet)
    engine.dispose()
    return found


def test_a_ticket_with_an_end_is_accounted_for(tmp_path, monkeypatch):
    found = judged(tmp_path, monkeypatch, state="auto_resolved")
    assert found["accounted_for"]
    assert run.sentence(found) == "1 tickets at the desk = 1 in the ledger; 0 missing, 0 stuck"


@pytest.mark.parametrize(
    ("less", "words"),
    [
        ({"state": ""}, "without an end: 1013"),
        ({"state": "received"}, "without an end: 1013"),
        ({"state": "dead_letter"}, "without an end: 1013"),
        ({"missing": ["1013"], "ledger": 0}, "1 tickets at the desk ≠ 0 in the ledger; 1 missing, 0 stuck"),
        ({"stuck": ["1013"]}, "1 stuck"),
        ({"desk": 0, "ledger": 0}, "(the story has 1)"),
        ({"quiet": False}, "still under way: 1013"),
    ],
)
def test_whatever_is_not_accounted_for_is_said(tmp_path, monkeypatch, less, words):
    found = judged(tmp_path, monkeypatch, **{"state": "auto_resolved"} | less)
    assert not found["accounted_for"]
    assert words in run.sentence(found)


def test_the_demo_stops_on_a_signal_and_leaves_nothing_behind(tmp_path):
    process = started(sys.executable, "-m", "demo", "--port", "0", "--pace", "0.01", TMPDIR=str(tmp_path))
    assert process.stdout is not None
    assert "/demo" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert list(tmp_path.iterdir()) == []
