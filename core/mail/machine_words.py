"""What the words of a mail show of who wrote it: a machine's text is one that such machines explain, sentence by sentence. Pure.

One phrase decides nothing: "I am on holiday" is an absence note or the beginning of a complaint. So what counts is how much
of a text the phrases and function words of its language leave unexplained, and whether anybody asks for something or speaks of
what customers write about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.mail import phrases
from core.mail.machine_shape import Shape, by_shape
from core.mail.phrases import Language, Table, fold
from core.mail.said import said
from core.model import Evidence, Grade, MachineKind

WORDED = {
    MachineKind.BOUNCE: "a delivery report",
    MachineKind.RECEIPT: "a read receipt",
    MachineKind.CALENDAR: "a calendar answer",
    MachineKind.REACTION: "a reaction",
    MachineKind.REPORT: "an automatic report",
    MachineKind.ABSENCE: "an absence note",
    MachineKind.ACKNOWLEDGMENT: "another desk's acknowledgment",
    MachineKind.AUTOMATIC: "an automatic message",
    MachineKind.BULK: "a newsletter",
}
"""The kinds that words show, in the order in which they are tried: the narrower before the wider."""

_PREFIXES = re.compile(
    r"^\s*(?:(?:re|aw|sv|vs|antw|odp|rif|res|r|ynt|vb|fw|fwd|wg|tr|rv|i|enc|pd|doorst|vl|回复|答复|转发|回覆|ответ|на)\s*(?:\[\d+\])?\s*:\s*)+"
)
_TAG = re.compile(r"^\s*(?:\[[^\]]{0,60}\]|【[^】]{0,60}】|\{[^}]{0,60}\}|\*+[^*]{0,40}\*+)\s*:?\s*")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_ASKS = re.compile(r"[?？؟](?![\w/=&])")
SAD = re.compile("[👎😡😠😢😭😞🙁☹😤🤬💔😕😒🙄❌]")
_SENTENCES = re.compile(r"(?<=[^\d\s][.!?])\s+|(?<=[。！？])|\n+")
_LABEL = re.compile(r"^\s*[^\W\d_]{1,14}\s?[:：]\s?\S", re.MULTILINE)
_MOST_ASKS = 600  # characters in which a question counts
SHORT = 60  # letters and signs: less says nothing of its own

WORDY = 8  # letters and signs of a phrase that says something by itself
NAME = 4  # words of a name and what stands beside it
STRAY = 2  # unexplained words of a sentence that is a person's
WHOLE, MOSTLY, PARTLY = 0.25, 0.40, 0.55
"""Shares of a text that nothing explains: up to the first, no person has said anything; beyond the last, somebody has."""


@dataclass(frozen=True)
class _Read:
    """A mail's words, folded, and what is plain about them whatever kind they are of."""

    subjects: tuple[str, ...]  # the subject, and what is left of it behind each "Re:" and tag
    text: str
    languages: tuple[Language, ...]  # that it may be written in
    asks: bool  # somebody asks or demands something
    topic: bool  # it speaks of parcels, charges, passwords: of what customers write about
    labels: int  # lines such as "To: …"
    daemon: bool  # a mail server sent it
    robot: bool  # nobody reads what is sent to its sender

    def headed(self, kind: MachineKind) -> bool:
        """Whether the subject begins like that of such a message."""
        return any(phrases.heads(kind).match(one) for one in self.subjects)


@dataclass(frozen=True)
class _Fit:
    """How well a mail fits a kind of message in one language."""

    headed: bool  # its subject begins so
    states: int  # different sentences that only this kind says
    beside: int  # different sentences that such a message says beside it
    share: float  # of its letters that are left unexplained
    left: int  # words that are left unexplained
    topic: bool  # something beside those sentences is what customers write about
    own: bool  # a sentence is none of such a message's, and says something


def by_words(subject: str, text: str, *, daemon: bool = False, robot: bool = False) -> Evidence | None:
    """What the words alone say; None when they are a person's. `daemon`: a mail server sent it; `robot`: nobody reads what
    is sent to its sender."""
    read, found = _read(subject, text, daemon=daemon, robot=robot)
    for kind, name in WORDED.items():
        fits = list(_fits(kind, read, found))
        if fits:
            whole = any(_nothing_else(kind, read, fit) for fit in fits)
            return Evidence(Grade.LIKELY, kind, f"it reads like {name}", whole=whole)
    raw = _opening(_now(text)[: phrases.LIMIT])
    return by_shape(Shape(read.subjects[0], read.text, raw, read.languages, read.asks, read.topic))


def _fits(kind: MachineKind, read: _Read, found: Sequence[Language]) -> Iterator[_Fit]:
    """How the mail fits the kind, in each language in which it does."""
    headed = read.headed(kind)
    every = kind in _NAMED and len(read.text) <= 4 * SHORT  # a name and three words show no language
    for language in phrases.languages().values() if every else found:
        fit = _fit(kind, read, language, language if language.words else found[0], headed=headed)
        if fit is not None and _RULES[kind](read, fit):
            yield fit


def _nothing_else(kind: MachineKind, read: _Read, fit: _Fit) -> bool:
    """Whether no person says anything in it."""
    if read.asks or SAD.search(read.text) or (fit.topic and kind not in _NAMED):
        return False
    reports = read.daemon and kind is MachineKind.BOUNCE  # in whatever words: nobody sits behind that address
    return reports or _complete(kind, read, fit)


def _read(subject: str, text: str, *, daemon: bool, robot: bool) -> tuple[_Read, list[Language]]:
    folded = _opening(fold(_now(text)[: phrases.LIMIT]))
    heads = _heads(fold(subject[:300]))
    found = phrases.likely_languages(f"{heads[0]}\n{folded}")
    begin = folded[:_MOST_ASKS]
    asks = bool(_ASKS.search(begin) or _ASKS.search(heads[0]))
    asks = asks or any(one.pattern("asks").search(begin) for one in found)
    topic = any(one.pattern("topics").search(folded) for one in found)
    return _Read(heads, folded, tuple(found), asks, topic, len(_LABEL.findall(begin)), daemon, robot), found


def _now(text: str) -> str:
    """Without quoted history."""
    return (said(text).words or text) if "\n" in text else text


def _heads(subject: str) -> tuple[str, ...]:
    heads = [subject]
    while True:
        rest = _PREFIXES.sub("", heads[-1])
        rest = _TAG.sub("", rest) if rest == heads[-1] else rest
        if rest == heads[-1]:
            return (*heads, _HYPHEN.sub(" ", rest))
        heads.append(rest)


def _opening(folded: str) -> str:
    """Without the banner that the receiver's mail server put above."""
    head, _, rest = folded.partition("\n\n")
    return rest.strip() if rest and phrases.banners().match(head.lstrip("*[ ")) else folded


def _fit(
    kind: MachineKind, read: _Read, language: Language, spoken: Language, *, headed: bool
) -> _Fit | None:
    """None when neither the subject nor the text says anything of the kind. `spoken`: the language of the rest."""
    table = language.table(kind)
    states = {m[0] for m in table.states.finditer(read.text)} if table is not None else set()
    if not headed and not states:
        return None
    of_all = phrases.languages()[phrases.EVERYWHERE]
    named = {one.code: one for one in (language, spoken, of_all)}.values()
    found = (one.table(which) for one in named for which in (kind, MachineKind.AUTOMATIC))
    tables = [one for one in found if one is not None]
    beside = {m[0] for one in tables for m in one.more.finditer(read.text) if _says_much(m[0])}
    patterns = [pattern for one in tables for pattern in (one.states, one.more)]
    share, left = phrases.unexplained(read.text, patterns, spoken)
    topic = read.topic and _topic_beside(read, tables)
    own = any(_own(sentence, patterns, spoken) for sentence in _SENTENCES.split(read.text))
    return _Fit(headed, len(states), len(beside), share, left, topic, own)


def _topic_beside(read: _Read, tables: Sequence[Table]) -> bool:
    """Whether what customers write about is named outside the kind's own sentences: reports of mail servers, too, say that
    something could not be delivered."""
    rest = read.text
    for one in tables:
        rest = one.states.sub(" ", rest)
    return any(language.pattern("topics").search(rest) for language in read.languages)


def _own(sentence: str, patterns: Sequence[re.Pattern[str]], spoken: Language) -> bool:
    """Whether a sentence is a person's: no phrase of the kind is in it, and it is no name or greeting."""
    if any(_says_much(found[0]) for pattern in patterns for found in pattern.finditer(sentence)):
        return False
    return phrases.unexplained(sentence, (), spoken)[1] >= STRAY


def _says_much(phrase: str) -> bool:
    return len(phrase) >= WORDY or not phrase.isascii()


def _complete(kind: MachineKind, read: _Read, fit: _Fit) -> bool:
    """Whether it says nothing that such a message does not say."""
    if kind in _NAMED:
        if not fit.states and read.labels <= 1 and len(phrases.tokens(read.text)) > NAME:
            return False
        return fit.share <= WHOLE or fit.left <= NAME
    return fit.share <= WHOLE and not fit.own and (fit.headed or fit.states > 1 or fit.beside > 0)


def _absence(read: _Read, fit: _Fit) -> bool:
    if read.asks or (read.topic and not fit.headed):
        return False
    if fit.headed:
        return fit.states > 0 or fit.share <= PARTLY or not read.topic
    return fit.share <= WHOLE or (fit.share <= PARTLY and (fit.states > 1 or fit.beside > 0))


def _acknowledgment(read: _Read, fit: _Fit) -> bool:
    if read.asks:
        return fit.headed and fit.states > 1 and fit.share <= WHOLE
    if fit.headed:
        return fit.states > 0 or fit.share <= MOSTLY
    if fit.states > 1:
        return fit.share <= PARTLY
    return fit.share <= WHOLE and len(read.text) >= SHORT and not read.topic


def _bounce(read: _Read, fit: _Fit) -> bool:
    if read.daemon:
        return fit.headed or fit.states > 0
    if read.asks or (fit.topic and not (fit.headed and fit.states > 1)):
        return False
    if not fit.states:
        return len(read.text) < SHORT
    return fit.headed or fit.states > 1 or fit.share <= MOSTLY


def _answer(read: _Read, fit: _Fit) -> bool:
    if read.asks:
        return False
    return (fit.headed and (fit.states > 0 or len(read.text) < SHORT)) or (
        fit.states > 0 and fit.share <= WHOLE
    )


def _receipt(read: _Read, fit: _Fit) -> bool:
    """Mail programs write the subject and whose message was read in the reader's language, whatever language that is."""
    return _answer(read, fit) or (fit.headed and not read.asks and read.labels > 1)


def _reaction(read: _Read, fit: _Fit) -> bool:
    return fit.states > 0 and not read.asks and len(read.text) <= 4 * SHORT


def _bulk(read: _Read, fit: _Fit) -> bool:
    return fit.states > 1 or (fit.states > 0 and (fit.headed or read.robot))


def _report(read: _Read, fit: _Fit) -> bool:
    return not read.asks and (fit.headed or fit.states > 0)


def _automatic(read: _Read, fit: _Fit) -> bool:
    return not read.asks and (fit.states > 0 or (fit.headed and fit.share <= MOSTLY))


# they are a name and what that person clicked on
_NAMED = {MachineKind.CALENDAR, MachineKind.REACTION, MachineKind.RECEIPT}
_RULES = {
    MachineKind.BOUNCE: _bounce,
    MachineKind.RECEIPT: _receipt,
    MachineKind.CALENDAR: _answer,
    MachineKind.REACTION: _reaction,
    MachineKind.REPORT: _report,
    MachineKind.ABSENCE: _absence,
    MachineKind.ACKNOWLEDGMENT: _acknowledgment,
    MachineKind.AUTOMATIC: _automatic,
    MachineKind.BULK: _bulk,
}
