"""What a customer says in one message of a ticket: the new words, everything that may be theirs, and what was cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from core.mail.attribution import attribution
from core.mail.headers import header_block
from core.mail.lines import Line
from core.mail.parts import Kind, Part
from core.mail.repeated import Found, found_in
from core.mail.split import WINDOW, split
from core.mail.visible import seen_lines
from core.model import Author, Message, Ticket

SUBSTANTIAL = 20  # letters: fewer than this cannot be a request
EARLIER = 50  # messages of a thread that are compared with
_BLANK_LINES = re.compile(r"\n{3,}")
_FORWARDS = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*)*(?:fwd?|wg|tr|rv|i|enc|pd|vb|vl|vs|doorst|redir|videresend|i\u0307?lt|tov\u00e1bb\u00edt\u00e1s|\u03c0\u03c1\u03b8|\u8f49\u5bc4|\u8f6c\u53d1|\u8ee2\u9001)\s*[:\uff1a]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Said:
    """One message, read. `words` is what the classifier reads; `everything` what alarms are looked for in."""

    words: str = ""  # what is said now, forwarded mail included
    # and all that is not surely an earlier text: of this thread, or quoted within a quoted mail
    everything: str = ""
    cut: str = ""  # left out of `words` though it stands nowhere in the thread; "" when next to nothing is
    # whether anything is; where all is quoted, `words` is the whole, unless it repeats the thread
    new: bool = True


def said_in(ticket: Ticket, message: Message) -> Said:
    """Return what a message of the ticket says, compared with those before it."""
    place = ticket.messages.index(message) if message in ticket.messages else len(ticket.messages)
    earlier = [m for m in ticket.messages[:place] if m.public][-EARLIER:]
    ours = [m.text or m.html for m in earlier if m.author is not Author.CUSTOMER]
    theirs = [m.text or m.html for m in earlier if m.author is Author.CUSTOMER]
    return said(
        message.text, message.html, subject="" if earlier else ticket.subject, ours=ours, theirs=theirs
    )


def said(
    text: str, html: str = "", *, subject: str = "", ours: Sequence[str] = (), theirs: Sequence[str] = ()
) -> Said:
    """Return what a message says. `ours`, `theirs`: the earlier messages of its thread. Never raises."""
    return _said(text, html, subject, tuple(ours), tuple(theirs))


@lru_cache(maxsize=32)  # who wrote a message and what it says are asked one after the other
def _said(text: str, html: str, subject: str, ours: tuple[str, ...], theirs: tuple[str, ...]) -> Said:
    lines = seen_lines(text, html)
    repeats, repeats_ours = found_in([*ours, *theirs]), found_in(ours)
    parts = split(lines, forwarded=forwards(subject), repeats=repeats, ours=repeats_ours)
    words = _joined(part.text for part in parts if part.kind in {Kind.NEW, Kind.FORWARDED})
    unknown = [_unknown(part, repeats) for part in parts if part.kind is Kind.QUOTED]
    cut = _joined(chain.from_iterable(unknown))
    latest = _joined(chain.from_iterable(map(_before_older, unknown)))
    if not _letters(words):
        whole = _all_of(lines, repeats)
        return Said(whole, whole, new=False)
    kept = {Kind.NEW, Kind.FORWARDED, Kind.SIGNATURE}
    everything = _joined([*(part.text for part in parts if part.kind in kept), latest])
    return Said(words, everything, cut if _letters(cut) >= SUBSTANTIAL else "")


def forwards(subject: str) -> bool:
    """Whether a subject says that the mail forwards another ("Fwd:", "WG:", "TR:")."""
    return bool(_FORWARDS.match(subject))


def _unknown(part: Part, repeats: Found) -> list[str]:
    """The quoted lines that stand in no earlier message."""
    return [line for line in part.lines if line and not repeats(line)]


def _before_older(lines: Sequence[str]) -> Sequence[str]:
    """A quoted mail without the mail that it quotes itself: that one was answered, so nothing in it is new."""
    for place in range(len(lines)):
        below = lines[place : place + WINDOW]
        if attribution(below)[1] or header_block(below).sure:
            return lines[:place]
    return lines


def _all_of(lines: Sequence[Line], repeats: Found) -> str:
    """The whole message, for one that seems to say nothing new; "" when all of it was said before."""
    texts = [line.text for line in lines]
    return "" if all(repeats(text) for text in texts if text) else _joined(texts)


def _joined(texts: Iterable[str]) -> str:
    return _BLANK_LINES.sub("\n\n", "\n".join(texts)).strip()


def _letters(text: str) -> int:
    return sum(c.isalnum() for c in text)
