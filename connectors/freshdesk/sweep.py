"""What changed since: the authoritative list, in an order that loses nothing.

Freshdesk has no cursor. The list is read by `updated_at` ascending, and after each full page the next one starts at
the last time seen (page numbers would skip a ticket whenever one of an earlier page changes). Spam and deleted tickets
are in lists of their own and are read after the main one. A pass starts ten minutes before the newest change
of the last one, for what was indexed late.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from connectors.freshdesk.api import PER_PAGE, Api, rows
from connectors.freshdesk.reading import customer_replied_at, customer_wrote_at, place_ids, status_of, tags_of
from connectors.freshdesk.writing import TAG_LENGTH
from connectors.kit.places import Placing
from connectors.kit.text import intent_in
from connectors.kit.values import Row, iso, stamp
from core.model import ChangedTicket, EventKind, Page, TicketEvent, created_key

OVERLAP = timedelta(minutes=10)
LISTS = ("", "spam", "deleted")  # the main one first


@dataclass(frozen=True)
class Cursor:
    """Where a pass stands. `high`: the newest change seen; `begin`: where the pass began; `list`, `since` and
    `page`: what is to be read next (`begin` "" = a new pass)."""

    high: str
    begin: str = ""
    list: int = 0
    since: str = ""
    page: int = 1

    @property
    def text(self) -> str:
        """As it is kept between passes."""
        return json.dumps(asdict(self), separators=(",", ":"))


def cursor_of(text: str, start: datetime) -> Cursor:
    """Return the kept cursor; from `start` when there is none, or none that we understand."""
    try:
        kept = Cursor(**json.loads(text))
        high = stamp(kept.high)
    except (ValueError, TypeError):
        high = None
    if high is None:
        return Cursor(high=iso(start), begin=iso(start), since=iso(start))
    if kept.begin:
        return kept
    begin = iso(high - OVERLAP)
    return replace(kept, begin=begin, since=begin)


def changed_since(api: Api, cursor: Cursor, changed_ticket: Callable[[Row], ChangedTicket]) -> Page:
    """Return one full page of one list, or what is left of all three of them."""
    found: list[Row] = []
    while True:
        page = _page(api, cursor)
        found += page
        cursor = _after(cursor, page)
        if len(page) >= PER_PAGE or not cursor.begin:
            return Page(
                tuple(changed_ticket(row) for row in found if row.get("id")), cursor.text, bool(cursor.begin)
            )


def _page(api: Api, cursor: Cursor) -> list[Row]:
    name = LISTS[cursor.list]
    extra = {"filter": name} if name else {"include": "stats"}  # an include costs two credits a page
    answer = api.get(
        "/tickets",
        updated_since=cursor.since,
        order_by="updated_at",
        order_type="asc",
        per_page=PER_PAGE,
        page=cursor.page,
        **extra,
    )
    return rows(answer)


def _after(cursor: Cursor, found: list[Row]) -> Cursor:
    newest = max((at for row in found if (at := stamp(row.get("updated_at")))), default=None)
    high = cursor.high
    if newest and not cursor.list:  # only the main list, read to its end, says how far we are
        high = max(high, iso(newest))
    if len(found) >= PER_PAGE:
        if newest and iso(newest) > cursor.since:
            return replace(cursor, high=high, since=iso(newest), page=1)
        return replace(cursor, high=high, page=cursor.page + 1)  # a bulk update: a hundred in one second
    if cursor.list + 1 < len(LISTS):
        return replace(cursor, high=high, list=cursor.list + 1, since=cursor.begin, page=1)
    return Cursor(high=high)


def changed_ticket_of(
    row: Row, desk: str, intent_field: str, tag_prefix: str, places: Placing = lambda _: {}
) -> ChangedTicket:
    """Return one line of the list."""
    ticket_id = str(row["id"])
    created = stamp(row.get("created_at")) or stamp(row.get("updated_at"))
    if created is None:
        created = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    wrote = customer_wrote_at(row)
    event = TicketEvent(desk, created_key(desk, ticket_id), EventKind.CREATED, ticket_id, created)
    return ChangedTicket(
        ticket_id=ticket_id,
        created_at=created,
        updated_at=stamp(row.get("updated_at")) or created,
        status=status_of(row, wrote),
        events=(event,),
        customer_wrote_at=wrote,
        intent_label=_intent(row, intent_field, tag_prefix),
        places=places(place_ids(row)),
        held_by=str(row.get("responder_id") or ""),
        may_hide=customer_replied_at(row) is not None,  # a reply after the first message shows by itself
    )


def _intent(row: Row, intent_field: str, prefix: str) -> str:
    """Return what the ticket says its intent is: the field, which agents correct, before the tag (when it was not
    cut)."""
    custom = row.get("custom_fields")
    said = custom.get(intent_field) if isinstance(custom, dict) and intent_field else None
    if said:
        return str(said)
    return intent_in((tag for tag in tags_of(row) if len(tag) < TAG_LENGTH), prefix)
