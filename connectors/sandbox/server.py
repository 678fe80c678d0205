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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import TCPServer
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

HOURS = 36_000.0  # seconds between two looks at whether to end

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
        """Return how many calls of these methods came."""
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
    server = make_server(host, port, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver's threading mixin
    with running(server):
        yield f"http://{host}:{server.server_port}"


@contextmanager
def running(server: TCPServer) -> Iterator[None]:
    """Let a server work in a thread while the block runs. It does not look again and again whether it should end: it waits
    for calls, and the last one wakes it."""
    working = threading.Thread(target=server.serve_forever, args=(HOURS,), daemon=True)
    working.start()
    try:
        yield
    finally:
        ending = threading.Thread(target=server.shutdown, daemon=True)
        ending.start()
        while ending.is_alive():
            with suppress(OSError), socket.create_connection(server.socket.getsockname(), timeout=1):
                ending.join(0.01)
        working.join()
        server.server_close()
