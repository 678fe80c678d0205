"""Who has taken which conversations, in bulk.

A few are asked one by one, which is always true. Of many, what was found out is kept: the list of changes says which
must be judged again, and each is asked again after an hour, since deleted and merged ones vanish from all lists.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.helpscout.api import Api, embedded
from connectors.helpscout.directory import full_name
from connectors.helpscout.reading import Known, assignee_of, holder_of, place_ids, status_of, threads_of
from connectors.helpscout.sweep import ALL, OVERLAP, newest, onward, read_page
from connectors.helpscout.threads import by_person, human_answer, in_order, kind_of
from connectors.kit.values import Row, iso, row, stamp, text
from core.errors import Gone, Moved, TryLater
from core.model import OVER, Claim

FEW = 5
AT_ONCE = 25  # conversations on a page
MOST_SINGLE = 50  # asked one by one in one pass, when the index does not show them
KEPT = timedelta(hours=1)


def judged(raw: Row, threads: Sequence[Row], known: Known) -> Claim:
    """Return the claim that a conversation shows. A team's, a robot's or a workflow's hand is none, our own words
    neither."""
    ticket_id = text(raw.get("id"))
    answer = next((one for one in in_order(threads) if human_answer(one, known.bot, known.robot)), None)
    answered_at = stamp(answer.get("createdAt")) if answer else None
    holder = assignee_of(raw, threads, known)
    author = row(answer.get("createdBy")) if answer else {}
    if holder is not None and holder.human:
        by, email, via, by_id = holder.name or holder.id, holder.email, "assignee", holder.id
        at = answered_at or _assigned_at(threads, holder.id) or stamp(raw.get("userUpdatedAt"))
    elif answer:
        by, email, via = full_name(author) or text(author.get("id")), text(author.get("email")), "reply"
        by_id = ""
        at = answered_at
    else:
        by, email, via, by_id, at = "", "", "", "", None
    return Claim(
        ticket_id,
        by=by,
        by_email=email,
        via=via,
        at=at,
        answered=answer is not None,
        answered_at=answered_at,
        closed=status_of(raw) in OVER,
        places=known.places(place_ids(raw, threads)),
        by_id=by_id,
    )


def _assigned_at(threads: Sequence[Row], user_id: str) -> datetime | None:
    """Return when the conversation came into these hands, by the first thread that shows it there."""
    shown = (one for one in in_order(threads) if text(row(one.get("assignedTo")).get("id")) == user_id)
    return next((stamp(one.get("createdAt")) for one in shown), None)


def taken(
    raw: Row, threads: Sequence[Row], seen: Collection[str], given: str, known: Known
) -> tuple[str, str]:
    """Return id and name of the person to whom people gave it after we had read it, and who lost it to our giving it to
    `given`; ("", "") when nobody did. There is no lock here: only the line items tell."""
    if holder_of(raw)[1] != given:
        return "", ""
    new = (one for one in in_order(threads) if text(one.get("id")) not in seen and kind_of(one) == "lineitem")
    people = [one for one in new if by_person(one, known.bot, known.robot)]
    holder = row(people[-1].get("assignedTo")) if people else {}
    if (
        text(holder.get("type")).lower() != "user"
        or known.robot(holder)
        or text(holder.get("id")) == known.bot
    ):
        return "", ""
    return text(holder.get("id")), full_name(holder)


@dataclass
class Watch:
    """What this process knows of the conversations that wait."""

    api: Api
    known: Callable[[], Known]
    read: Callable[[str], tuple[Row, Sequence[Row]]]  # a conversation and its threads; raises Gone, Moved
    clock: Callable[[], datetime]
    _claims: dict[str, tuple[datetime, Claim]] = field(default_factory=dict)
    _high: str = ""  # the newest time that is certain to be in `_claims`
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def claims(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the state of claim of each; deleted and merged ones count as closed."""
        wanted = list(dict.fromkeys(ticket_ids))
        if len(wanted) <= FEW:
            return {one: self._ask(one) for one in wanted}
        with self._lock:
            return self._of_many(wanted)

    def _ask(self, ticket_id: str) -> Claim:
        try:
            raw, threads = self.read(ticket_id)
        except (Gone, Moved):
            return Claim(ticket_id, closed=True)
        return judged(raw, threads, self.known())

    def _of_many(self, wanted: list[str]) -> dict[str, Claim]:
        now, ids = self.clock(), set(wanted)
        kept = {one: old for one, old in self._claims.items() if one in ids and now - old[0] < KEPT}
        self._claims = kept
        self._refresh(ids, now)
        unknown = [one for one in wanted if one not in self._claims]
        for n in range(0, len(unknown), AT_ONCE):
            self._search(unknown[n : n + AT_ONCE], now)
        self._single([one for one in wanted if one not in self._claims], now)
        return {one: self._claims[one][1] for one in wanted}

    def _refresh(self, ids: set[str], now: datetime) -> None:
        """Judge again what changed. The first pass only notes how far the list goes."""
        if not self._high:
            latest = self.api.page(
                "/conversations", 1, status=ALL, sortField="modifiedAt", sortOrder="desc", embed="threads"
            )
            self._high = newest(embedded(latest, "conversations"), now) or iso(now)
            return
        since = iso((stamp(self._high) or now) - OVERLAP)
        page, last, high = 1, False, self._high
        while not last:
            found, last = read_page(self.api, ALL, since, page)
            self._keep([one for one in found if text(one.get("id")) in ids], now)
            high = max(high, newest(found, now))
            since, page = onward(since, page, found, now)
        self._high = high

    def _search(self, ids: Sequence[str], now: datetime) -> None:
        query = f"({' OR '.join(f'id:{one}' for one in ids)})"
        answer = self.api.page("/conversations", 1, status=ALL, query=query, embed="threads")
        found = embedded(answer, "conversations")
        self._keep([one for one in found if text(one.get("id")) in set(ids)], now)

    def _single(self, ids: Sequence[str], now: datetime) -> None:
        """What no list shows: merged, deleted, spam, or an index that lags behind."""
        for one in ids[:MOST_SINGLE]:
            self._claims[one] = (now, self._ask(one))
        if len(ids) > MOST_SINGLE:
            raise TryLater(
                f"Help Scout's search does not show {len(ids)} conversations; some were asked singly"
            )

    def _keep(self, found: Sequence[Row], now: datetime) -> None:
        known = self.known()
        for one in found:
            self._claims[text(one.get("id"))] = (now, judged(one, threads_of(one), known))
