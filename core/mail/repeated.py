"""What of a message stands in earlier messages of its thread already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.mail.characters import clean
from core.mail.frames import squashed
from core.mail.lines import lines_of
from core.mail.visible import seen_lines

Found = Callable[[str], bool]

ENOUGH = 12  # letters of a line that is looked for by itself: "Yes, please." stands in many messages
LONG = 30  # letters of a line that nobody writes twice in the same words
HALF = 0.5


def found_in(texts: Sequence[str]) -> Found:
    """Return whether a line stands in one of the texts; they are read when the first line is asked for."""
    read: list[str] = []

    def found(line: str) -> bool:
        if texts and not read:
            read.append("\n".join(_squashed(text) for text in texts))
        wanted = squashed(line)
        return bool(read) and bool(wanted.strip()) and wanted in read[0]

    return found


def all_repeat(lines: Sequence[str], repeats: Found) -> bool:
    """Return whether all lines stand in the thread, and one of them is long enough for that to say something."""
    said = [line for line in lines if line]
    return any(len(squashed(line)) > ENOUGH for line in said) and all(map(repeats, said))


def answers_between(lines: Sequence[str], repeats: Found) -> set[int]:
    """Return which lines of quoted history are answers written into it: not known from the thread, while most of the
    history is, and known lines stand above and below."""
    asked = [place for place, line in enumerate(lines) if len(squashed(line)) > ENOUGH]
    known = [place for place in asked if repeats(lines[place])]
    if len(known) < 2 or len(known) < HALF * len(asked):  # noqa: PLR2004
        return set()
    last = max(place for place, line in enumerate(lines) if line and repeats(line))
    return {place for place in range(known[0], last) if lines[place] and not repeats(lines[place])}


def copied(line: str, repeats: Found) -> bool:
    """Return whether a long line stands in the thread word for word."""
    return len(squashed(line)) > LONG and repeats(line)


def _squashed(text: str) -> str:
    """Of what is seen and of the raw text: a vendor's text may have been made of HTML in its own way."""
    seen = "\n".join(line.text for line in seen_lines(text))
    raw = "\n".join(line.text for line in lines_of(clean(text)))
    return squashed(seen) if seen == raw else f"{squashed(seen)}\n{squashed(raw)}"
