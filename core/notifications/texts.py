"""The text of a notice: its facts and a channel's format → subject and text. Pure.

Short formats (SMS, pagers) hold the ticket's id and no word of the customer's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.hours import Hours
from core.model import whole_percent
from core.promise_text import say

CUSTOMERS_WORDS = ("subject", "customer_name")
BLANK = {
    "template": "",
    "ticket": "",
    "desk": "",
    "priority": "normal",
    "state": "",
    "subject": "",
    "customer_name": "",
    "intent": "",
    "percent": 0,
    "queue": "",
    "claimed_by": "",
    "headline": "",
    "text": "",
    "wait": "",
    "promise": "",
    "collapsed": [],
    "because": "",
    "repeat": False,
    "tickets": [],
    "count": 0,
    "more": 0,
    "url": "",
    "claim_url": "",
    "words": False,
}
HEAD = 80  # characters before and after the ids in a short digest
LINE = 200  # of a subject or a name


def render(
    facts: Mapping[str, Any],
    form: str,
    *,
    length: int,
    words: bool,
    now: datetime,
    hours: Hours,
    urls: tuple[str, str] = ("", ""),
) -> tuple[str, str]:
    """Subject and text in one of the formats "short", "rich", "mail". `words`: whether the customer's may be in it;
    `urls`: the ticket's and the claim's."""
    shown = {name: value for name, value in facts.items() if words or name not in CUSTOMERS_WORDS}
    told = _told(shown, now, hours) | {"words": words, "url": urls[0], "claim_url": urls[1]}
    if form == "short":
        told |= _those_that_fit(told["tickets"], length - HEAD - len(urls[1]))
    text = _tidied(_environment().get_template(f"notice_{form}.txt").render(n=told))
    head = str(_environment().get_template("notice_heads.txt").module.head(told))  # type: ignore[attr-defined]
    subject = f"{head} · {told['subject']}" if told["subject"] and told["ticket"] else head
    return subject, _fitted(text, length, urls[1] if form == "short" else "")


def waited(span: timedelta) -> str:
    """ "35 min", "2 h 5 min", "3 days"."""
    minutes = max(int(span.total_seconds() // 60), 0)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:  # noqa: PLR2004  # two days
        return f"{hours // 24} days"
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{minutes} min"


def _told(facts: Mapping[str, Any], now: datetime, hours: Hours) -> dict[str, Any]:
    told = BLANK | {
        name: _line(value) if name in BLANK and name != "text" else value for name, value in facts.items()
    }
    told["headline"] = told["headline"] or _line(str(facts.get("what", "")))
    told["percent"] = whole_percent(float(facts.get("confidence") or 0))
    if since := facts.get("waiting_since"):
        told["wait"] = waited(now - datetime.fromisoformat(since))
    if promised := facts.get("promise_at"):
        at = datetime.fromisoformat(promised)
        told["promise"] = (
            say(at, now, hours, "en")
            if at > now
            else f"by {at.astimezone(hours.zone):%H:%M}, which has passed"
        )
    told["tickets"] = [_told(one, now, hours) for one in facts.get("tickets", [])]
    told["count"] = len(facts.get("tickets", []))
    return told


def _those_that_fit(tickets: list[dict[str, Any]], room: int) -> dict[str, Any]:
    """Return as many whole ticket ids as a short message holds, and the number of the others."""
    named: list[dict[str, Any]] = []
    for one in tickets:
        room -= len(str(one["ticket"])) + 2
        if room < 0:
            break
        named.append(one)
    return {"tickets": named, "more": len(tickets) - len(named)}


def _line(value: Any) -> Any:
    """Return one line, without characters that turn text around or hide it: customers write subjects."""
    if not isinstance(value, str):
        return value
    plain = re.sub(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069\x00-\x1f\x7f]", " ", value)
    return " ".join(plain.split())[:LINE]


def _tidied(text: str) -> str:
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _fitted(text: str, length: int, link: str) -> str:
    """Cut in the middle of the words, never in the link at the end, nor before the ticket's id."""
    if len(text) <= length:
        return text
    # "…" would halve what an SMS holds
    tail = f"... {link}" if link and len(link) + 4 < length // 2 else "..."
    return text[: length - len(tail)] + tail


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Plain text for channels that escape for themselves; nothing of it is ever shown as HTML.
    loader = FileSystemLoader(Path(__file__).parents[1] / "templates")
    return Environment(loader=loader, undefined=StrictUndefined, autoescape=False)  # noqa: S701  # nosec B701


def plain(facts: Mapping[str, Any]) -> str:
    """When a template is broken: the least that must be said."""
    tickets: Sequence[Mapping[str, Any]] = facts.get("tickets") or [facts]
    named = ", ".join(f"{one.get('ticket', '')} ({one.get('desk', '')})" for one in tickets)
    return f"Backstop: {facts.get('priority', '')} ticket {named} needs a human"
