"""A mail's lines taken apart: what is said now, what is quoted, what is forwarded, and what is no message at all.

A line is cut only for a reason that the mail's structure gives; in doubt it is the customer's. Losing a word of the
customer's is worse than keeping a line of history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from core.mail import signature
from core.mail.attribution import Grade, attribution, quotes_words
from core.mail.headers import header_block, is_forwarded, is_original, is_reply_line, rule_above
from core.mail.lines import Line, Mark
from core.mail.parts import Kind, Part
from core.mail.repeated import Found, all_repeat, answers_between, copied

WINDOW = 40  # lines within which a header block or an attribution ends


def never(_: str) -> bool:
    """Say of each line that it stands nowhere else."""
    return False


@dataclass
class _Cut:
    """The lines with what was found out about each, and where the reading stands."""

    lines: Sequence[Line]
    forwarded: bool  # the subject says so
    repeats: Found
    found: list[tuple[Kind, str]] = field(default_factory=list)
    attributed: bool = False
    place: int = 0

    def __post_init__(self) -> None:
        self.found = [(Kind.NEW, "")] * len(self.lines)

    def text(self) -> list[str]:
        """The texts of the next few lines, as long as they are quoted as deep as the first."""
        found: list[str] = []
        for line in self.lines[self.place : self.place + WINDOW]:
            if line.depth != self.lines[self.place].depth and not line.blank:
                break
            found.append(line.text)
        return found

    def run(self, start: int, belongs: Callable[[Line], bool]) -> int:
        """How many lines from `start` on belong together."""
        end = start
        while end < len(self.lines) and belongs(self.lines[end]):
            end += 1
        return end - start

    def following(self, length: int) -> Line | None:
        """The first line with words behind the next `length` lines."""
        place = self.place + length
        place += self.run(place, lambda line: line.blank)
        return self.lines[place] if place < len(self.lines) else None

    def mark(self, count: int, kind: Kind, why: str) -> None:
        """Say what the next lines are, and go on behind them."""
        end = min(self.place + count, len(self.lines))
        for place in range(self.place, end):
            self.found[place] = (kind, why)
        self.place = end

    def said_above(self) -> bool:
        """Whether the customer has said something above this place."""
        return any(
            kind is Kind.NEW and not self.lines[i].blank
            for i, (kind, _) in enumerate(self.found[: self.place])
        )

    @property
    def left(self) -> int:
        """How many lines are left."""
        return len(self.lines) - self.place


def split(
    lines: Sequence[Line], *, forwarded: bool = False, repeats: Found = never, ours: Found = never
) -> tuple[Part, ...]:
    """Return the parts of a mail in order. `forwarded`: its subject says that it forwards one; `repeats`: whether a
    line stands in an earlier message of the thread; `ours`: whether in one that we wrote."""
    cut = _Cut(lines, forwarded, repeats)
    while cut.left:
        line = cut.lines[cut.place]
        if (line.blank and not line.mark) or not _step(cut, line):
            cut.place += 1
    _compare(cut, ours)
    _sign_off(cut)
    return _parts(cut)


def _step(cut: _Cut, line: Line) -> bool:
    """Mark what begins here, if something does."""
    if line.mark is Mark.ATTRIBUTION:
        cut.attributed = True
        cut.mark(1, Kind.FRAME, "marked as attribution by the mail program")
        return True
    if line.mark is Mark.HISTORY:
        return _marked_history(cut)
    if line.depth:
        return _quotation(cut)
    return _reply_line(cut, line) or _forward(cut, line) or _header(cut) or _attribution(cut)


def _marked_history(cut: _Cut) -> bool:
    run = cut.run(cut.place, lambda line: line.mark is Mark.HISTORY)
    if cut.forwarded or not (cut.said_above() or _said_below(cut, run)):
        _forwarded_mail(cut, run)
    else:
        cut.mark(run, Kind.QUOTED, "marked as an earlier mail by the mail program")
    return True


def _said_below(cut: _Cut, run: int) -> bool:
    return any(not line.blank and not line.depth for line in cut.lines[cut.place + run :])


def _reply_line(cut: _Cut, line: Line) -> bool:
    if not is_reply_line(line.text) or not cut.said_above():
        return False
    cut.mark(cut.left, Kind.QUOTED, "below the help desk's reply line")
    return True


def _forward(cut: _Cut, line: Line) -> bool:
    if not is_forwarded(line.text):
        return False
    cut.mark(1, Kind.FRAME, "line above a forwarded mail")
    _forwarded_mail(cut, cut.left)
    return True


def _forwarded_mail(cut: _Cut, count: int) -> None:
    """The header block above a forwarded mail is the mail program's, but for its subject; the rest is the message."""
    end = cut.place + count
    _skip_blanks(cut)
    texts = [line.text for line in cut.lines[cut.place : end]]
    above = rule_above(texts) if not header_block(texts).length else 0
    block = header_block(texts[above:])
    start = cut.place
    if block.length:
        cut.mark(above + block.length, Kind.FRAME, "header of a forwarded mail")
        for place in block.subjects:
            cut.found[start + above + place] = (Kind.FORWARDED, "")
    cut.mark(end - cut.place, Kind.FORWARDED, "")


def _skip_blanks(cut: _Cut) -> None:
    while cut.left and cut.lines[cut.place].blank:
        cut.place += 1


def _header(cut: _Cut) -> bool:
    texts = cut.text()
    above = rule_above(texts)
    block = header_block(texts[above:])
    original = is_original(texts[0])
    if original and not block.length and attribution(texts[above:])[1]:
        cut.mark(above, Kind.FRAME, "line above an earlier mail")
        return True
    if not block.sure and not original:
        return False
    if cut.forwarded or not cut.said_above():
        _forwarded_mail(cut, cut.left)
        return True
    following = cut.following(above + block.length)
    cut.mark(above + block.length, Kind.FRAME, "header of an earlier mail")
    if following is not None and following.depth:  # quoted line by line: what is not may be an answer
        cut.attributed = True
    else:
        cut.mark(cut.left, Kind.QUOTED, "below the header of an earlier mail")
    return True


def _attribution(cut: _Cut) -> bool:
    length, grade = attribution(cut.text())
    if not grade:
        return False
    following = cut.following(length)
    if following is not None and (following.depth or following.mark is Mark.QUOTE):
        cut.attributed = True
        cut.mark(length, Kind.FRAME, "attribution")
        return True
    if grade is Grade.BEFORE_QUOTE or (grade is Grade.ALONE and not _alone(cut, length, following)):
        return False
    above = cut.said_above()
    cut.mark(length, Kind.FRAME, "attribution")
    cut.mark(
        cut.left,
        *((Kind.QUOTED, "below an attribution") if above and not cut.forwarded else (Kind.FORWARDED, "")),
    )
    return True


def _alone(cut: _Cut, length: int, following: Line | None) -> bool:
    """Whether the attribution is a paragraph of its own, with no words in quotation marks below."""
    before = cut.place == 0 or cut.lines[cut.place - 1].blank
    end = cut.place + length
    after = end < len(cut.lines) and cut.lines[end].blank
    return before and after and following is not None and not quotes_words(following.text)


def _quotation(cut: _Cut) -> bool:
    """A block of quoted lines: a forwarded mail, a quotation where the structure says so, else the customer's own."""
    block = _block(cut)
    texts = [line.text for line in block]
    first = next((i for i, text in enumerate(texts) if text), 0)
    if is_forwarded(texts[first]):
        cut.mark(first + 1, Kind.FRAME, "line above a forwarded mail")
        _forwarded_mail(cut, len(block) - first - 1)
        return True
    why = _why_quoted(cut, block, texts[first:])
    cut.mark(len(block), Kind.QUOTED if why else Kind.NEW, why)
    return True


def _block(cut: _Cut) -> Sequence[Line]:
    """The quoted lines from here on, with blank lines between them."""
    length = cut.run(cut.place, lambda line: bool(line.depth) or line.blank)
    while length and not cut.lines[cut.place + length - 1].depth:
        length -= 1
    return cut.lines[cut.place : cut.place + length]


def _why_quoted(cut: _Cut, block: Sequence[Line], texts: Sequence[str]) -> str:
    own = header_block(texts[rule_above(texts) :])
    if attribution(texts)[1] or own.sure or own.addressed:
        cut.attributed = True
        return "a quotation that names its author"
    if cut.attributed:
        return "a quotation below an attribution"
    if any(line.mark is Mark.QUOTE for line in block):
        return "marked as a quotation by the mail program"
    if len({line.depth for line in block if not line.blank}) > 1:
        return "a quotation in a quotation"
    if all_repeat(texts, cut.repeats):
        return "repeats an earlier message"
    return ""


def _compare(cut: _Cut, ours: Found) -> None:
    """With the thread: what is ours is not said by the customer, and an answer written into history is."""
    for place, line in enumerate(cut.lines):
        if cut.found[place][0] is Kind.NEW and copied(line.text, ours):
            cut.found[place] = (Kind.QUOTED, "repeats a message of ours")
    history = [place for place, (kind, _) in enumerate(cut.found) if kind is Kind.QUOTED]
    for answer in answers_between([cut.lines[place].text for place in history], cut.repeats):
        cut.found[history[answer]] = (Kind.NEW, "")


def _sign_off(cut: _Cut) -> None:
    """Take signatures off what is new, one run of lines at a time."""
    start = 0
    for place in range(len(cut.lines) + 1):
        if place < len(cut.lines) and cut.found[place][0] is Kind.NEW:
            continue
        run = [cut.lines[i].text for i in range(start, place)]
        for i, why in signature.around(run).items():
            cut.found[start + i] = (Kind.SIGNATURE, why)
        _marked_signature(cut, start, place)
        start = place + 1


def _marked_signature(cut: _Cut, start: int, end: int) -> None:
    for place in range(start, end):
        line = cut.lines[place]
        if line.mark is Mark.SIGNATURE and (signature.is_contact(line.text) or line.text == "--"):
            cut.found[place] = (Kind.SIGNATURE, "signature")


def _parts(cut: _Cut) -> tuple[Part, ...]:
    labelled = zip(cut.found, cut.lines, strict=True)
    return tuple(
        Part(kind, why, tuple(line.text for _, line in run))
        for (kind, why), run in groupby(labelled, key=lambda pair: pair[0])
    )
