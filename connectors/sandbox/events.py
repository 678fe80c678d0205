"""Webhooks: one secret header, one JSON object with the event's name, the ticket's id and the message's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors.kit.decoding import decoded
from connectors.kit.signing import check_token
from connectors.kit.values import row, text
from core.errors import BadPayload
from core.model import EventKind, TicketEvent, WebhookRequest, created_key, look, reply_key

HEADER = "x-desk-token"


def verify(secrets: Sequence[str], request: WebhookRequest) -> None:
    """Raise BadSignature unless the header holds one of the secrets."""
    check_token(secrets, request.headers, HEADER)


def parse(desk: str, request: WebhookRequest, now: datetime) -> tuple[TicketEvent, ...]:
    """Return the event in a genuine request. Raises BadPayload without a ticket id."""
    try:
        told = row(decoded(request.body))
    except ValueError as err:
        raise BadPayload("the webhook's body is no JSON") from err
    ticket_id, message = text(told.get("ticket_id")), text(told.get("message_id"))
    if not ticket_id:
        raise BadPayload("the webhook names no ticket")
    match told.get("event"):
        case "created":
            key = created_key(desk, ticket_id)
            return (TicketEvent(desk, key, EventKind.CREATED, ticket_id, now),)
        case "reply" if message:
            key = reply_key(desk, ticket_id, message)
            return (TicketEvent(desk, key, EventKind.REPLY, ticket_id, now),)
        case _:
            return (look(desk, ticket_id, now.isoformat(), now),)


def probe(secret: str, now: datetime, /) -> WebhookRequest:
    """Return a genuine request about no ticket."""
    return WebhookRequest({HEADER: secret, "content-type": "application/json"}, b"{}")
