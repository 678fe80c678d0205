"""The shifts in a duty calendar (iCalendar), taken out of it by a process of its own.

A calendar is somebody else's file. One rule in it can mean more shifts than there are seconds until the year 9999, and
neither parser counts. So the file is read apart, with a limit of time and memory; what comes back is a short list.
"""

from __future__ import annotations

import json
import os
import re
import subprocess  # nosec B404
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

SECONDS, WALL = 5, 20  # for one calendar: of computing, and by the clock on the wall
MEMORY = 1 << 30  # bytes
MOST = 5_000  # shifts in the window
BEHIND, AHEAD = timedelta(days=2), timedelta(days=35)  # the window around now
TOO_MUCH = (
    "it takes more time or memory to read than a calendar may: publish one with shifts of an hour and more"
)
_TOO_OFTEN = re.compile(
    r"^(?:RRULE|EXRULE)[^\r\n]{0,200}?FREQ=(SECONDLY|MINUTELY)", re.IGNORECASE | re.MULTILINE
)
_ROOT = Path(__file__).parents[2]
_PASSED_ON = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT", "LANG", "HOME")  # no secrets of ours


@dataclass(frozen=True)
class Shift:
    """One time of duty, with the words that say whose."""

    begin: datetime
    end: datetime
    title: str
    invited: frozenset[str] = frozenset()  # addresses, lower case


def shifts(text: str, now: datetime, zone: tzinfo) -> tuple[Shift, ...]:
    """Return the shifts around now; whole days and times without a zone are the office's. Raises ValueError."""
    if found := _TOO_OFTEN.search(text):
        raise ValueError(f"a rule in it repeats {found[1].lower()}: use shifts of an hour or more")
    begin, end = ((now + span).astimezone(UTC).isoformat() for span in (-BEHIND, AHEAD))
    try:
        done = subprocess.run(  # noqa: S603  # nosec B603  # our own module, no shell
            [sys.executable, "-m", __name__, begin, end, str(SECONDS)],
            input=text.encode("utf-8", "replace"),
            capture_output=True,
            timeout=WALL,
            cwd=_ROOT,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise ValueError(TOO_MUCH) from err
    if done.returncode == _REFUSED:
        raise ValueError(done.stderr.decode("utf-8", "replace").strip()[:200])
    if done.returncode:
        raise ValueError(TOO_MUCH)
    return tuple(_shift(one, zone) for one in json.loads(done.stdout))


_REFUSED = 3  # the exit code for a calendar that says itself what is wrong with it


def _shift(told: Sequence[Any], zone: tzinfo) -> Shift:
    begin, end, title, invited = told
    return Shift(_time(begin, zone), _time(end, zone), title, frozenset(invited))


def _time(words: str, zone: tzinfo) -> datetime:
    at = datetime.fromisoformat(words)
    return at if at.tzinfo else at.replace(tzinfo=zone)


# --- in the process of its own --------------------------------------------------------------


def main(begin: str, end: str, seconds: str) -> int:
    """Read a calendar from standard input and print its shifts between two times as JSON."""
    _bounded(int(seconds))
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        found = _found(text, datetime.fromisoformat(begin), datetime.fromisoformat(end))
    except MemoryError:
        return 1
    except Exception as err:  # parsers of other people's files promise nothing
        sys.stderr.write(f"it cannot be read ({type(err).__name__})")
        return _REFUSED
    sys.stdout.write(json.dumps(found))
    return 0


def _bounded(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows; the parent's clock holds there, too
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _found(text: str, begin: datetime, end: datetime) -> list[list[Any]]:
    import icalendar
    import recurring_ical_events

    calendar = icalendar.Calendar.from_ical(text)
    events = recurring_ical_events.of(calendar).between(begin, end)
    if len(events) > MOST:
        raise ValueError(f"it holds more than {MOST} shifts in five weeks")
    return [[_said(one["DTSTART"].dt), _said(one["DTEND"].dt), _title(one), _invited(one)] for one in events]


def _said(at: date | datetime) -> str:
    """Return a time in UTC; a day, and a time without a zone, as they are: the office's."""
    zoned = isinstance(at, datetime) and at.tzinfo is not None
    return at.astimezone(UTC).isoformat() if isinstance(at, datetime) and zoned else at.isoformat()


def _title(event: Any) -> str:
    return str(event.get("SUMMARY", ""))[:500]


def _invited(event: Any) -> list[str]:
    given = event.get("ATTENDEE") or []
    listed = given if isinstance(given, list) else [given]
    return sorted({str(one).lower().removeprefix("mailto:")[:320] for one in listed[:200]})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
