"""From a ticket's whole story to the few lines that an agent reads beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from core.model import NO_INTENT, TicketState, whole_percent
from core.telemetry.gauges import WAITING
from core.web.state_words import OUTCOMES, STATES
from core.wording import WORTH_NAMING

MOST = 2  # runners-up; words that weighed


def panel_of(story: Mapping[str, Any] | None, now: datetime, zone: tzinfo) -> dict[str, Any]:
    """`known`, `waits`, `intent`, `title`, `sure`, `outcome`, `priority`, and the `rows` of (name, value, late)."""
    if story is None or not story["ticket"]:
        return {"known": False, "waits": False, "intent": "", "rows": []}
    ticket, last = story["ticket"], (story["decisions"] or [{}])[-1]
    intent = str(ticket["final_intent"] or last.get("intent") or ticket["intent"] or "")
    guessed = str(last.get("intent") or ticket["intent"] or "")
    waits = ticket["state"] in WAITING
    return {
        "known": True,
        "waits": waits or ticket["state"] == TicketState.CLAIMED,
        "intent": intent,
        "title": "No known intent" if intent in {"", NO_INTENT} else plain(intent),
        "sure": _percent(last.get("confidence", ticket["confidence"]))
        if intent and intent == guessed
        else "",
        "outcome": OUTCOMES.get(ticket["outcome"], ""),
        "priority": ticket["priority"] if ticket["priority"] in {"urgent", "high"} else "",
        "rows": [
            row for row in _rows(ticket, last, (intent, guessed), now.astimezone(zone), waits=waits) if row[1]
        ],
    }


def _rows(
    ticket: Mapping[str, Any],
    last: Mapping[str, Any],
    intents: tuple[str, str],
    now: datetime,
    *,
    waits: bool,
) -> list[tuple[str, str, bool]]:
    """`intents`: what it is, and what was guessed; `now` in the zone that the times are told in."""
    intent, guessed = intents
    promise: datetime | None = ticket["promise_at"]
    late = bool(promise and waits and promise < now)
    others = [one for one in last.get("alternatives") or [] if one[1] >= WORTH_NAMING]
    runners = [f"{plain(name)} {_percent(share)}" for name, share in others[:MOST]]
    rule = last.get("rule")
    return [
        ("State", STATES.get(ticket["state"], ""), False),
        (
            "Corrected",
            f"an agent said so; the guess was {plain(guessed)}" if intent != guessed else "",
            False,
        ),
        ("Why", str(last.get("reason") or ticket["reason"] or ""), False),
        ("Also possible", ", ".join(runners), False),
        ("What weighed most", ", ".join(str(one) for one in (last.get("evidence") or [])[:5]), False),
        (
            "Promised to the customer",
            f"{_at(promise, now)}{' – overdue' if late else ''}" if promise else "",
            late,
        ),
        ("Told next, if nobody takes it", _next(ticket, now) if waits else "", False),
        ("Taken by", str(ticket["claimed_by"] or ""), False),
        ("Rule", f"{rule}, rules version {last.get('rules_version', '')}" if rule else "", False),
    ]


def _next(ticket: Mapping[str, Any], now: datetime) -> str:
    ladder, done = ticket["ladder"] or [], ticket["rung"] or 0
    if done >= len(ladder):
        return ""
    due = ticket["next_due_at"] or datetime.fromisoformat(str(ladder[done]["at"]))
    return f"{ladder[done]['notify']}, {_at(due, now)}"


def _at(at: datetime, now: datetime) -> str:
    return f"{at.astimezone(now.tzinfo):%a %d %b, %H:%M %Z}"


def _percent(share: Any) -> str:
    return f"{whole_percent(float(share or 0))}%"


def plain(name: str) -> str:
    """`billing_dispute` → `Billing dispute`."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
