"""The HTTP server of every way of running: waitress, with deadlines and two lanes.

Waitress reads a request, head and body, in its one loop before a thread sees it, so a client that sends slowly holds a
socket and no thread. What it lacks is added here: a head, a body and an answer must be through by a deadline however
busily the client drips; when all sockets are taken, the one that has waited longest makes room; and webhooks have
threads of their own, so that nothing that people do on the pages delays them.
"""

from __future__ import annotations

import logging
import re
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.wasyncore import dispatcher, poll2

Wsgi = Callable[..., Iterable[bytes]]

# seconds; idle: longer than the usual proxy's, which then closes first
HEAD, BODY, ANSWER, IDLE = (10.0, 30.0, 60.0, 75.0)
CONNECTIONS, OTHER_FILES = 2000, 256  # sockets at once; descriptors that the rest of the process may need
BURST = 64  # connections accepted in one turn of the loop
# the application's own limit is lower, and it says so politely
HEAD_LIMIT, BODY_LIMIT = (32 * 1024, 2 * 1024 * 1024)
IN_MEMORY = 64 * 1024  # of a body; what is longer waits in a temporary file
DRAIN = 20.0  # seconds for what is under way when we are asked to stop
SWITCH = 0.001  # seconds a busy thread may keep the others from running: a page must not delay a webhook
PROMPT, ALIVE = re.compile(r"/hooks/[^/]+|/readyz"), "/healthz"


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, with the moment at which its present phase began."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.since, self.served = time.monotonic(), False
        super().__init__(*args, **kwargs)

    def received(self, data: bytes) -> bool:
        """Called by the loop with what has come in."""
        if self.request is None:
            self.since = time.monotonic()
        return bool(super().received(data))

    def service(self) -> None:
        """Called by a thread with a whole request."""
        super().service()
        self.since, self.served = time.monotonic(), True

    def deadline(self) -> float:
        """The moment until which we wait for this client; never while we are at work for it."""
        if self.requests:
            return float("inf")
        if self.request is not None:
            return self.since + (BODY if self.request.headers_finished else HEAD)
        if self.total_outbufs_len:
            return self.since + ANSWER
        return self.since + (IDLE if self.served else HEAD)


class Lanes:
    """Threads for webhooks, others for all the rest, and one that always says we are up, whatever the store does to the
    others. What waitress asks of a dispatcher."""

    def __init__(self, threads: int) -> None:
        self._alive, self._prompt, self._other = (ThreadedTaskDispatcher() for _ in range(3))
        self._alive.set_thread_count(1)
        self._prompt.set_thread_count(threads)
        self._other.set_thread_count(max(2, threads // 2))

    def add_task(self, channel: Channel) -> None:
        """Queue a connection whose request is complete."""
        path = getattr(channel.requests[0], "path", "")  # an unreadable request has none
        lane = self._prompt if PROMPT.fullmatch(path) else self._alive if path == ALIVE else self._other
        lane.add_task(channel)

    def shutdown(self) -> None:
        """Stop the threads; what is still queued is dropped."""
        for lane in (self._alive, self._prompt, self._other):
            lane.shutdown()


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Listens as soon as it is made. `run` serves until `stop` is called."""

    channel_class = Channel

    def __init__(self, application: Wsgi, host: str, port: int, threads: int) -> None:
        adjusted = Adjustments(
            host=host,
            port=port,
            ident=None,
            backlog=1024,
            connection_limit=_most_connections(),
            cleanup_interval=1,
            inbuf_overflow=IN_MEMORY,
            max_request_header_size=HEAD_LIMIT,
            max_request_body_size=BODY_LIMIT,
            clear_untrusted_proxy_headers=False,  # by them the console knows that a proxy stands in front
            log_socket_errors=False,
            # a thread never waits for a client that does not read: the rest goes to a file
            outbuf_high_watermark=2**30,
        )
        for name in ("waitress", "waitress.queue"):
            logging.getLogger(name).setLevel(logging.ERROR)
        sys.setswitchinterval(SWITCH)
        self._stopping, self._doomed = threading.Event(), set[Channel]()
        self._ending = threading.RLock()  # a signal handler runs in the thread of `run`
        super().__init__(application, dispatcher=Lanes(threads), adj=adjusted)

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.effective_host}]" if ":" in self.effective_host else self.effective_host
        return f"http://{host}:{self.effective_port}"

    def handle_accept(self) -> None:
        """Accept all that wait, not one a turn: a crowd must not stand in front of a webhook."""
        for _ in range(BURST):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                return
            if len(self._map) >= self.adj.connection_limit:
                self._make_room()

    def _make_room(self) -> None:
        """Doom those that have kept us waiting longest."""
        waiting = [one for one in self._channels() if not (one.requests or one in self._doomed)]
        self._doomed.update(nsmallest(BURST, waiting, key=lambda one: one.since))

    def maintenance(self, now: float) -> None:
        """Called by the loop once a second: doom what is beyond its deadline."""
        moment = time.monotonic()
        self._doomed.update(one for one in self._channels() if one.deadline() < moment)

    def _turn(self, seconds: float) -> None:
        """One turn of the loop. The doomed are closed between two turns: within one, a new connection may be given the
        number of the old one's descriptor, and its events."""
        poll2(seconds, self._map)
        while self._doomed:
            self._doomed.pop().handle_close()

    def run(self) -> None:
        """Serve until `stop`; then answer what has been read, for at most `DRAIN` seconds."""
        while not self._stopping.is_set():
            self._turn(1.0)
        dispatcher.close(self)
        until = time.monotonic() + DRAIN
        while any(one.requests for one in self._channels()) and time.monotonic() < until:
            self._turn(0.1)
        self.task_dispatcher.shutdown()
        for channel in self._channels():
            channel.handle_close()
        with self._ending:
            self.trigger.close()

    def _channels(self) -> list[Channel]:
        return list(self.active_channels.values())

    def stop(self) -> None:
        """End `run`; may be called by any thread and by a signal handler."""
        # else `run` may have closed the pipe that wakes it, and its number may be another file's
        with self._ending:
            if not self._stopping.is_set():
                self._stopping.set()
                self.pull_trigger()


def _most_connections() -> int:
    """As many as the process may have open files for; the soft limit is raised as far as we need and may."""
    wanted = CONNECTIONS + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return CONNECTIONS
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    except OSError:  # the unit's walls forbid it
        files = soft
    return max(BURST, files - OTHER_FILES)
