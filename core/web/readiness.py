"""Whether webhooks can be stored: the store answers, its schema is ours, and a row can be written."""

from __future__ import annotations

import threading
import time
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from core.app import App
from core.ledger import db
from core.notifications import unstored

KEPT = 1.0  # seconds: the door is open to all, and each look writes
# about what a webhook's own rows and the engine's take, so that little space is not taken for enough
ROOM = "x" * 16_384


class Readiness:
    """Looks at most once a second, by one thread; the others are given what it saw last."""

    def __init__(self, app: App) -> None:
        self._app, self._lock = app, threading.Lock()
        self._at, self._seen = float("-inf"), ""

    def trouble(self) -> str:
        """Why nothing can be stored, "" when all is well. People are told of a store that takes nothing."""
        if time.monotonic() - self._at > KEPT and self._lock.acquire(blocking=False):
            try:
                self._seen = self._look(self._app.clock())
                self._at = time.monotonic()
            finally:
                self._lock.release()
        return self._seen

    def _look(self, now: datetime) -> str:
        try:
            if not db.schema_is_current(self._app.engine):
                return "the schema is not current: start a process of this version once, it migrates"
            _write(self._app.engine, now)
        except SQLAlchemyError as err:
            why = f"the store does not answer or cannot be written ({type(err).__name__})"
            unstored.tell(self._app, why, now)
            return why
        return ""


def _write(engine: Engine, now: datetime) -> None:
    with engine.begin() as connection:
        db.keep(connection, "writable", {"at": now.isoformat(), "room": ROOM})
