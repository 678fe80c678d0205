"""What the states and outcomes are called on every page: the console, the agents' sidebar, the app inside a desk.

`make env` writes the same words as JavaScript for that app (`docs/reference.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from core.model import Outcome, TicketState

OUTCOMES: Mapping[str, str] = {
    Outcome.AUTO_RESOLVED: "answered automatically",
    Outcome.ROUTED: "routed to a specialist",
    Outcome.GENERAL_QUEUE: "general queue",
    Outcome.LEFT_ALONE: "no action needed",
    Outcome.REESCALATED: "came back after an automatic answer",
    Outcome.DEAD_LETTER: "failed, please check",
}
STATES: Mapping[str, str] = {
    TicketState.RECEIVED: "in progress",
    TicketState.LEFT_ALONE: "no action needed",
    TicketState.AUTO_RESOLVED: "answered automatically",
    TicketState.ESCALATED: "waiting for a human",
    TicketState.CLAIMED: "claimed",
    TicketState.ANSWERED: "answered by a human",
    TicketState.REESCALATED: "came back, waiting for a human",
    TicketState.DEAD_LETTER: "failed, please check",
}


def script() -> str:
    """Return the two tables as JavaScript constants."""
    tables = {"OUTCOMES": OUTCOMES, "STATES": STATES}
    lines = [f"const {name} = {json.dumps(dict(table), indent=2)};" for name, table in tables.items()]
    return "\n".join(['"use strict";', "// Made by `make env` from core/web/state_words.py.", *lines, ""])
