"""A vendor's account as an admin sees it."""

from __future__ import annotations

import copy
import json

from command import Shell

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


def shell_of(h):
    """The command line on the house's own desk and ledger."""
    made = Shell(h.home)
    table = h.fake.settings(h.url)
    lines = "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items() if k not in {"vendor", "base_url"})
    text = made.file.read_text().replace('"zendesk"', f'"{h.vendor}"').replace("http://127.0.0.1:9", h.url)
    made.file.write_text(text.replace("[desks.support]\n", f"[desks.support]\n{lines}"))
    return made
