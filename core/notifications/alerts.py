"""Alarms: notify our own people about a fault of Backstop or of a system that it depends on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zlib import crc32

from core.model import Notification, Priority
from core.notifications import delivery, routing

if TYPE_CHECKING:
    from core.app import App


def alarm_daily(app: App, kind: str, desk: str, what: str, now: datetime) -> None:
    """Queue an alarm once a day for the same words."""
    alarm(app, f"{kind}:{crc32(what.encode()):08x}:{now:%Y-%m-%d}", desk, "", what, now)


def alarm(app: App, key: str, desk: str, ticket_id: str, what: str, now: datetime) -> None:
    """Queue an alarm to our own people, once per key."""
    notice = Notification(
        key=f"alarm:{key}",
        audience=routing.ALARM,
        priority=Priority.HIGH,
        template="alarm",
        facts={"what": what, "reason": what},
        desk=desk,
        ticket_id=ticket_id,
    )
    with app.engine.begin() as conn:
        delivery.enqueue(conn, [notice], routes=routing.of(app), now=now)
