"""How a ticket came in, and whether what is said in it reaches who wrote. Pure."""

from __future__ import annotations

import re

from connectors.kit.values import Row, row

_CHANNELS = (  # the first that fits a `via.channel`
    (r"chat|messag|whatsapp|line|wechat|telegram|viber|kakao|sunshine|apple_business|google_rcs", "chat"),
    (r"facebook|twitter|instagram|^x_|social|any_channel", "social"),
    (r"phone|voice|call|sms", "phone"),
    (r"e?mail|closed_ticket|recovered", "email"),
    (r"web_service|^api$|batch|import", "api"),
    (r"web|mobile|help|sample", "web"),
)
MAILED = frozenset({"email", "web", "api", "other"})
"""Channels whose public comments Zendesk mails to the requester. Not "phone" (a call's record, a voicemail, a text message);
not "social" and "chat": what the ticket API writes is posted there only on request, or not at all
(https://developer.zendesk.com/documentation/ticketing/reference-guides/via-types)."""


def channel_of(raw: Row) -> str:
    """Return how the ticket came in."""
    if raw.get("from_messaging_channel"):
        return "chat"
    via = str(row(raw.get("via")).get("channel") or "").lower()
    return next((ours for pattern, ours in _CHANNELS if re.search(pattern, via)), "other")


def reached(raw: Row, email: str) -> bool:
    """Return whether a public comment reaches the requester. `email`: the requester's address; "" without one."""
    return channel_of(raw) in MAILED and bool(email)
