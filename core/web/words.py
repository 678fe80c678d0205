"""How the pages say times, shares and other people's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from core.ledger.states import Entry
from core.model import NO_INTENT, Outcome, TicketState, whole_percent
from core.reports.numbers import percent, words
from core.reports.phrases import HIDDEN
from core.web.state_words import OUTCOMES, STATES

_CAPITAL = re.compile(r"(?=[A-Z])")
_QUIET = ("do", "facts", "text", "template", "says")  # what an action holds for the program alone
_LABELLED = "SetFields"  # its values say little without their names
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
SHORT, LONG = 120, 1500


SNOOZES = {30: "half an hour", 60: "an hour", 240: "four hours"}
"""Minutes, and how a person says them."""
_NOTHING_NEW = {
    "follow-up": "added to the waiting ticket",
    "thanks": "a thank-you: solved again",
    "machine mail": "automatic mail: nobody is written to",
    "set aside": "set aside until the ticket changes",
}
"""What a message came to that changed nothing, by the rule that said so."""


_ENTRIES: Mapping[str, str] = {Entry.NOTICED: "notified", Entry.SPARED: "not notified"}
"""Kinds of lines of the history whose stored names say little to a reader."""


def came_to(outcome: str, rule: str) -> str:
    """Return what one message came to, in words."""
    if outcome == Outcome.LEFT_ALONE and rule in _NOTHING_NEW:
        return _NOTHING_NEW[rule]
    return OUTCOMES.get(outcome, outcome)


def state_of(ticket: Mapping[str, Any]) -> str:
    """Return a ticket's state in words; what would have been done with an observed one is its outcome."""
    observed = (
        ticket["state"] == TicketState.LEFT_ALONE
        and (ticket["outcome"] or Outcome.LEFT_ALONE) != Outcome.LEFT_ALONE
    )
    return "observed" if observed else STATES.get(ticket["state"], ticket["state"])


def entry_of(what: str) -> str:
    """Return how a line of a ticket's history begins, in words."""
    return _ENTRIES.get(what, what)


def clean(text: Any, length: int = SHORT) -> str:
    """Other people's words without what turns or hides text, shortened."""
    plain = HIDDEN.sub("", str(text if text is not None else ""))
    return plain if len(plain) <= length else f"{plain[:length].rstrip()}…"


def took(delta: timedelta | None) -> str:
    """`42 min`, `3 h 05 min`, `2 d 4 h`: as exact as one needs to know."""
    if delta is None:
        return "–"
    seconds = abs(delta.total_seconds())
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:02.0f} min"
    return f"{seconds // _DAY:.0f} d {seconds % _DAY // _HOUR:.0f} h"


def until(at: datetime | None, now: datetime) -> str:
    """`in 12 min`, or `8 min overdue`."""
    if at is None:
        return "–"
    return f"in {took(at - now)}" if at >= now else f"{took(now - at)} overdue"


def stamp(at: datetime | None) -> Markup:
    """A time that the page's script shows in the reader's zone; without script it stays UTC and says so."""
    if at is None:
        return Markup("–")
    text = f"{at.day} {at:%b} {at:%H:%M} UTC"
    return Markup('<time datetime="{}" data-local>{}</time>').format(at.isoformat(timespec="seconds"), text)


def quoted(text: Any, length: int = SHORT) -> Markup:
    """Other people's words, kept apart from ours in either direction of writing."""
    return Markup('<bdi dir="auto">{}</bdi>').format(escape(clean(text, length)))


def doing(actions: Any) -> list[tuple[str, str]]:
    """The actions of one call, as pairs of what and with which words."""
    told = []
    for one in actions if isinstance(actions, list) else []:
        if isinstance(one, dict):
            labelled = one.get("do") == _LABELLED
            named = [f"{k} {_value(v)}" if labelled else _value(v) for k, v in one.items() if k not in _QUIET]
            values = [one["text"]] if one.get("text") else named
            told.append(
                (_CAPITAL.sub(" ", str(one.get("do", ""))).strip().lower(), ", ".join(filter(None, values)))
            )
    return told


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def web_link(url: str) -> str:
    """The link if it leads to a web page, else nothing: no `javascript:` from a vendor's field."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def filters() -> dict[str, Any]:
    """What the templates may call as filters."""
    return {
        "clean": clean,
        "took": took,
        "stamp": stamp,
        "quoted": quoted,
        "web": web_link,
        "doing": doing,
        "percent": percent,
        "whole": whole_percent,
    }


def names() -> dict[str, Any]:
    """What the templates may call by name."""
    return {
        **words(),
        "until": until,
        "OUTCOMES": OUTCOMES,
        "STATES": STATES,
        "LONG": LONG,
        "SNOOZES": SNOOZES,
        "came_to": came_to,
        "state_of": state_of,
        "entry_of": entry_of,
        "NO_INTENT": NO_INTENT,
    }
