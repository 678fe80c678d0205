"""What no API of Freshdesk's does, as numbered clicks with the values to paste. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.freshdesk.install.objects import HEADER, Wanted
from connectors.kit.provision import Step
from connectors.kit.text import numbered


def rule_by_hand(wanted: Wanted, why: str) -> Step:
    """The clicks that make a rule, with the values to paste. The secret itself is not printed."""
    action = wanted.body["actions"][0]
    event = action["content"]["event"]
    page = "Ticket Creation" if event == "created" else "Ticket Updates"
    when = (
        []
        if event == "created"
        else ["Performed by: Requester. Events: Reply is sent; Note is added, type Public."]
    )
    return Step(
        "by_hand",
        "rule",
        wanted.name,
        why,
        details=numbered(
            f"Admin → Workflows → Automations → {page} → New rule, named: {wanted.name}",
            *when,
            "Condition: In Tickets, Priority, is any of: Low, Medium, High, Urgent",
            f"Action: Trigger webhook. Request type POST, URL: {action['url']}",
            f"Custom headers: {HEADER}: <the value of webhook_secret>",
            f'Encoding JSON, content Advanced: {{"event":"{event}","ticket_id":"{{{{ticket.id}}}}"}}',
            "Save" + (" and move the rule to the top" if event == "created" else ""),
        ),
    )


def field_by_hand(wanted: Wanted, why: str) -> Step:
    """The clicks that make a field."""
    kind = "Number" if wanted.body["type"] == "custom_number" else "Single-line text"
    return Step(
        "by_hand",
        "field",
        wanted.name,
        why,
        details=numbered(
            f"Admin → Workflows → Ticket Fields → drag in a {kind} field, labelled: {wanted.name}",
            "Untick everything for customers; leave “required” unticked. Save",
            f"Put the field's name into {wanted.key.partition(':')[2]}_field (GET /api/v2/ticket_fields lists names)",
        ),
    )


def all_matching() -> Step:
    """The switch that no API sets."""
    return Step(
        "by_hand",
        "setting",
        "execute all matching rules",
        "only the first matching creation rule runs: ours on top would silence yours, below it would stay silent itself",
        details=numbered(
            "Admin → Workflows → Automations → Ticket Creation",
            "Beside the list, change “Execute the first matching rule” to “Execute all matching rules”",
            "Run install again: it switches our rule on",
        ),
    )


def notifications() -> Step:
    """Freshdesk's own mails, which no API shows."""
    return Step(
        "by_hand",
        "setting",
        "Freshdesk's own mails to customers",
        "a customer would get Freshdesk's mail and our acknowledgment, or its “resolved” mail and our answer",
        details=numbered(
            "Admin → Workflows → Email Notifications → Requester Notifications",
            "Switch off “New Ticket Created”",
            "Switch off “Agent Solves the Ticket”, or set quiet_solve = true",
            "Set own_notifications_off = true in the desk's table, so that doctor knows",
        ),
    )


def view(prefix: str) -> Step:
    """The agents' list of what waits."""
    return Step(
        "by_hand",
        "view",
        "Backstop: waiting",
        "agents find the escalated tickets that nobody has taken (Freshdesk has no API for views)",
        details=numbered(
            f"Tickets → filters: Tags include {prefix}escalated, Agent is Unassigned, Status is Open",
            "Apply, then save the view as “Backstop: waiting”, visible to all agents",
        ),
    )


def field_names(found: Mapping[str, str], configured: Mapping[str, str]) -> Iterable[Step]:
    """The names that Freshdesk made for our fields, unless they are in the configuration already."""
    missing = {ours: name for ours, name in found.items() if configured.get(ours) != name}
    if missing:
        lines = [f'{ours}_field = "{name}"' for ours, name in missing.items()]
        yield Step(
            "by_hand",
            "setting",
            "names of the fields",
            "Freshdesk makes the names of fields; without them in the configuration the fields stay empty",
            details=numbered(
                "Put into the desk's table of backstop.toml: " + "  ".join(lines), "Restart Backstop"
            ),
        )
