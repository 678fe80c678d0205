"""Help Scout's API as the connector uses it: one call each, HAL lists by page number, writes in step."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests

from connectors.kit.http import DeskSession, json_of, stay_home
from connectors.kit.values import Row, row, rows
from core.errors import Gone, Moved, TryLater

ROOT = "/v2"
HOME = "base_url must be https://api.helpscout.net, or a proxy of it"
BURST_WINDOW = 5.0  # seconds in which Help Scout takes at most twelve writes
MOST_PAGES = 400


def embedded(answer: Any, name: str) -> list[Row]:
    """`_embedded.<name>`, which is left out when it would be empty."""
    return rows(row(row(answer).get("_embedded")).get(name))


@dataclass
class Burst:
    """At most `most` writes in five seconds, by this process; 0 = no limit of ours."""

    most: int = 12
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _sent: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before(self) -> None:
        """Wait until one more write is allowed. Raises TryLater when that takes longer than the window."""
        if not self.most:
            return
        with self._lock:
            now = self.clock()
            while self._sent and self._sent[0] <= now - BURST_WINDOW:
                self._sent.popleft()
            full = len(self._sent) >= self.most
            place = max(now, self._sent[-self.most] + BURST_WINDOW) if full else now
            if place > now + BURST_WINDOW:
                raise TryLater("more writes wait than Help Scout takes", wait=timedelta(seconds=BURST_WINDOW))
            self._sent.append(place)
        if place > now:
            self.sleep(place - now)


class Api:
    """One account behind one session."""

    def __init__(self, session: DeskSession, burst: Burst | None = None) -> None:
        self.session, self.burst = session, burst or Burst()

    def conversation(self, ticket_id: str, *, threads: bool = True) -> Row:
        """Return one conversation with its threads. Raises Moved (301) for a merged one, Gone (404) for a deleted one; only this
        call distinguishes them."""
        response = self._read(f"/conversations/{ticket_id}", {"embed": "threads"} if threads else {})
        if 300 <= response.status_code < 400:
            raise moved(ticket_id, response)
        return row(json_of(response, HOME))

    def threads(self, ticket_id: str) -> Iterator[Row]:
        """All threads, newest first."""
        return self.all(f"/conversations/{ticket_id}/threads", "threads")

    def get(self, path: str, **params: Any) -> Any:
        """Return the answer's JSON."""
        return json_of(self._read(path, params), HOME)

    def page(self, path: str, number: int, **params: Any) -> Row:
        """Return one page of a list: by number, all parameters sent again, since `next` links have lost them."""
        return row(self.get(path, **params, page=number))

    def all(self, path: str, name: str, **params: Any) -> Iterator[Row]:
        """The objects of all pages of a list."""
        for number in range(1, MOST_PAGES):
            answer = self.page(path, number, **params)
            yield from embedded(answer, name)
            if last_page(answer, number):
                return

    def write(self, method: str, path: str, body: Any) -> str:
        """Make one write; return the id of what it made, "" where it made nothing. Counts twice in Help Scout's limit."""
        self.burst.before()
        self.session.pace.before()  # once more: a fixed budget of ours counts units too
        response = self.session.request(method, ROOT + path, json=body)
        stay_home(response, HOME)
        made = response.headers.get("resource-id") or response.headers.get("location", "")
        return made.rstrip("/").rsplit("/", 1)[-1]

    def _read(self, path: str, params: Mapping[str, Any]) -> requests.Response:
        return self.session.request(
            "GET", ROOT + path, params=dict(params), headers={"Accept": "application/json"}
        )


def last_page(answer: Row, number: int) -> bool:
    """Return whether no page follows."""
    total = row(answer.get("page")).get("totalPages")
    return not isinstance(total, int) or number >= total


def moved(ticket_id: str, response: requests.Response) -> Moved | Gone:
    """Return Moved with the new id from `Location`; Gone when it points at itself."""
    found = re.search(r"/conversations/(\d+)", response.headers.get("location", ""))
    target = found[1] if found else ""
    if target == ticket_id:
        return Gone(f"conversation {ticket_id} points at itself", status=response.status_code)
    return Moved(
        f"conversation {ticket_id} was merged into {target or 'another one'}",
        target=target,
        status=response.status_code,
    )
