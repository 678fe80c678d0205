"""A store that takes no writes: people are notified directly, without the ledger."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from core.errors import BackstopError, said_of
from core.model import Notification, OutboundMessage, Priority
from core.notifications import routing
from core.notifications.routing import Place

if TYPE_CHECKING:
    from core.app import App

log = logging.getLogger(__name__)

AGAIN = timedelta(hours=1)  # each process repeats itself so often while the trouble lasts
SUBJECT = "Backstop cannot store anything"

# when people were last notified about this store
_last: WeakKeyDictionary[Engine, datetime] = WeakKeyDictionary()
_lock = threading.Lock()


def tell(app: App, why: str, now: datetime) -> threading.Thread | None:
    """Notify our own people, in a thread, that the store takes no writes; return None if that happened within the hour."""
    with _lock:
        last = _last.get(app.engine)
        if last is not None and now - last < AGAIN:
            return None
        _last[app.engine] = now
    told = threading.Thread(target=_tell, args=(app, why, now), name="unstored", daemon=True)
    told.start()
    return told


def _tell(app: App, why: str, now: datetime) -> None:
    text = (
        f"{SUBJECT}: {why}. Webhooks are refused with 503, so the help desks try again; the sweep finds the rest. "
        "Is the disk full, or the database down?"
    )
    for places in _ways(app, now):
        if [place for place in places if _sent(app, place, text, now)]:
            return
    log.error("an alarm could not be sent to anyone: %s", text)


def _ways(app: App, now: datetime) -> Iterator[Sequence[Place]]:
    """Return the destinations of alarms; then, until a person is reached, all others."""
    routes = routing.of(app)
    found: Sequence[Place] = routes.places(
        Notification("unstored", routing.ALARM, Priority.URGENT, "alarm", {}), now
    )
    tried: set[str] = set()
    while found:
        yield found
        tried |= {place.channel for place in found}
        found = routes.fallback(routing.ALARM, Priority.URGENT, tried, False, now)


def _sent(app: App, place: Place, text: str, now: datetime) -> bool:
    key = f"unstored:{place.channel}:{place.address}:{now:%Y-%m-%dT%H}"
    to = tuple(place.address.split(",")) if place.address else ()
    try:
        app.channels[place.channel].send(OutboundMessage(key, to, SUBJECT, text, Priority.URGENT), now)
    except (BackstopError, KeyError) as err:
        log.warning("%s could not be used for an alarm: %s", place.channel, said_of(err))
        return False
    return True
