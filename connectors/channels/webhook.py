"""A signed webhook, for pagers and programs: the Standard Webhooks scheme, PagerDuty's events, or GoAlert's alerts.

Short texts without the customer's words, and the facts as fields. One incident per ticket: a reminder updates it, and when
somebody took the ticket the incident is closed (`resolve`). Accepted means that the receiver has it; pagers are
machines, so nothing is bundled or held back.

How it fails: 4xx is refused and another channel is tried; 429 and 503 are tried later. A call without an answer
is repeated under the same id (`webhook-id`, `dedup_key`, `dedup`), by which the receiver recognises it.
Sources: standardwebhooks.com; PagerDuty, "Events API v2"; GoAlert, "Integration keys: generic API".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from connectors.channels.posting import Context, checked_url, post
from core.model import Finding, OutboundMessage, Priority, Receipt, ReceiptState
from core.ports import Abilities

PAGERDUTY = "https://events.pagerduty.com"
SEVERITY = {
    Priority.URGENT: "critical",
    Priority.HIGH: "error",
    Priority.NORMAL: "warning",
    Priority.LOW: "info",
}
END = "claimed"


class Settings(BaseModel):
    """`[channels.webhook.<name>]`: `url` and `secret`; preset "pagerduty" wants `routing_key`; "goalert" its `url`."""

    model_config = ConfigDict(extra="forbid")

    preset: str = "standard"  # standard, pagerduty or goalert
    url: SecretStr | None = None  # where it is sent
    secret: SecretStr | None = None  # whsec_…, signs it
    routing_key: SecretStr | None = None  # of PagerDuty's integration

    @model_validator(mode="after")
    def _enough(self) -> Settings:
        needs = {"standard": ("url", "secret"), "pagerduty": ("routing_key",), "goalert": ("url",)}
        if self.preset not in needs:
            raise ValueError(f'preset "{self.preset}" is unknown: use {", ".join(needs)}')
        missing = [name for name in needs[self.preset] if getattr(self, name) is None]
        if missing:
            raise ValueError(f'preset "{self.preset}" needs {" and ".join(missing)}')
        if self.url is not None:
            checked_url(self.url.get_secret_value())
        if self.preset == "standard" and self.secret is not None:
            key(self.secret.get_secret_value())
        return self


class Webhook:
    """One receiver."""

    kind = "webhook"
    can = Abilities("short", 1000, customer_words=False, closes=True)
    recipients: tuple[str, ...] = ()

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        self.name, self._settings, self._on_call = name, settings, context.on_call

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Make one call. Raises TryLater, Refused, UnknownOutcome."""
        url, body, headers = _SHAPES[self._settings.preset](self._settings, outbound, now)
        data = json.dumps(body, ensure_ascii=False).encode()
        if self._settings.preset == "standard" and self._settings.secret is not None:
            headers |= signed(self._settings.secret.get_secret_value(), outbound.key, now, data)
        headers |= {"Content-Type": "application/json"}
        post(
            url,
            on_call=self._on_call,
            operation=f"webhook {self._settings.preset}",
            data=data,
            headers=headers,
        )
        return Receipt(id=outbound.key, state=ReceiptState.ACCEPTED)

    def check(self) -> list[Finding]:
        """Return one finding: a pager cannot be tested without paging, so only the settings were checked."""
        return [
            Finding(
                "CH60", "ok", f"{self.name}: settings are complete (a pager cannot be tested without paging)"
            )
        ]


def key(secret: str) -> bytes:
    """Return the bytes of a `whsec_…` secret."""
    try:
        raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as err:
        raise ValueError("secret must be whsec_ and base64: `openssl rand -base64 32` makes one") from err
    if not raw:
        raise ValueError("secret is empty: `openssl rand -base64 32` makes one")
    return raw


def signed(secret: str, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that prove a call: HMAC-SHA256 over id, time and body."""
    stamp = str(int(now.timestamp()))
    digest = hmac.new(key(secret), f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    proof = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": proof}


def incident(outbound: OutboundMessage) -> str:
    """Return the incident's key: one per ticket; an alarm without a ticket is an incident of its own."""
    return (
        f"backstop:{outbound.desk}:{outbound.ticket_id}" if outbound.ticket_id else f"backstop:{outbound.key}"
    )


Shaped = tuple[str, dict[str, Any], dict[str, str]]


def _standard(settings: Settings, outbound: OutboundMessage, now: datetime) -> Shaped:
    data = {
        "desk": outbound.desk,
        "ticket_id": outbound.ticket_id,
        "priority": outbound.priority.value,
        "summary": outbound.text,
        "url": outbound.url,
        "claim_url": outbound.claim_url,
        "incident": incident(outbound),
    }
    body = {"type": f"ticket.{outbound.template or 'notice'}", "timestamp": now.isoformat(), "data": data}
    return _url(settings), body, {}


def _pagerduty(settings: Settings, outbound: OutboundMessage, now: datetime) -> Shaped:
    base = settings.url.get_secret_value() if settings.url else PAGERDUTY
    routing = settings.routing_key.get_secret_value() if settings.routing_key else ""
    body: dict[str, Any] = {"routing_key": routing, "dedup_key": incident(outbound)[:255]}
    if outbound.template == END:
        return f"{base.rstrip('/')}/v2/enqueue", body | {"event_action": "resolve"}, {}
    details = {"desk": outbound.desk, "ticket": outbound.ticket_id}
    payload = {
        "summary": outbound.text[:1024],
        "source": f"backstop {outbound.desk}".strip(),
        "timestamp": now.isoformat(),
        "severity": SEVERITY[outbound.priority],
        "custom_details": details,
    }
    links = [{"href": outbound.url, "text": "Open the ticket"}] if outbound.url else []
    return (
        f"{base.rstrip('/')}/v2/enqueue",
        body | {"event_action": "trigger", "payload": payload, "links": links},
        {},
    )


def _goalert(settings: Settings, outbound: OutboundMessage, now: datetime) -> Shaped:
    body = {
        "summary": outbound.text.splitlines()[0][:1024],
        "details": f"{outbound.text}\n{outbound.url}".strip(),
        "dedup": incident(outbound),
    }
    return _url(settings), body | ({"action": "close"} if outbound.template == END else {}), {}


def _url(settings: Settings) -> str:
    return settings.url.get_secret_value() if settings.url else ""


_SHAPES: dict[str, Callable[[Settings, OutboundMessage, datetime], Shaped]] = {
    "standard": _standard,
    "pagerduty": _pagerduty,
    "goalert": _goalert,
}


make = Webhook
