"""Who has taken which tickets, in bulk.

Freshdesk has no call for many ids, and its search is minutes behind and ends at 300 hits. A few tickets are asked one
by one. For many, what was found out is kept, and the list of changes says which of them must be judged again: a claim
always changes the ticket.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.freshdesk.api import PER_PAGE, Api, Directory, Row, iso, rows, stamp
from connectors.freshdesk.reading import in_order, status_of
from connectors.freshdesk.sweep import OVERLAP
from core.errors import Gone
from core.model import Claim, Status

FEW = 10
MOST_PAGES = 100
OVER = frozenset({Status.SOLVED, Status.CLOSED, Status.DELETED, Status.SPAM})
OLDEST = "2015-01-01T00:00:00Z"


def judged(row: Row, conversations: Iterable[Row], directory: Directory) -> Claim:
    """The claim that a ticket with its conversations shows. Our own acknowledgment is no answer."""
    ticket_id = str(row.get("id", ""))
    answer = next((one for one in in_order(conversations) if _human_answer(one, directory)), None)
    answered_at = stamp(answer.get("created_at")) if answer else None
    holder = str(row.get("responder_id") or "")
    if holder and directory.human(holder):
        by, via, at = holder, "assignee", answered_at or stamp(row.get("updated_at"))
    elif answer:
        by, via, at = str(answer["user_id"]), "reply", answered_at
    else:
        by, via, at = "", "", None
    who = directory.agent(by) if by else None
    return Claim(
        ticket_id,
        by=(who.name or by) if who else "",
        by_email=who.email if who else "",
        via=via,
        at=at,
        answered=answer is not None,
        answered_at=answered_at,
        closed=status_of(row, None) in OVER,
    )


def _human_answer(row: Row, directory: Directory) -> bool:
    user = str(row.get("user_id") or "")
    outgoing = not row.get("incoming") and not row.get("private")
    return bool(user) and outgoing and directory.human(user)


@dataclass
class Watch:
    """What this process knows of the tickets that wait."""

    api: Api
    directory: Directory
    read: Callable[[str], tuple[Row, list[Row]]]  # a ticket and all its conversations
    _known: dict[str, Claim] = field(default_factory=dict)
    _high: datetime | None = None  # the newest change that is surely in `_known`
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def claims(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """The state of claim of each ticket that the desk still shows; deleted ones count as closed."""
        wanted = list(dict.fromkeys(ticket_ids))
        if len(wanted) <= FEW:
            return {one: self._ask(one) for one in wanted}
        with self._lock:
            return self._of_many(wanted)

    def _of_many(self, wanted: list[str]) -> dict[str, Claim]:
        self._known = {one: claim for one, claim in self._known.items() if one in set(wanted)}
        self._forget_changed()
        listed = self._list_of({one for one in wanted if one not in self._known})
        for one in wanted:
            if one not in self._known:
                self._known[one] = self._from_list(listed[one]) if one in listed else self._ask(one)
        return {one: self._known[one] for one in wanted}

    def _ask(self, ticket_id: str) -> Claim:
        try:
            row, conversations = self.read(ticket_id)
        except Gone:
            return Claim(ticket_id, closed=True)
        return judged(row, conversations, self.directory)

    def _from_list(self, row: Row) -> Claim:
        """Most lines answer by themselves: nobody from the company has spoken, or a human holds it, or it is over."""
        stats: Any = row.get("stats")
        quiet = not (isinstance(stats, dict) and stats.get("agent_responded_at"))
        if quiet or status_of(row, None) in OVER:
            return judged(row, (), self.directory)
        return self._ask(str(row["id"]))  # somebody spoke: a human, or only we

    def _forget_changed(self) -> None:
        if self._high is None or not self._known:
            return
        since = iso(self._high - OVERLAP)
        for extra in ({}, {"filter": "spam"}, {"filter": "deleted"}):
            for page in self.api.pages("/tickets", updated_since=since, order_by="updated_at", **extra):
                for row in page:
                    self._known.pop(str(row.get("id")), None)
                    if not extra:
                        self._seen(row)

    def _seen(self, row: Row) -> None:
        at = stamp(row.get("updated_at"))
        if at and (self._high is None or at > self._high):
            self._high = at

    def _list_of(self, unknown: set[str]) -> dict[str, Row]:
        """The lines of many unknown tickets, newest change first, until all are found or it stops paying off."""
        found: dict[str, Row] = {}
        if len(unknown) <= FEW:
            return found
        for number in range(1, min(MOST_PAGES, 1 + len(unknown) // 4) + 1):
            page = rows(
                self.api.get(
                    "/tickets",
                    updated_since=OLDEST,
                    order_by="updated_at",
                    order_type="desc",
                    include="stats",
                    per_page=PER_PAGE,
                    page=number,
                )
            )
            for row in page:
                self._seen(row)
                if str(row.get("id")) in unknown:
                    found[str(row["id"])] = row
            if len(page) < PER_PAGE or len(found) == len(unknown):
                break
        return found
