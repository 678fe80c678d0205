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


def of_theirs(fake, vendor):
    """What the customer had before us, some of it named like ours."""
    state = fake.state
    if vendor == "zendesk":
        state.webhooks["theirs"] = {
            "id": "theirs",
            "name": "Backstop of another kind",
            "endpoint": "https://others.example/x",
            "status": "active",
            "subscriptions": ["conditional_ticket_events"],
            "http_method": "POST",
        }
        state.views[1] = {"id": 1, "title": "Backstop: mine", "active": True}
        state.fields[2] = {"id": 2, "type": "text", "title": "Colour", "active": True}
    elif vendor == "freshdesk":
        state.fields.append(
            {"id": 3, "name": "cf_colour", "label": "Colour", "type": "custom_text", "default": False}
        )
    else:
        state.webhooks.append(
            {
                "id": 3,
                "url": "https://others.example/x",
                "label": "Backstop of another kind",
                "secret": "s",
                "events": ["convo.created"],
                "state": "enabled",
                "mailboxIds": [],
                "notification": False,
                "payloadVersion": "V2",
            }
        )


def edit_ours(fake, vendor):
    """An admin changes one of the objects that install made."""
    if vendor == "zendesk":
        next(v for v in fake.state.views.values() if v["title"].startswith("Backstop: waiting"))["active"] = (
            False
        )
    elif vendor == "freshdesk":
        rule = next(r for r in fake.state.rules[4] if "customer replied" in r["name"])
        rule["conditions"][0]["properties"][0]["value"] = [4]
    else:
        next(h for h in fake.state.webhooks if "/hooks/" in h["url"])["events"].remove("convo.assigned")


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
    made = Shell(h.home, database=h.app.settings.database_url)
    table = h.fake.settings(h.url)
    lines = "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items() if k not in {"vendor", "base_url"})
    text = made.file.read_text().replace('"zendesk"', f'"{h.vendor}"').replace("http://127.0.0.1:9", h.url)
    made.file.write_text(text.replace("[desks.support]\n", f"[desks.support]\n{lines}"))
    return made
