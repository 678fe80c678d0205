"""What no API of Help Scout's does, as numbered clicks with the values to paste. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.helpscout.install.objects import EVENTS, Wanted
from connectors.kit.provision import Step, by_hand


def connect(why: str) -> Step:
    """Return the app that gives us a credential."""
    return by_hand(
        "app",
        "Backstop",
        why,
        "Log in as the bot's own user (a full user, not a Light User)",
        "Your profile → My Apps → Create My App. Name: Backstop, redirection URL: your public_url",
        "Put App ID and App Secret into client_id and client_secret",
        "Run plan again",
    )


def webhook(one: Wanted, why: str) -> Step:
    """Return the clicks that make the webhook. A secret that stands in the file is not printed."""
    return by_hand(
        "webhook",
        one.name,
        why,
        "Manage → Apps → Webhooks → Install (or Add)",
        f"Callback URL: {one.url}",
        f"Secret key: {one.shown}",
        f"Events: {', '.join(EVENTS)}",
        "Payload version V2, no notification only. Save",
    )


def auto_reply() -> Step:
    """Return the inbox's own first answer, which no API shows."""
    return by_hand(
        "setting",
        "the inboxes' own auto reply",
        "a customer would get Help Scout's auto reply and our acknowledgment",
        "Manage → Inbox → (each inbox) → Auto Reply: switch it off",
        "Set auto_reply_off = true in the desk's table, so that doctor knows",
    )


def sidebar(one: Wanted) -> Step:
    """Return the agents' sidebar, which no API makes."""
    return by_hand(
        "app",
        "Backstop beside each conversation (if you like)",
        "agents see the likely intent, the reason, the promise, and two links: take it, correct the intent",
        "As an administrator: Manage → Apps → Create → Create App. App name: Backstop",
        f"Callback URL: {one.url.replace('/hooks/', '/hooks/apps/')}",
        f"Secret key: {one.shown}",
        "Choose the inboxes, save, and open a conversation. Doctor's RC06 then says when it was asked",
    )


def view(prefix: str) -> Step:
    """Return the agents' list of what waits."""
    return by_hand(
        "view",
        "Backstop: waiting",
        "agents find the escalated conversations that no human has (there is no API for views)",
        "Inbox sidebar → Views (or Folders) → New, named: Backstop: waiting",
        f"Conditions: Tag is {prefix}escalated; Status is Active; Assigned to is Unassigned or a team",
        f"A second one for Tag is {prefix}urgent: Help Scout has no priority, the tag stands for it",
    )


def fields(missing: Mapping[str, Iterable[str]], intents: Iterable[str]) -> Iterable[Step]:
    """Return the configured custom fields that an inbox lacks."""
    options = ", ".join(intents)
    for inbox, names in missing.items():
        yield by_hand(
            "field",
            f"{', '.join(names)} in {inbox}",
            "configured, and not there: it stays empty in that inbox (there is no API for fields)",
            f"Manage → Inbox → {inbox} → Custom Fields → New field, single line, named as above",
            f"For a drop-down, add the intents as options: {options or 'those of [intents]'}",
        )


def farewell(prefix: str) -> Step:
    """Return what was clicked together."""
    return by_hand(
        "setting",
        "what was clicked together",
        "no API removes it",
        "Views: delete “Backstop: waiting”, if you made it",
        "Manage → Inbox → Custom Fields: delete ours, if you made them",
        "Manage → Inbox → Auto Reply: switch it on again, if you want it",
        "Manage → Apps: delete the sidebar app Backstop, if you made it",
        f"Tags that begin with {prefix} stay in the conversations; Manage → Tags deletes them",
        "Your profile → My Apps of the bot: delete the app, which ends its tokens",
    )
