"""Real time that can be moved ahead, shared by the help desk, its fake and Backstop."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Call it for the time; `later` moves it ahead for everybody who asks."""

    def __init__(self) -> None:
        self._ahead, self._lock = timedelta(0), threading.Lock()

    def __call__(self) -> datetime:
        """Now, aware UTC."""
        return datetime.now(UTC) + self._ahead

    def later(self, minutes: float) -> datetime:
        """Move ahead; return the new time."""
        with self._lock:
            self._ahead += timedelta(minutes=minutes)
        return self()
