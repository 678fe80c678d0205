"""What changed since the cursor, and who has taken which tickets: bulk reads only."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.kit.places import Placing
from connectors.kit.text import intent_in
from connectors.kit.values import Row, row, rows, stamp
from connectors.zendesk.api import Api, text
from connectors.zendesk.channels import channel_of
from connectors.zendesk.places import place_ids
from connectors.zendesk.reading import (
    EPOCH,
    Known,
    assignee_of,
    author_of,
    fields_of,
    people_of,
    status_of,
    tags_of,
)
from core.errors import Gone, Refused
from core.model import OVER, Author, ChangedTicket, Claim, EventKind, Page, Status, TicketEvent, created_key

WITHHELD = timedelta(minutes=2)  # the newest minute is never shown, and asking for it is an error
OVERLAP = timedelta(minutes=10)  # read again when a cursor is refused
AT_ONCE = 100  # tickets in one show_many
LAST_SECOND = 253_402_300_800  # of the year 9999
REMEMBERED = 20_000


@dataclass(frozen=True)
class Marks:
    """How an intent is written on a ticket."""

    desk: str
    prefix: str
    intent_field: str = ""
    places: Placing = lambda _: {}


def changed_since(api: Api, cursor: str, start: datetime, now: datetime, marks: Marks) -> Page:
    """Return one page. Our cursor is `<seconds>|<theirs>`: when theirs is refused, we start again from the time."""
    seconds, _, theirs = cursor.partition("|")
    if theirs and seconds.isdigit():
        try:
            return _page(api.export(cursor=theirs), seconds, marks)
        except (Refused, Gone) as err:
            if err.status not in {400, 404, 410, 422}:
                raise
        start = datetime.fromtimestamp(int(seconds), tz=now.tzinfo) - OVERLAP
    begin = int(min(start, now - WITHHELD).timestamp())
    return _page(api.export(start_time=begin), str(begin), marks)


def _page(answer: Row, seconds: str, marks: Marks) -> Page:
    times = {text(one.get("ticket_id")): one for one in rows(answer.get("metric_sets"))}
    tickets = rows(answer.get("tickets"))
    newest = max(
        [
            int(seconds),
            *(one["generated_timestamp"] for one in tickets if _is_time(one.get("generated_timestamp"))),
        ]
    )
    after = text(answer.get("after_cursor"))
    return Page(
        tuple(
            changed_ticket_of(one, times.get(text(one.get("id")), row(one.get("metric_set"))), marks)
            for one in tickets
        ),
        cursor=f"{newest}|{after}",
        more=answer.get("end_of_stream") is False and bool(after),
    )


def _is_time(value: object) -> bool:
    """Return whether this is a number of seconds that is a date."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LAST_SECOND


def changed_ticket_of(raw: Row, times: Row, marks: Marks) -> ChangedTicket:
    """Return a line of the export. A ticket comes again for system changes too: the ledger knows what is new."""
    ticket_id, born = text(raw.get("id")), stamp(raw.get("created_at")) or EPOCH
    return ChangedTicket(
        ticket_id,
        created_at=born,
        updated_at=stamp(raw.get("updated_at")) or born,
        status=status_of(raw),
        events=(
            TicketEvent(marks.desk, created_key(marks.desk, ticket_id), EventKind.CREATED, ticket_id, born),
        ),
        customer_wrote_at=stamp(times.get("requester_updated_at")),
        intent_label=intent_label(raw, marks),
        places=marks.places(place_ids(raw)),
        held_by=text(raw.get("assignee_id")),
        may_hide=not _only_one_message(raw, times),
    )


def _only_one_message(raw: Row, times: Row) -> bool:
    """Return whether the counts show that all comments but the first are public ones of agents, which our own are, too. The
    messages of a conversation are no comments."""
    comments, replies = raw.get("comment_count"), times.get("replies")
    if not isinstance(comments, int) or not isinstance(replies, int) or channel_of(raw) == "chat":
        return False
    return comments - replies == 1


def intent_label(raw: Row, marks: Marks) -> str:
    """Return the intent on the ticket now: an agent may have corrected it."""
    field = fields_of(raw).get(marks.intent_field, "") if marks.intent_field else ""
    return field.removeprefix(f"{marks.prefix}intent_") or intent_in(tags_of(raw), marks.prefix)


class Watch:
    """Who has taken which tickets. What the comments said is kept until another public reply is counted."""

    def __init__(self, api: Api, known: Callable[[], Known], prefix: str) -> None:
        self._api, self._known, self._prefix = api, known, prefix
        self._seen: OrderedDict[tuple[str, str], Claim | None] = OrderedDict()
        self._lock = threading.Lock()

    def claims(self, ticket_ids: Sequence[str]) -> dict[str, Claim]:
        """Return the claims: one call for a hundred tickets, and one for each whose comments must be read."""
        wanted = list(dict.fromkeys(ticket_ids))
        found: dict[str, Claim] = {}
        for n in range(0, len(wanted), AT_ONCE):
            answer = self._api.show_many(wanted[n : n + AT_ONCE])
            people, times = people_of(rows(answer.get("users"))), answer.get("metric_sets")
            metrics = {text(one.get("ticket_id")): one for one in rows(times)}
            for raw in rows(answer.get("tickets")):
                ticket_id = text(raw.get("id"))
                found[ticket_id] = self._claim(
                    raw, metrics.get(ticket_id, row(raw.get("metric_set"))), people
                )
        return found

    def _claim(self, raw: Row, metrics: Row, people: Mapping[str, Row]) -> Claim:
        known = self._known()
        status, holder = status_of(raw), assignee_of(raw, people, known)
        claim = Claim(text(raw.get("id")), closed=status in OVER, places=known.places(place_ids(raw)))
        if holder is not None and holder.human:
            at = stamp(metrics.get("assigned_at")) or stamp(raw.get("updated_at"))
            claim = replace(
                claim,
                by=holder.name or holder.id,
                by_email=holder.email,
                via="assignee",
                at=at,
                by_id=holder.id,
            )
        answer = self._answer(raw, metrics) if self._may_be_answered(raw, metrics) else None
        if answer is None:
            return claim
        claim = replace(claim, answered=True, answered_at=answer.at)
        return (
            claim
            if claim.by
            else replace(claim, by=answer.by, by_email=answer.by_email, via="reply", at=answer.at)
        )

    def _may_be_answered(self, raw: Row, metrics: Row) -> bool:
        """`replies` counts our own public comments too: an acknowledgment, an answer. Their tags say how many there are.

        A human's reply from the agent interface never leaves a ticket `new`, so most waiting tickets cost no read.
        """
        replies, tags = metrics.get("replies"), set(tags_of(raw))
        if channel_of(raw) == "chat" or replies == 0:  # a conversation's replies are no comments
            return False
        if not isinstance(replies, int):
            return True
        ours = len({f"{self._prefix}acknowledged", f"{self._prefix}auto_resolved"} & tags)
        return replies > ours or status_of(raw) not in {Status.NEW, *OVER}

    def _answer(self, raw: Row, metrics: Row) -> Claim | None:
        """Return the first public comment of a human agent."""
        key = (text(raw.get("id")), str(metrics.get("replies", raw.get("updated_at"))))
        with self._lock:
            if key in self._seen:
                return self._seen[key]
        found = self._read(raw)
        with self._lock:
            self._seen[key] = found
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return found

    def _read(self, raw: Row) -> Claim | None:
        comments, users = self._api.comments(text(raw.get("id")))
        people, known, requester = people_of(users), self._known(), text(raw.get("requester_id"))
        for comment in comments:
            if comment.get("public") is False:
                continue
            if author_of(comment, requester, people, known)[0] is Author.AGENT:
                user = people.get(text(comment.get("author_id")), {})
                at = stamp(comment.get("created_at"))
                name = str(user.get("name") or text(comment.get("author_id")))
                return Claim(text(raw.get("id")), by=name, by_email=str(user.get("email") or ""), at=at)
        return None
