"""Who has taken which tickets, in bulk.

Freshdesk has no call for many ids, and its search is minutes behind and ends at 300 hits. A few tickets are asked one
by one. For many, what was found out is kept, and the list of changes says which of them must be judged again: a claim
always changes the ticket.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.freshdesk.api import PER_PAGE, Api, rows
from connectors.freshdesk.directory import Directory
from connectors.freshdesk.reading import in_order, place_ids, status_of, tags_of
from connectors.freshdesk.sweep import OVERLAP
from connectors.kit.places import Placing
from connectors.kit.values import Row, iso, stamp
from core.errors import Gone
from core.model import OVER, Claim

FEW = 10
MOST_PAGES = 100
Known = tuple[tuple[str, ...], Claim]  # what the ticket looked like, and what that meant
# within this time after the ticket, one answer and our tag mean our acknowledgment
SOON = timedelta(minutes=15)
OLDEST = "2015-01-01T00:00:00Z"


def judged(
    row: Row, conversations: Iterable[Row], directory: Directory, places: Placing = lambda _: {}
) -> Claim:
    """Return the claim that a ticket with its conversations shows. Our own acknowledgment is no answer."""
    ticket_id = str(row.get("id", ""))
    requester = str(row.get("requester_id") or "")
    said = (one for one in in_order(conversations) if _human_answer(one, requester, directory))
    answer = next(said, None)
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
        places=places(place_ids(row)),
        by_id=by if via == "assignee" else "",
    )


def _human_answer(row: Row, requester: str, directory: Directory) -> bool:
    """Return whether an agent wrote it; an agent's mail may be marked as incoming."""
    user = str(row.get("user_id") or "")
    by_agent = not row.get("incoming") or (user != requester and user in directory.agents())
    return bool(user) and by_agent and not row.get("private") and directory.human(user)


def trace(row: Row) -> tuple[str, ...]:
    """Return what differs between two looks at a ticket whenever somebody may have claimed it."""
    stats = row.get("stats") if isinstance(row.get("stats"), dict) else {}
    seen = [row.get("updated_at"), row.get("status"), row.get("responder_id")]
    return tuple(str(one) for one in [*seen, (stats or {}).get("agent_responded_at")])


def surely_ours(row: Row, acknowledged: str) -> bool:
    """Return whether nobody of the company has spoken, or only we: one answer, soon after the customer, and our tag."""
    stats = row.get("stats")
    if not isinstance(stats, dict):
        return False
    first, last = stamp(stats.get("first_responded_at")), stamp(stats.get("agent_responded_at"))
    created = stamp(row.get("created_at"))
    if last is None:
        return True
    soon = created is not None and last - created <= SOON
    return first == last and soon and acknowledged in tags_of(row)


@dataclass
class Watch:
    """What this process knows of the tickets that wait."""

    api: Api
    directory: Directory
    read: Callable[[str], tuple[Row, list[Row]]]  # a ticket and all its conversations
    acknowledged: str  # the tag of tickets that were acknowledged
    places: Placing = lambda _: {}
    _known: dict[str, Known] = field(default_factory=dict)
    _high: datetime | None = None  # the newest change that is certain to be in `_known`
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def claims(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the state of claim of each ticket that the desk still shows; those in the trash count as closed."""
        wanted = list(dict.fromkeys(ticket_ids))
        if len(wanted) <= FEW:
            return {one: known[1] for one in wanted if (known := self._ask(one))}
        with self._lock:
            return self._of_many(wanted)

    def _of_many(self, wanted: list[str]) -> dict[str, Claim]:
        self._known = {one: known for one, known in self._known.items() if one in set(wanted)}
        self._judge_changed()
        self._judge_listed({one for one in wanted if one not in self._known})
        for one in wanted:
            if one not in self._known:
                self._keep(one, self._ask(one))
        return {one: self._known[one][1] for one in wanted if one in self._known}

    def _keep(self, ticket_id: str, known: Known | None) -> None:
        if known:
            self._known[ticket_id] = known
        else:
            self._known.pop(ticket_id, None)

    def _ask(self, ticket_id: str) -> Known | None:
        """Return the ticket; None when it is archived, purged, or never existed."""
        try:
            row, conversations = self.read(ticket_id)
        except Gone:
            return None
        return trace(row), judged(row, conversations, self.directory, self.places)

    def _from_list(self, row: Row) -> None:
        """Most lines answer by themselves; where a human may have spoken, the ticket is read."""
        over = status_of(row, None) in OVER
        if over or surely_ours(row, self.acknowledged):
            self._known[str(row["id"])] = trace(row), judged(row, (), self.directory, self.places)
        else:
            self._keep(str(row["id"]), self._ask(str(row["id"])))

    def _judge_changed(self) -> None:
        if self._high is None or not self._known:
            return
        since = iso(self._high - OVERLAP)
        for lines in ({"include": "stats"}, {"filter": "spam"}, {"filter": "deleted"}):
            for page in self.api.pages("/tickets", updated_since=since, order_by="updated_at", **lines):
                for row in page:
                    self._judge_again(row, gone="filter" in lines)

    def _judge_again(self, row: Row, *, gone: bool) -> None:
        one = str(row.get("id"))
        if not gone:
            self._seen(row)
        if one not in self._known:
            return
        if gone:
            self._known[one] = trace(row), Claim(one, closed=True)
        elif trace(row) != self._known[one][0]:
            self._from_list(row)

    def _seen(self, row: Row) -> None:
        at = stamp(row.get("updated_at"))
        if at and (self._high is None or at > self._high):
            self._high = at

    def _judge_listed(self, unknown: set[str]) -> None:
        """The lines of many unknown tickets, newest change first, until all are found or it stops paying off."""
        if len(unknown) <= FEW:
            return
        listing = {
            "updated_since": OLDEST,
            "order_by": "updated_at",
            "order_type": "desc",
            "include": "stats",
        }
        left = set(unknown)
        for number in range(1, min(MOST_PAGES, 1 + len(unknown) // 4) + 1):
            page = rows(self.api.get("/tickets", per_page=PER_PAGE, page=number, **listing))
            for row in page:
                self._seen(row)
                if str(row.get("id")) in left:
                    left.discard(str(row["id"]))
                    self._from_list(row)
            if len(page) < PER_PAGE or not left:
                break
