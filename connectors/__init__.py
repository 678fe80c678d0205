"""Everything that speaks to someone else's server."""

DESKS = {
    "zendesk": "connectors.zendesk",
    "freshdesk": "connectors.freshdesk",
    "helpscout": "connectors.helpscout",
}
"""Vendor → its folder, with `connector`, `provision` and `fake`; imported when it is configured."""
