"""The HTTP server against clients that send slowly, read nothing, or are many: webhooks are answered all the same."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests
from flask import Flask, request

from core.web import server as served
from core.web.server import Server

HEAD = b"POST /hooks/support HTTP/1.1\r\nHost: localhost\r\n"
HALF_BODY = HEAD + b"Content-Length: 500\r\n\r\n" + b"{" * 40
SOON = 0.4  # a deadline in the tests, in seconds
PATIENCE = 20.0


class Pages:
    """A webhook that is answered at once, and a page that takes as long as we like."""

    def __init__(self) -> None:
        self.go, self.busy = threading.Event(), threading.Semaphore(0)
        self.flask = Flask("pages")
        self.flask.add_url_rule("/hooks/<desk>", view_func=self.hook, methods=["POST"])
        self.flask.add_url_rule("/slow", view_func=self.slow)
        self.flask.add_url_rule("/large", "large", view_func=lambda: "x" * 20_000_000)
        self.flask.add_url_rule("/headers", "headers", view_func=lambda: dict(request.headers))

    def hook(self, desk: str) -> tuple[str, int]:
        return str(len(request.get_data())), 202

    def slow(self) -> str:
        self.busy.release()
        assert self.go.wait(PATIENCE)
        return "at last"


@pytest.fixture
def pages() -> Pages:
    return Pages()


@contextmanager
def running(pages: Pages, threads: int = 4) -> Iterator[Server]:
    server = Server(pages.flask, "127.0.0.1", 0, threads)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        pages.go.set()
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def server(pages: Pages) -> Iterator[Server]:
    with running(pages) as one:
        yield one


def connected(server: Server, sent: bytes = b"") -> socket.socket:
    one = socket.create_connection(("127.0.0.1", int(server.effective_port)), timeout=PATIENCE)
    one.sendall(sent)
    return one


def hook(server: Server) -> requests.Response:
    return requests.post(f"{server.url}/hooks/support", data=b"{}", timeout=PATIENCE)


def closed_within(one: socket.socket, seconds: float, drip: bytes = b"") -> bool:
    """Whether the other side closes, though we send `drip` again and again."""
    until = time.monotonic() + seconds
    one.settimeout(0.05)
    while time.monotonic() < until:
        try:
            if drip:
                one.send(drip)
            if one.recv(1000) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`soon("HEAD")`: that deadline is near."""
    return lambda name: monkeypatch.setattr(served, name, SOON)


def test_a_stop_wakes_the_server_before_the_server_closes_what_wakes_it(pages, monkeypatch):
    server = Server(pages.flask, "127.0.0.1", 0, 4)
    serving = threading.Thread(target=server.run, daemon=True)
    wake = server.pull_trigger

    def late() -> None:
        serving.start()  # it sees at once that it is to stop
        serving.join(0.3)
        wake()

    monkeypatch.setattr(server, "pull_trigger", late)
    server.stop()
    serving.join(PATIENCE)
    assert not serving.is_alive()


@pytest.mark.parametrize("drip", [b"", b"a"])
@pytest.mark.parametrize(
    ("deadline", "sent"),
    [
        ("HEAD", b""),
        ("HEAD", HEAD + b"X-Slow: "),
        ("BODY", HALF_BODY),
        ("BODY", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\n"),
    ],
)
def test_head_and_body_have_a_deadline_that_no_dripping_extends(server, soon, deadline, sent, drip):
    soon(deadline)
    with connected(server, sent) as one:
        assert closed_within(one, 5, drip if sent else b"")


def test_a_body_within_its_deadline_is_read_whole(server):
    with connected(server, HALF_BODY) as one:
        for _ in range(46):
            one.sendall(b"{" * 10)
        assert b" 202 " in one.recv(1000).split(b"\r\n")[0]


def test_an_idle_connection_is_closed_in_the_end_and_not_before(server, soon):
    soon("HEAD")
    with connected(server) as one:
        one.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        assert one.recv(1000)
        assert not closed_within(one, 4 * SOON)
    soon("IDLE")
    with connected(server) as one:
        one.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        assert one.recv(1000)
        assert closed_within(one, 5)


def test_who_reads_no_answer_is_closed_and_holds_no_thread(server, soon):
    soon("ANSWER")
    with ExitStack() as stack:
        for _ in range(6):  # more than there are threads
            one = stack.enter_context(connected(server))
            one.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert hook(server).status_code == 202
        assert requests.get(f"{server.url}/headers", timeout=PATIENCE).status_code == 200
        until = time.monotonic() + PATIENCE
        while len(server.active_channels) > 1 and time.monotonic() < until:
            time.sleep(0.05)  # the server's own loop is awaited
        assert len(server.active_channels) <= 1


def test_a_thousand_slow_clients_hold_up_no_webhook(server):
    with ExitStack() as stack:
        for number in range(1000):
            stack.enter_context(connected(server, HALF_BODY if number % 2 else HEAD))
        for _ in range(5):
            assert hook(server).status_code == 202


def test_when_all_places_are_taken_the_one_that_waits_longest_makes_room(pages, monkeypatch):
    monkeypatch.setattr(served, "CONNECTIONS", 40)
    monkeypatch.setattr(served, "BURST", 8)
    with running(pages) as server, ExitStack() as stack:
        slow = [stack.enter_context(connected(server, HALF_BODY)) for _ in range(120)]
        for _ in range(3):
            assert hook(server).status_code == 202
        assert closed_within(slow[0], 5)
        assert len(server.active_channels) <= 48
        assert not closed_within(slow[-1], 0.2)


def test_pages_that_take_all_their_threads_leave_those_of_the_webhooks(pages, server):
    waiting = [threading.Thread(target=requests.get, args=(f"{server.url}/slow",)) for _ in range(10)]
    for one in waiting:
        one.start()
    for _ in range(2):  # all threads that pages have
        assert pages.busy.acquire(timeout=PATIENCE)
    for _ in range(5):
        assert hook(server).status_code == 202
    pages.go.set()
    for one in waiting:
        one.join(PATIENCE)


def test_what_is_under_way_is_answered_before_it_stops(pages):
    found = []
    with running(pages) as server:
        asking = threading.Thread(
            target=lambda: found.append(requests.get(f"{server.url}/slow", timeout=PATIENCE).text)
        )
        asking.start()
        assert pages.busy.acquire(timeout=PATIENCE)
        server.stop()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:  # the listener closes at once
            try:
                connected(server).close()
            except OSError:
                break
            time.sleep(0.02)
        pages.go.set()
        asking.join(PATIENCE)
    assert found == ["at last"]


def test_what_a_proxy_says_of_itself_reaches_the_application(server):
    sent = {"X-Forwarded-For": "192.0.2.7", "Forwarded": "for=192.0.2.7", "X-Forwarded-Proto": "https"}
    heard = requests.get(f"{server.url}/headers", headers=sent, timeout=PATIENCE)
    assert sent.items() <= heard.json().items()
    assert "Server" not in heard.headers


@pytest.mark.parametrize(
    "head", [b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", b"A" * 40_000]
)
def test_what_is_no_request_is_refused(server, head):
    with connected(server, head) as one:
        one.settimeout(PATIENCE)
        assert b" 4" in one.recv(1000).split(b"\r\n")[0]
