"""A WSGI application on loopback in a thread, with a call log and faults on request.

Faults are those that lose tickets elsewhere: an answer that never comes although the write was applied,
a connection reset before it, a storm of 429.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

Fault = str
"""reset_before, reset_after, status_before:<code>, status_after:<code>, slow_after:<seconds>, slow:<seconds>"""


@dataclass
class Call:
    """One request that reached the fake."""

    method: str
    path: str
    query: str
    status: int = 0
    fault: Fault = ""


@dataclass
class FaultyApp:
    """Wraps a fake: logs every call and applies what `plan` answers for it ("" = no fault)."""

    app: Callable[..., Iterable[bytes]]
    plan: Callable[[Call], Fault] = lambda _call: ""
    retry_after_header: str = "Retry-After"
    calls: list[Call] = field(default_factory=list)
    delay: float = 0.0  # seconds added to each answer

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        call = Call(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
        self.calls.append(call)
        if self.delay:
            time.sleep(self.delay)
        call.fault = self.plan(call)
        kind, _, detail = call.fault.partition(":")
        if kind == "reset_before":
            return _reset(environ)
        if kind == "status_before":
            return self._status(call, int(detail), start_response)
        if kind == "slow":
            time.sleep(float(detail))

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            call.status = int(status.split(maxsplit=1)[0])
            if kind in {"reset_after", "status_after"}:
                return lambda _data: None
            return start_response(status, headers, exc_info)

        body = b"".join(self.app(environ, started))
        if kind == "reset_after":
            return _reset(environ)
        if kind == "status_after":
            return self._status(call, int(detail), start_response)
        if kind == "slow_after":
            time.sleep(float(detail))
        return [body]

    def _status(self, call: Call, status: int, start_response: Callable[..., Any]) -> Iterable[bytes]:
        call.status = status
        headers = [("Content-Type", "text/plain")]
        if status == 429:
            headers.append((self.retry_after_header, "1"))
        start_response(f"{status} Fault", headers)
        return [b"fault"]

    def count(self, *methods: str) -> int:
        """How many calls of these methods came."""
        return sum(1 for call in self.calls if call.method in methods)


def _reset(environ: dict[str, Any]) -> Iterable[bytes]:
    """Cut the connection so that the caller sees a reset, not an answer."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())  # close() alone leaves the descriptor to werkzeug's files
    return []


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing on the terminal."""

    def handle(self) -> None:
        """A reset made on purpose is no error."""
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True


@contextmanager
def serving(app: Any, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve `app` on loopback while the block runs; return the base URL."""
    server = start(app, port, host, poll=0.01)  # it is asked to end often: a block is short
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def start(app: Any, port: int = 0, host: str = "127.0.0.1", poll: float = 0.05) -> BaseWSGIServer:
    """Start serving in a daemon thread; the caller shuts the server down."""
    server = make_server(host, port, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver's threading mixin
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": poll}, daemon=True).start()
    return server
