"""Whether a ticket was merged into another one. Freshdesk says so in a private note on either side and nowhere else.

Anybody's words can stand in a note: ours quote the customer, a rule of the account's may copy a message into one. So a
merge is believed only of a closed ticket, from a note that says nothing else and is neither ours nor the customer's, and
only when the other ticket says the same. Source: PUT /tickets/merge of API v2, which adds both notes by default; their
English wording is that of the agent interface.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from connectors.kit.values import Row, rows, text

CLOSED = 5
LONGEST = 200  # characters of a note that only says "merged"
_WORDS = r"(?:merged\s+in(?:to)|fusionn\w{1,9}\s+(?:avec|dans)|fusionad\w{1,9}\s+(?:con|en)|zusammengef\w{1,12}\s+mit)"
_INTO = re.compile(
    rf"\A(?:[^\W\d]+\s+){{0,9}}{_WORDS}(?:\s+(?:the|le|la|el|dem))?(?:\s+ticket)?\s+(?:id\s+)?#?(\d{{1,20}})\W*\Z",
    re.I,
)
_FROM = re.compile(r"merged|fusionn|fusionad|zusammengef", re.I)


def target_of(raw: Row, bot: str) -> str:
    """Return the ticket that the last merge note of a closed ticket names; "" when there is none."""
    if raw.get("status") != CLOSED:
        return ""
    for note in reversed(list(_notes(raw, bot))):
        if match := _INTO.search(note):
            return "" if match[1] == text(raw.get("id")) else match[1]
    return ""


def confirms(target: Row, ticket_id: str, bot: str) -> bool:
    """Return whether the surviving ticket has a note that this one was merged into it."""
    named = re.compile(rf"(?<!\d){re.escape(ticket_id)}(?!\d)")
    return any(_FROM.search(note) and named.search(note) for note in _notes(target, bot))


def _notes(raw: Row, bot: str) -> Iterable[str]:
    """Return the short private notes that neither we nor the customer wrote."""
    strangers = {"", bot, text(raw.get("requester_id"))}
    for one in rows(raw.get("conversations")):
        said = _said(one)
        mine = text(one.get("user_id")) in strangers
        if one.get("private") is True and not one.get("incoming") and not mine and len(said) <= LONGEST:
            yield said


def _said(note: Row) -> str:
    given: Any = note.get("body_text") or re.sub(r"<[^<>]*>", "", text(note.get("body")))
    return str(given).strip()
