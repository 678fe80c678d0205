"""The desk's own AI: whether it is handling a ticket, how long we leave the ticket alone, and when it has handed over. Pure.

While it does, we write nothing, move nothing and notify nobody. It has handed over when the ticket was assigned
to people, when an AI's ticket was escalated, when its own message promises a person, or when the customer has
waited too long for its next message.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

from core.model import OVER, Author, Message, Ticket


class HandOver(StrEnum):
    """How a ticket was handed over from the AI to people."""

    WORDS = "words"  # its message to the customer says so
    ASSIGNED = "assigned"
    ESCALATED = "escalated"  # an AI's ticket became an ordinary one
    SILENCE = "silence"


class Hold(StrEnum):
    """What shows that an AI is handling the ticket."""

    TICKET = "ticket"  # read-only until it is escalated
    ASSIGNEE = "assignee"
    COMMENT = "comment"  # the company's last public message is the AI's


@dataclass(frozen=True)
class AtWork:
    """An AI is handling the ticket. `until`: when the ticket goes to a person unless it answers; None when it has answered."""

    hold: str  # stored: a change of it is a hand-over
    until: datetime | None


def look(ticket: Ticket, before: str, now: datetime, wait: timedelta) -> AtWork | HandOver | None:
    """Return whether an AI is handling the ticket or has handed it over; None when neither. `before`: the
    stored `hold`, "" if none."""
    if ticket.status in OVER:
        return None
    said = [m for m in ticket.messages if m.public and not m.draft]
    words = [m for m in said if m.author is Author.AI]
    held = ticket.assignee is not None and ticket.assignee.human
    if any(m.author is Author.AGENT for m in said):
        return HandOver.ASSIGNED if before else None
    hold = _hold(ticket, words)
    if held or not hold or _moved(before, hold, ticket):
        if not (before or (held and words)):
            return None
        return HandOver.ESCALATED if before.startswith(Hold.TICKET) else HandOver.ASSIGNED
    if any(hands_over(m.text) for m in words):
        return HandOver.WORDS
    until = _until(ticket, words, wait)
    if until is not None and until <= now:
        return HandOver.SILENCE
    return AtWork(f"{hold}:{ticket.queue}", until)


def _hold(ticket: Ticket, words: list[Message]) -> Hold | None:
    if ticket.read_only:
        return Hold.TICKET
    if ticket.held_by_ai:
        return Hold.ASSIGNEE
    return Hold.COMMENT if words else None


def _moved(before: str, hold: Hold, ticket: Ticket) -> bool:
    """Return whether the ticket was moved to another queue, or taken from the AI, since the last look."""
    kind, _, queue = before.partition(":")
    return (
        bool(before)
        and (kind != hold or queue != ticket.queue)
        and not ticket.read_only
        and not ticket.held_by_ai
    )


def _until(ticket: Ticket, words: list[Message], wait: timedelta) -> datetime | None:
    """Return when the customer will have waited too long for the AI's answer; None while no answer is due."""
    # in the order of the list: times are in whole seconds
    talk = [m for m in ticket.messages if m.author is Author.CUSTOMER or m in words]
    if not talk or talk[-1].author is Author.AI:
        return None
    wrote = talk[-1].at
    if ticket.read_only and ticket.channel == "chat" and ticket.updated_at > wrote and not words:
        # messages of a conversation are no comments: only the ticket's change shows that it goes on
        return ticket.updated_at + wait
    return wrote + wait


# --- its messages ------------------------------------------------------------------------------


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]], ...]:
    tables = tomllib.loads((Path(__file__).parent / "handover.toml").read_text(encoding="utf-8"))
    return tuple((_any(one["hand"]), _any(one["who"]), _any(one["unless"])) for one in tables.values())


def _any(beginnings: list[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, beginnings))})")


def hands_over(text: str) -> bool:
    """Return whether a message says that a person takes over. A question or an offer does not."""
    for sentence in re.findall(r"[^.!?\n]+[.!?]?", text.casefold()):
        if sentence.endswith("?"):
            continue
        if any(
            h.search(sentence) and w.search(sentence) and not u.search(sentence) for h, w, u in _phrases()
        ):
            return True
    return False
