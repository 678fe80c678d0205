"""Messages returned later by providers that do not call us: such channels are read once a minute.

Beside the ladder, not in its way: who is slow to answer is not waited for.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from core.app import App
from core.errors import said_of
from core.model import Notification, Priority
from core.notifications import delivery, routing
from core.ports import PolledChannel

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
PROMPT = 2.0  # seconds that a pass waits for the answer
LOUD = timedelta(hours=1)  # unreadable for so long, people are alarmed


@dataclass
class _Look:
    """The result of one channel's poll."""

    at: datetime
    work: threading.Thread
    failing_since: datetime | None = None


_looks: WeakKeyDictionary[PolledChannel, _Look] = WeakKeyDictionary()


def collect(app: App, now: datetime) -> None:
    """Poll each channel that is due; a returned message counts as failed, and another channel is tried."""
    for ref, channel in app.channels.items():
        if isinstance(channel, PolledChannel):
            _ask(app, ref, channel, now)


def _ask(app: App, ref: str, channel: PolledChannel, now: datetime) -> None:
    last = _looks.get(channel)
    if last is not None and (last.work.is_alive() or now - last.at < EVERY):
        return
    work = threading.Thread(target=_hear, args=(app, ref, channel, now), name="returns", daemon=True)
    _looks[channel] = _Look(now, work, last.failing_since if last else None)
    work.start()
    work.join(PROMPT)


def _hear(app: App, ref: str, channel: PolledChannel, now: datetime) -> None:
    look = _looks[channel]
    try:
        told = channel.returned(now)
        look.failing_since = None
        for one in told:
            delivery.heard_of(app, ref, one.key, one.provider_id, one.state, one.detail, now)
    except Exception as err:  # whatever it is, the ladder goes on; but it must not stay unseen
        log.warning("%s: returned messages could not be read: %s", ref, said_of(err))
        look.failing_since = look.failing_since or now
        if now - look.failing_since >= LOUD:
            _say_aloud(app, ref, said_of(err), now)


def _say_aloud(app: App, ref: str, why: str, now: datetime) -> None:
    """Once a day."""
    facts = {"headline": f"{ref}: what comes back cannot be read", "text": why[:300]}
    told = Notification(f"alarm:{ref}:returns:{now:%Y-%m-%d}", routing.ALARM, Priority.NORMAL, "alarm", facts)
    with app.engine.begin() as conn:
        delivery.enqueue(conn, [told], routes=routing.of(app), now=now)
