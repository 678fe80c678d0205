"""A vendor's account as an admin sees it."""

from __future__ import annotations

import copy

MADE = {
    "zendesk": ("webhooks", "triggers", "fields", "views"),
    "freshdesk": ("rules", "fields"),
    "helpscout": ("webhooks",),
}


def objects(fake, vendor):
    """Everything that admins make in an account."""
    return {name: copy.deepcopy(getattr(fake.state, name)) for name in MADE[vendor]}


def without_hooks(h, vendor):
    """The house's desk before anybody has installed anything."""
    there = h.fake.state.rules if vendor == "freshdesk" else h.fake.state.webhooks
    for kind in list(there) if vendor == "freshdesk" else ():
        there[kind].clear()
    if vendor != "freshdesk":
        there.clear()
    return h
