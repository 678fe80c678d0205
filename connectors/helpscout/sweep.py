"""What changed since: the list of all statuses by change, and once an hour the spam.

The list gives no cursor and does not show the time it is sorted by, only times not later than it. So a pass starts
ten minutes before the newest time seen in the last one (never from our clock: the list is an index and may lag behind),
and within a pass, whenever a page shows a later time, the next page is the first one from about there on: page numbers
alone would skip a conversation whenever one of an earlier page changes and moves to the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from connectors.helpscout.api import Api, embedded, last_page
from connectors.helpscout.reading import place_ids, status_of, tags_of, threads_of, touched_at, waiting_since
from connectors.helpscout.threads import CHATS, EPOCH, from_customer, in_order, is_said, unsent
from connectors.kit.places import Placing
from connectors.kit.text import intent_in
from connectors.kit.values import Row, iso, row, stamp, text
from core.model import ChangedTicket, EventKind, Page, TicketEvent, created_key, reply_key

OVERLAP = timedelta(minutes=10)
MARGIN = timedelta(minutes=2)
SPAM_EVERY = timedelta(hours=1)
ALL, SPAM = "all", "spam"


@dataclass(frozen=True)
class Cursor:
    """Where a pass stands. `high`: the newest time seen; `begin`: where the pass began ("" = a new pass);
    `status`, `since`, `page`: what is to be read next; `spam`: when the spam was last read."""

    high: str
    begin: str = ""
    status: str = ALL
    since: str = ""
    page: int = 1
    spam: str = ""

    @property
    def text(self) -> str:
        """As it is kept between passes."""
        return json.dumps(asdict(self), separators=(",", ":"))


def cursor_of(kept: str, start: datetime) -> Cursor:
    """Return the kept cursor; from `start` when there is none, or one of another vendor's."""
    try:
        cursor = Cursor(**json.loads(kept))
    except (ValueError, TypeError):
        return Cursor(high=iso(start), begin=iso(start), since=iso(start))
    if cursor.begin:
        return cursor
    begin = iso((stamp(cursor.high) or start) - OVERLAP)
    return replace(cursor, begin=begin, since=begin)


def changed_since(
    api: Api, cursor: Cursor, now: datetime, changed_ticket: Callable[[Row, datetime], ChangedTicket]
) -> Page:
    """Return one page."""
    found, last = read_page(api, cursor.status, cursor.since, cursor.page)
    begin = stamp(cursor.begin) or EPOCH
    after = _after(cursor, found, last, now)
    seen = tuple(changed_ticket(one, begin) for one in found if text(one.get("id")))
    return Page(seen, after.text, bool(after.begin))


def read_page(api: Api, status: str, since: str, number: int) -> tuple[list[Row], bool]:
    """Return one page of what changed since, with the threads, and whether it is the last one."""
    answer = api.page(
        "/conversations",
        number,
        status=status,
        modifiedSince=since,
        sortField="modifiedAt",
        sortOrder="asc",
        embed="threads",
    )
    return embedded(answer, "conversations"), last_page(answer, number)


def newest(found: list[Row], but_not_after: datetime | None = None) -> str:
    """Return the latest time that a page shows, "" on an empty one."""
    times = [
        at for one in found if (at := touched_at(one)) and (but_not_after is None or at <= but_not_after)
    ]
    return iso(max(times)) if times else ""


def onward(since: str, page: int, found: list[Row], now: datetime) -> tuple[str, int]:
    """Return what to read after a full page: from a little before the latest time it shows, else the next number.

    A little before, since one message whose time is some way off must not make us jump over others.
    """
    seen = newest(found, now)
    later = iso((stamp(seen) or EPOCH) - MARGIN) if seen else ""
    return (later, 1) if later > since else (since, page + 1)


def _after(cursor: Cursor, found: list[Row], last: bool, now: datetime) -> Cursor:
    # A wrong clock somewhere must not carry us into the future, past what is still to come.
    high = max(cursor.high, newest(found, now + OVERLAP)) if cursor.status == ALL else cursor.high
    if not last:
        since, page = onward(cursor.since, cursor.page, found, now)
        return replace(cursor, high=high, since=since, page=page)
    due = stamp(cursor.spam)
    if cursor.status == ALL and (due is None or now - due >= SPAM_EVERY):
        since = iso(min(due, now) - SPAM_EVERY) if due else cursor.begin
        return replace(cursor, high=high, status=SPAM, since=since, page=1, spam=iso(now))
    return Cursor(high=high, spam=cursor.spam)


def changed_ticket_of(
    raw: Row,
    begin: datetime,
    *,
    desk: str,
    prefix: str,
    intent_field: str = "",
    places: Placing = lambda _: {},
) -> ChangedTicket:
    """Return one line of the list. Replies older than the pass are left out: the ledger had its chance at them."""
    ticket_id = text(raw.get("id"))
    born = stamp(raw.get("createdAt")) or touched_at(raw) or EPOCH
    threads = [one for one in in_order(threads_of(raw)) if is_said(one) and not unsent(one)]
    wrote = [at for one in threads if from_customer(one) and (at := stamp(one.get("createdAt")))]
    waits = waiting_since(raw)  # tells of a reply that did not come along, too
    events = [TicketEvent(desk, created_key(desk, ticket_id), EventKind.CREATED, ticket_id, born)]
    for one in threads[1:]:
        at = stamp(one.get("createdAt"))
        if from_customer(one) and at and at >= begin:
            key = reply_key(desk, ticket_id, text(one.get("id")))
            events.append(TicketEvent(desk, key, EventKind.REPLY, ticket_id, at))
    return ChangedTicket(
        ticket_id=ticket_id,
        created_at=born,
        updated_at=touched_at(raw) or born,
        status=status_of(raw),
        events=tuple(events),
        customer_wrote_at=max([*wrote, *([waits] if waits else [])], default=None),
        intent_label=_intent(raw, prefix, intent_field),
        places=places(place_ids(raw, threads_of(raw))),
        may_hide=not threads or text(raw.get("type")).lower() in CHATS,  # a chat's threads are cut short
    )


def _intent(raw: Row, prefix: str, intent_field: str) -> str:
    """Return what the conversation says its intent is: the field, which people correct, before the tag."""
    fields = raw.get("customFields")
    for one in fields if isinstance(fields, list) and intent_field else []:
        known = {text(row(one).get("id")), text(row(one).get("name")).casefold()}
        if intent_field.casefold() in known and (said := text(row(one).get("text") or row(one).get("value"))):
            return said
    return intent_in(tags_of(raw), prefix)
