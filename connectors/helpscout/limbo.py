"""The spam: conversations that no list shows but the one that asks for them."""

from __future__ import annotations

from connectors.helpscout.api import Api, embedded
from connectors.helpscout.reading import Known, customer_of, place_ids, threads_of, url_of
from connectors.helpscout.threads import EPOCH, from_customer, in_order, message_of
from connectors.kit.values import Row, stamp, text
from core.model import HeldBack


def held_back(api: Api, known: Known) -> tuple[HeldBack, ...]:
    """Return the newest page, in one call."""
    answer = api.page(
        "/conversations", 1, status="spam", sortField="createdAt", sortOrder="desc", embed="threads"
    )
    return tuple(_held(one, known) for one in embedded(answer, "conversations") if text(one.get("id")))


def _held(raw: Row, known: Known) -> HeldBack:
    threads = in_order(threads_of(raw))
    wrote = [message_of(one, "", known.bot, known.robot).text for one in threads if from_customer(one)]
    return HeldBack(
        id=text(raw.get("id")),
        at=stamp(raw.get("createdAt")) or EPOCH,
        subject=text(raw.get("subject")),
        text="\n\n".join(wrote) or text(raw.get("preview")),
        email=customer_of(raw, known).email,
        cause="marked as spam",
        url=url_of(raw),
        places=known.places(place_ids(raw, threads)),
    )
