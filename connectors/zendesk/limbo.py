"""Suspended mail: never a ticket, in no list of changes, deleted after 14 days.

https://developer.zendesk.com/api-reference/ticketing/tickets/suspended_tickets/
"""

from __future__ import annotations

from datetime import timedelta

from connectors.kit.places import Placing
from connectors.kit.text import words_in
from connectors.kit.values import Row, row, stamp
from connectors.zendesk.api import Api, text
from connectors.zendesk.reading import EPOCH
from core.model import HeldBack

KEPT = timedelta(days=14)
MACHINE = frozenset({3, 4, 7, 8, 9, 11, 14, 16, 22})
"""`cause_id` of automatic mail, loops, bounces, absence notes, the system user, blank mail, backscatter, mail to or from one's
own or a no-reply address (https://developer.zendesk.com/documentation/ticketing/reference-guides/suspensions-reference)."""


def held_back(api: Api, base_url: str, places: Placing) -> tuple[HeldBack, ...]:
    """Return the list's first hundred, newest first, in one call."""
    answer = api.get(
        "/suspended_tickets.json", **{"page[size]": 100, "sort_by": "created_at", "sort_order": "desc"}
    )
    listed = answer.get("suspended_tickets")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return tuple(_held(one, base_url, places) for one in found if text(one.get("id")))


def _held(raw: Row, base_url: str, places: Placing) -> HeldBack:
    author, at = row(raw.get("author")), stamp(raw.get("created_at")) or EPOCH
    return HeldBack(
        id=text(raw.get("id")),
        at=at,
        subject=text(raw.get("subject")),
        text=words_in(str(raw.get("content") or "")),
        email=text(author.get("email")),
        cause=text(raw.get("cause")),
        url=f"{base_url.rstrip('/')}/agent/filters/suspended",
        until=at + KEPT,
        ticket_id=text(raw.get("ticket_id")),
        by_machine=raw.get("cause_id") in MACHINE,
        places=places(
            {"brands": [raw.get("brand_id")], "channels": ["email", row(raw.get("via")).get("channel")]}
        ),
    )


def recover(api: Api, held_id: str) -> str:
    """Recover one by the call for many, which keeps the author: the call for a single entry makes us the requester."""
    api.write("PUT", f"/suspended_tickets/recover_many.json?ids={held_id}")
    return ""
