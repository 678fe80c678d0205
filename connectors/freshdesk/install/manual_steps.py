"""What no API of Freshdesk's does, as numbered clicks with the values to paste. Pure."""

from __future__ import annotations

from connectors.freshdesk.install.objects import HEADER, Wanted
from connectors.kit.provision import Step, by_hand


def rule_by_hand(wanted: Wanted, why: str) -> Step:
    """Return the clicks that make a rule, with the values to paste. A secret that stands in the file is not printed."""
    action = wanted.body["actions"][0]
    event = action["content"]["event"]
    page = "Ticket Creation" if event == "created" else "Ticket Updates"
    when = (
        []
        if event == "created"
        else ["Performed by: Requester. Events: Reply is sent; Note is added, type Public."]
    )
    return by_hand(
        "rule",
        wanted.name,
        why,
        f"Admin → Workflows → Automations → {page} → New rule, named: {wanted.name}",
        *when,
        "Condition: In Tickets, Priority, is any of: Low, Medium, High, Urgent",
        f"Action: Trigger webhook. Request type POST, URL: {action['url']}",
        f"Custom headers: {HEADER}: {wanted.shown}",
        f'Encoding JSON, content Advanced: {{"event":"{event}","ticket_id":"{{{{ticket.id}}}}"}}',
        "Save" + (" and move the rule to the top" if event == "created" else ""),
    )


def field_by_hand(wanted: Wanted, why: str) -> Step:
    """Return the clicks that make a field."""
    kind = "Number" if wanted.body["type"] == "custom_number" else "Single-line text"
    return by_hand(
        "field",
        wanted.name,
        why,
        f"Admin → Workflows → Ticket Fields → drag in a {kind} field, labelled: {wanted.name}",
        "Untick everything for customers; leave “required” unticked. Save",
        "Run install again: it finds the field by its label and keeps its name",
    )


def all_matching() -> Step:
    """Return the switch that no API sets."""
    return by_hand(
        "setting",
        "execute all matching rules",
        "only the first matching creation rule runs: ours on top would silence yours, below it would stay silent itself",
        "Admin → Workflows → Automations → Ticket Creation",
        "Beside the list, change “Execute the first matching rule” to “Execute all matching rules”",
        "Run install again: it switches our rule on",
    )


def notifications() -> Step:
    """Return the clicks for Freshdesk's own mails, which no API shows."""
    return by_hand(
        "setting",
        "Freshdesk's own mails to customers",
        "a customer would get Freshdesk's mail and our acknowledgment, or its “resolved” mail and our answer",
        "Admin → Workflows → Email Notifications → Requester Notifications",
        "Switch off “New Ticket Created”",
        "Switch off “Agent Solves the Ticket”, or set quiet_solve = true",
        "Set own_notifications_off = true in the desk's table, so that doctor knows",
    )


def view(prefix: str) -> Step:
    """Return the agents' list of what waits."""
    return by_hand(
        "view",
        "Backstop: waiting",
        "agents find the escalated tickets that nobody has taken (Freshdesk has no API for views)",
        f"Tickets → filters: Tags include {prefix}escalated, Agent is Unassigned, Status is Open",
        "Apply, then save the view as “Backstop: waiting”, visible to all agents",
    )
