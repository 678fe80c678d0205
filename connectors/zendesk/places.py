"""Where in its account a ticket lies, and which one it follows up. Pure."""

from __future__ import annotations

from connectors.kit.places import Ids
from connectors.kit.values import Row, row
from connectors.zendesk.api import text
from connectors.zendesk.channels import channel_of


def place_ids(raw: Row) -> Ids:
    """Return a mapping, kind of place → what a ticket says of it. A channel is named by our word and by Zendesk's."""
    return {
        "brands": [raw.get("brand_id")],
        "groups": [raw.get("group_id")],
        "forms": [raw.get("ticket_form_id")],
        "channels": [channel_of(raw), row(raw.get("via")).get("channel")],
    }


def follow_up_of(raw: Row) -> str:
    """Return the closed ticket that this one follows up, "" for none: it copies that ticket's tags and fields."""
    via = row(raw.get("via"))
    source = row(via.get("source"))
    if via.get("channel") != "closed_ticket" and source.get("rel") != "follow_up":
        return ""
    origin = row(source.get("from"))
    return text(origin.get("ticket_id") or origin.get("id")) or text(raw.get("via_followup_source_id"))
