"""The shipped ways to start are started: over HTTP from outside, as a proxy and a help desk would see them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from core.cli import backstop

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-of-the-webhook"
STARTS = ("web", "serve")
SLOW = 60  # half-sent requests: more than there are threads
PATIENCE = 60.0  # seconds for a start on a busy machine


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def signed(body, now):
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    proof = hmac.new(SECRET.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {
        "X-Zendesk-Webhook-Signature": base64.b64encode(proof).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
        "Content-Type": "application/json",
    }


@pytest.fixture(params=STARTS)
def running(request, tmp_path):
    """A process with the configuration that `backstop init` writes; nothing but 127.0.0.1 is asked."""
    flags = [
        "--vendor",
        "zendesk",
        "--base-url",
        "http://127.0.0.1:9",
        "--public-url",
        "https://b.example.com",
    ]
    told = CliRunner().invoke(backstop, ["init", "--config", str(tmp_path / "backstop.toml"), *flags])
    assert told.exit_code == 0, told.output
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BACKSTOP_")}
    env = kept | {
        "BACKSTOP_CONFIG": str(tmp_path / "backstop.toml"),
        "BACKSTOP_DATABASE_URL": f"sqlite:///{tmp_path}/b.db",
        "BACKSTOP_WEB__PORT": str(port),
        "BACKSTOP_WEB__TOKEN": "token-of-the-test",
        "BACKSTOP_DESKS__SUPPORT__WEBHOOK_SECRET": SECRET,
        "PYTHONPATH": str(ROOT),
    }
    with (tmp_path / "log").open("w+") as log:
        command = [sys.executable, "-m", "core.cli", request.param]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            yield process, f"http://127.0.0.1:{port}", tmp_path / "log"
        finally:
            process.kill()
            process.wait()


def await_ready(process, address, log):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        with suppress(requests.RequestException):  # it listens before it has loaded, or not yet
            if requests.get(f"{address}/readyz", timeout=2).status_code == 200:
                return
        time.sleep(0.05)  # another process is awaited, not a clock of ours
    pytest.fail(log.read_text())


def await_figure(address, line):
    """Another worker may answer, and each hands over what it has counted once a second."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        figures = requests.get(
            f"{address}/metrics", headers={"Authorization": "Bearer token-of-the-test"}, timeout=5
        )
        if line in figures.text:
            return
        time.sleep(0.1)  # another process is awaited, not a clock of ours
    pytest.fail(figures.text)


def test_it_answers_keeps_strangers_out_stores_what_is_genuine_and_stops_in_order(running):
    process, address, log = running
    await_ready(process, address, log)
    assert requests.get(f"{address}/healthz", timeout=5).status_code == 200
    assert requests.post(f"{address}/hooks/support", json={"x": 1}, timeout=5).status_code == 401
    body = json.dumps({"event": "created", "ticket_id": "4711"}).encode()
    stored = requests.post(
        f"{address}/hooks/support", data=body, headers=signed(body, datetime.now(UTC)), timeout=15
    )
    assert stored.status_code == 202, (stored.text, log.read_text())
    with ExitStack() as stack:  # slow senders delay no others
        host, port = address.removeprefix("http://").split(":")
        for _ in range(SLOW):
            slow = stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
            slow.sendall(b"POST /hooks/support HTTP/1.1\r\nHost: b\r\nContent-Length: 9\r\n\r\nhalf")
        again = requests.post(
            f"{address}/hooks/support", data=body, headers=signed(body, datetime.now(UTC)), timeout=15
        )
        assert again.status_code == 202
    assert requests.get(f"{address}/metrics", timeout=5).status_code == 401
    await_figure(address, 'backstop_webhooks_total{desk="support",result="accepted"} 2.0')
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=40) == 0, log.read_text()
