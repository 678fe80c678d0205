"""Microsoft Teams, by a workflow's webhook ("When a Teams webhook request is received").

Rich, and may carry the customer's words: the channel is the team's own. Posts one adaptive card with links; a click cannot
be traced to a person, so a ticket is taken by the link's page. Accepted means that the workflow has begun, not that the
card was shown: a workflow that fails afterwards is reported to its owner only.

How it fails: the workflow was removed or its owner left (404, 401): refused, another channel is tried; throttled (429):
later; cards over 28 KB are refused, so texts are cut well below.
Source: learn.microsoft.com, "Create incoming webhooks with Workflows", "Adaptive Cards".
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from connectors.channels.posting import Context, checked_url, post
from core.model import Finding, OutboundMessage, Priority, Receipt, ReceiptState
from core.ports import MANY_READERS, Abilities

LENGTH = 3000  # so that the escaped card stays under 28 KB in any alphabet


class Settings(BaseModel):
    """`[channels.teams.<name>]`."""

    model_config = ConfigDict(extra="forbid")

    webhook_url: SecretStr  # of a workflow that posts to the channel

    @field_validator("webhook_url")
    @classmethod
    def _an_address(cls, value: SecretStr) -> SecretStr:
        checked_url(value.get_secret_value())
        return value


class Teams:
    """One channel or chat in Teams."""

    kind = "teams"
    can = Abilities("rich", LENGTH, limits=MANY_READERS)
    recipients: tuple[str, ...] = ()

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        self.name, self._url, self._on_call = name, settings.webhook_url.get_secret_value(), context.on_call

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Send one card. Raises TryLater, Refused, UnknownOutcome."""
        card = {"contentType": "application/vnd.microsoft.card.adaptive", "content": _card(outbound)}
        body = json.dumps({"type": "message", "attachments": [card]}, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        post(self._url, on_call=self._on_call, operation="teams webhook", data=body, headers=headers)
        return Receipt(state=ReceiptState.ACCEPTED)

    def check(self) -> list[Finding]:
        """Return one finding: a workflow cannot be tested without posting, so only its address was checked."""
        return [
            Finding(
                "CH50",
                "ok",
                f"{self.name}: the address is well-formed (a workflow cannot be tested without posting)",
            )
        ]


def _card(outbound: OutboundMessage) -> dict[str, Any]:
    head, _, rest = outbound.text[:LENGTH].partition("\n")
    colour = "attention" if outbound.priority is Priority.URGENT else "default"
    title = {"type": "TextBlock", "text": _plain(head), "weight": "bolder", "wrap": True, "color": colour}
    body = [
        title,
        *({"type": "TextBlock", "text": _plain(line), "wrap": True} for line in rest.splitlines() if line),
    ]
    links = (("Open the ticket", outbound.url), ("I take it", outbound.claim_url))
    actions = [
        {"type": "Action.OpenUrl", "title": title, "url": url}
        for title, url in links
        if url.startswith(("https://", "http://"))
    ]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": actions,
    }


def _plain(text: str) -> str:
    """Escape Markdown, which cards render, so that a customer's words are no link or heading."""
    return "".join(f"\\{sign}" if sign in "\\[]()*_#`" else sign for sign in text)


make = Teams
