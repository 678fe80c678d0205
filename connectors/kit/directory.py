"""What an account lists (groups, agents, fields): asked for once and kept for a while, and found by name or id."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from core.errors import Gone, NotAllowed, Refused, TryLater
from core.model import Identity

log = logging.getLogger(__name__)
T = TypeVar("T")
KEPT = timedelta(minutes=15)
KEPT_ADDRESSES = timedelta(hours=1)
AFRESH = timedelta(-1)  # an age that nothing kept is younger than


class Lists:
    """Answers by name, shared by the threads of a process."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, Any]] = {}
        self._lock = threading.RLock()

    def get(self, name: str, ask: Callable[[], T], oldest: timedelta = KEPT) -> T:
        """Return what is kept under a name; what is older than `oldest` is asked for again."""
        with self._lock:
            kept = self._kept.get(name)
        if kept is None or self._clock() - kept[0] > oldest:
            kept = (self._clock(), ask())
            with self._lock:
                self._kept[name] = kept
        found: T = kept[1]
        return found

    def last(self, name: str, default: T) -> T:
        """Return what is kept under a name, however old it is."""
        with self._lock:
            found: T = self._kept.get(name, (None, default))[1]
        return found


def addresses_in(lists: Lists, ask: Callable[[], Mapping[str, Iterable[str]]]) -> frozenset[str]:
    """Return the addresses among the names of an account's mailboxes, kept for an hour; none where it has no such list or our
    role may not see it. While the account does not answer, what it listed last counts: no ticket waits for this list."""

    def listed() -> frozenset[str]:
        try:
            found = if_allowed(ask)
        except (Gone, Refused):
            found = None
        return frozenset(one.strip() for names in (found or {}).values() for one in names if "@" in one)

    try:
        return lists.get("addresses", listed, KEPT_ADDRESSES)
    except TryLater as err:
        known = lists.last("addresses", frozenset[str]())
        log.warning(
            "the account's own addresses could not be listed (%s): the %d known ones are used",
            err,
            len(known),
        )
        return known


def id_in(names: Mapping[str, str], wanted: str) -> str:
    """Return an id given by itself or by its name in any case; "" when there is none."""
    wanted = wanted.strip()
    if wanted in names:
        return wanted
    return next((one for one, name in names.items() if name.casefold() == wanted.casefold()), "")


def found_in(
    listed: Callable[[timedelta], Mapping[str, str]],
    what: str,
    vendor: str,
    wanted: str,
    again: timedelta = AFRESH,
) -> str:
    """Return an id given by itself or by its name in any case; for an unknown one the list is read again when it is older
    than `again`. Raises Refused, which names what there is."""
    for oldest in (KEPT, again):
        known = listed(oldest)
        if found := id_in(known, wanted):
            return found
    raise unknown(what, vendor, wanted, known.values())


def person_in(people: Callable[[timedelta], Mapping[str, Identity]], wanted: str, oldest: timedelta) -> str:
    """Return a person's id given by itself or by e-mail address; an unknown one has the list read again; "" for nobody."""
    wanted = wanted.strip()
    if wanted.isdigit():
        return wanted
    for age in (oldest, AFRESH):
        for one in people(age).values():
            if one.email.casefold() == wanted.casefold():
                return one.id
    return ""


def unknown(what: str, vendor: str, wanted: str, known: Iterable[str]) -> Refused:
    """Return the error for a name that the account does not have."""
    there = ", ".join(sorted(known)) or "none that we may see"
    return Refused(f'there is no {what} "{wanted}" at {vendor}; known: {there}', status=400)


def if_allowed(ask: Callable[[], T]) -> T | None:
    """Return what is asked for, None where our role may not see it. Raises NotAllowed for a dead credential."""
    try:
        return ask()
    except NotAllowed as err:
        if err.status == 401:
            raise
        return None
