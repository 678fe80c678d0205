"""The spam folder: in no list but its own, purged 30 days after it goes to the trash."""

from __future__ import annotations

from connectors.freshdesk.api import PER_PAGE, Api, rows
from connectors.freshdesk.reading import place_ids, plain
from connectors.kit.places import Placing
from connectors.kit.values import Row, stamp
from core.model import HeldBack

CLICKS = "no call of Freshdesk's takes a ticket out of the spam: open it there and choose “Not spam”"
"""An update of a spam ticket answers 405."""


def held_back(api: Api, base_url: str, places: Placing) -> tuple[HeldBack, ...]:
    """Return the newest page of the spam, in one call."""
    listed = api.get(
        "/tickets",
        filter="spam",
        order_by="created_at",
        order_type="desc",
        per_page=PER_PAGE,
        include="requester,description",
    )
    return tuple(
        _held(one, base_url, places) for one in rows(listed) if one.get("id") and stamp(one.get("created_at"))
    )


def _held(raw: Row, base_url: str, places: Placing) -> HeldBack:
    requester = raw.get("requester")
    at = stamp(raw.get("created_at"))
    assert at is not None  # noqa: S101  # nosec B101 - see held_back
    return HeldBack(
        id=str(raw["id"]),
        at=at,
        subject=str(raw.get("subject") or ""),
        text=plain(raw, "description_text", "description", "structured_description"),
        email=str(requester.get("email") or "") if isinstance(requester, dict) else "",
        cause="marked as spam",
        url=f"{base_url.rstrip('/')}/a/tickets/{raw['id']}",
        places=places(place_ids(raw)),
    )
