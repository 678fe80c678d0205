"""The disk fills up under a running Backstop: nothing is accepted that is not stored, and people are notified."""

from __future__ import annotations

import threading
import time

import pytest
import requests
from words import ORDER

from core.web import readiness
from core.web.server import Server
from tests.stores import KINDS, full
from webhook_app import create_app

PATIENCE = 20.0
MIB = 1024 * 1024


@pytest.fixture
def vendor():
    return "freshdesk"


@pytest.fixture(params=KINDS)
def store_kind(request):
    return request.param


def send(h, number=77):
    headers = {"X-Backstop-Token": h.app.desk_settings["support"].secrets()[0]}
    return requests.post(
        f"{h.receiver}/hooks/support",
        json={"event": "created", "ticket_id": str(number)},
        headers=headers,
        timeout=10,
    )


def test_a_full_disk_is_said_to_the_vendor_to_the_probe_and_to_people_and_passes(house, monkeypatch):
    monkeypatch.setattr(readiness, "KEPT", -1.0)
    h = house()
    case = h.writes_in(ORDER)
    with full(h.app.engine):
        numbers = iter(range(5000, 5100))
        while (refused := send(h, next(numbers))).status_code == 202:
            continue  # the last pages that are there take some
        for one in (refused, send(h, next(numbers))):
            assert (one.status_code, one.headers["Retry-After"]) == (503, "30")
        probe = requests.get(f"{h.receiver}/readyz", timeout=10)
        assert (probe.status_code, "cannot be written" in probe.json()["reason"]) == (503, True)
        assert requests.get(f"{h.receiver}/healthz", timeout=10).status_code == 200
        until = time.monotonic() + PATIENCE
        while not h.urgent.sent and time.monotonic() < until:
            time.sleep(0.02)  # another thread notifies
        assert [one.subject for one in h.urgent.sent] == ["Backstop cannot store anything"]
    assert requests.get(f"{h.receiver}/readyz", timeout=10).status_code == 200
    assert send(h).status_code == 202
    assert h.ticket(case).state == "auto_resolved"


def test_a_body_over_the_limit_is_refused_however_it_is_sent(house):
    h = house()
    server = Server(create_app(h.app, console=False), "127.0.0.1", 0, 2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        for body in (
            b"x" * (MIB + 1),
            (b"x" * 65_536 for _ in range(17)),
            (b"x" * 65_536 for _ in range(64)),
        ):
            try:
                answer = requests.post(f"{server.url}/hooks/support", data=body, timeout=10)
            except requests.ConnectionError:
                pytest.fail("refused without an answer")
            assert answer.status_code == 413
        assert requests.post(f"{server.url}/hooks/support", data=iter([b"{}"]), timeout=10).status_code == 401
    finally:
        server.stop()
        thread.join(PATIENCE)
