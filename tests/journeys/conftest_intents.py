"""The journeys' intents with one of them changed."""

from __future__ import annotations

from typing import Any

INTENTS: dict[str, Any] = {
    "order_status": {"priority": "low", "queue": "Orders", "reply": "order_status.txt"},
    "billing_dispute": {"priority": "urgent", "queue": "Billing"},
    "login_problem": {"queue": "Tech"},
}


def with_intent(name: str, **changes: Any) -> dict[str, Any]:
    """All intents; `name` changed."""
    return {**INTENTS, name: {**INTENTS.get(name, {}), **changes}}
