"""Did a machine write this mail? Evidence with its grade and its reason, from subject, text, sender and headers. Pure.

Two grades. `proven`: a delivery report, a null sender, the desk's own automation; nothing that somebody can type into a
message. `likely`: all else, words, senders and headers alike, for mail of people comes through mailing lists, forwarding
rules and web forms, and people are on holiday, too. What the grades allow is decided in `core.policy`.

Headers: RFC 3834 (Auto-Submitted), RFC 3464 and 6522 (multipart/report), RFC 2919 (List-Id), RFC 8058 (List-Unsubscribe-Post),
Microsoft's X-Auto-Response-Suppress (MS-OXCMAIL 2.2.3.2.14).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.mail import phrases
from core.mail.phrases import Language, fold
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

_ROBOTS = r"""
    do[-_.]?not[-_.]?reply | no[-_.]?reply | ne[-_.]?pas[-_.]?repondre | nicht[-_.]?antworten | no[-_.]?responder
    | geen[-_.]?antwoord | niet[-_.]?beantwoorden | non[-_.]?rispondere | nao[-_.]?responda | nao[-_.]?responder
    | inte[-_.]?svar | ikke[-_.]?svar | nie[-_.]?odpowiadaj | neodpovidat | auto[-_.]?reply | auto[-_.]?confirm | notifications?
"""
_NO_REPLY = re.compile(
    rf"^(?:[^@]{{0,64}}[-_.+])?(?:{_ROBOTS})(?:[-_.+][^@]{{0,64}})?@", re.IGNORECASE | re.VERBOSE
)
_SERVERS = re.compile(
    r"^(?:mailer[-_.]?daemon|mail[-_.]?delivery[-_.]?(?:subsystem|system)|bounces?(?:[-+_=][^@]{0,128})?"
    r"|[^@]{0,64}[-+]bounces)(?:@|$)|^<>$",
    re.IGNORECASE,
)

_POSTMASTER = re.compile(r"^postmaster@", re.IGNORECASE)  # a mail server's, or its keeper's

# RFC 3834: Auto-Submitted is "no" for people; everything else was made by a program.
_PROGRAMS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-failed-recipients")
_BULK = {"bulk", "junk", "list", "auto_reply"}
_LISTS = ("list-id", "list-unsubscribe", "feedback-id")
# Exchange writes "OOF, AutoReply", "All" or "DR, RN, NRN…"; only OOF and AutoReply mean "do not answer me, I am a
# machine": hand-written mail carries "All".
_SUPPRESSED = re.compile(r"\b(oof|autoreply)\b", re.IGNORECASE)

_PREFIXES = re.compile(
    r"^\s*(?:(?:re|aw|sv|vs|antw|odp|rif|res|r|ynt|vb|fw|fwd|wg|tr|rv|i|enc|pd|doorst|vl|回复|答复|转发|回覆|ответ|на)\s*(?:\[\d+\])?\s*:\s*)+"
)
_TAG = re.compile(r"^\s*(?:\[[^\]]{0,60}\]|【[^】]{0,60}】|\{[^}]{0,60}\}|\*+[^*]{0,40}\*+)\s*:?\s*")
_ASKS = re.compile(r"[?？؟](?![\w/=&])")
SAD = re.compile("[👎😡😠😢😭😞🙁☹😤🤬💔😕😒🙄❌]")
ADDRESS = 320  # characters: more is no address (RFC 5321)
_MOST_ASKS = 600  # characters in which a question counts
SHORT = 60  # letters and signs: less says nothing of its own

WORDY = 8  # letters and signs of a phrase that says something by itself
NAME = 4  # words of a name and what stands beside it
WHOLE, MOSTLY, PARTLY = 0.25, 0.40, 0.55
"""Shares of a text that nothing explains: up to the first, no person has said anything; beyond the last, somebody has."""


def evidence(
    subject: str,
    text: str,
    from_email: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    flags: Collection[str] = (),
    people: Collection[str] = (),
) -> Evidence | None:
    """Whether a machine wrote this mail; None when nothing says so. Quoted history is not looked at.

    `flags`: what the desk itself says of the message, in words. `people`: senders (`forms@shop.example`) and lists
    (`list-id:help.shop.example`) that are people by the admin's word: of those only proof counts, and words.
    """
    named = {name.lower(): str(value).strip() for name, value in (headers or {}).items()}
    proof = _proof(named)
    if proof:
        return Evidence(Grade.PROVEN, MachineKind.BOUNCE, proof, whole=True)
    address = from_email.strip()[:ADDRESS]
    worded = _by_words(subject, text, address)
    told = "" if _known(people, address, named) else _told(address, named, flags)
    if worded is None:
        return Evidence(Grade.LIKELY, MachineKind.AUTOMATIC, told) if told else None
    return worded


def machine_reason(
    subject: str, text: str, from_email: str = "", headers: Mapping[str, str] | None = None
) -> str:
    """Why a machine wrote this mail, in words for the ticket's history; "" when a person did."""
    found = evidence(subject, text, from_email, headers)
    return found.reason if found else ""


def nobody_reads(address: str) -> bool:
    """Whether nobody reads what is sent to this address: a mail server's own, or one that says so in its name."""
    address = address.strip()[:ADDRESS]
    return bool(_SERVERS.search(address) or _POSTMASTER.search(address) or _NO_REPLY.search(address))


def _known(people: Collection[str], from_email: str, headers: Mapping[str, str]) -> bool:
    """Whether the admin said that this sender, or this list, is people."""
    names = {one.strip().lower() for one in people}
    lists = re.findall(r"<([^<>]+)>", headers.get("list-id", "")) or [headers.get("list-id", "")]
    return from_email.strip().lower() in names or any(
        f"list-id:{one.lower()}" in names for one in lists if one
    )


def _proof(headers: Mapping[str, str]) -> str:
    if headers.get("return-path", "") == "<>":
        return "its return path is empty, as that of delivery reports is"
    if headers.get("content-type", "").lower().startswith("multipart/report"):
        return "it is a report of a mail server (multipart/report)"
    return ""


def _told(from_email: str, headers: Mapping[str, str], flags: Collection[str]) -> str:
    """What headers, the sender's address and the desk say; "" when they say nothing."""
    automatic = headers.get("auto-submitted", "no").split(";")[0].strip().lower()
    if automatic not in {"no", ""}:
        return f"its header says auto-submitted: {automatic}"
    if _SUPPRESSED.search(headers.get("x-auto-response-suppress", "")):
        return "its header says that it is an automatic reply"
    found = next((name for name in _PROGRAMS if name in headers), "")
    if found:
        return f"it carries the header {found}"
    if headers.get("precedence", "").lower() in _BULK or any(name in headers for name in _LISTS):
        return f"it came through a mailing list ({_list_of(headers)})"
    if flags:
        return next(iter(flags))
    address = from_email
    if _SERVERS.search(address) or _NO_REPLY.search(address):
        return f"it comes from {address}, which nobody reads"
    return ""


def _list_of(headers: Mapping[str, str]) -> str:
    """How the admin would name the list."""
    found = re.findall(r"<([^<>]+)>", headers.get("list-id", ""))
    if found:
        return f"list-id:{found[0]}"
    return f"precedence: {headers['precedence']}" if "precedence" in headers else "list headers"


# --- what its words say ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Read:
    """A mail's words, folded, and what is plain about them whatever kind they are of."""

    subjects: tuple[str, ...]  # the subject, and what is left of it behind each "Re:" and tag
    text: str
    asks: bool  # somebody asks or demands something
    topic: bool  # it speaks of parcels, charges, passwords: of what customers write about
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


def _by_words(subject: str, text: str, from_email: str) -> Evidence | None:
    read, found = _read(subject, text, from_email)
    for kind, name in WORDED.items():
        headed = read.headed(kind)
        every = kind in _NAMED and len(read.text) <= 4 * SHORT  # a name and three words show no language
        for language in phrases.languages().values() if every else found:
            spoken = language if language.words else found[0]
            fit = _fit(kind, read, language, spoken, headed=headed)
            if fit is not None and _RULES[kind](read, fit):
                personal = read.asks or SAD.search(text) or (read.topic and kind not in _NAMED)
                whole = not personal and _complete(kind, fit)
                return Evidence(Grade.LIKELY, kind, f"it reads like {name}", whole=whole)
    return None


def _read(subject: str, text: str, address: str) -> tuple[_Read, list[Language]]:
    now = (said(text).words or text) if "\n" in text else text
    folded = _opening(fold(now[: phrases.LIMIT]))
    heads = _heads(fold(subject[:300]))
    found = phrases.likely_languages(f"{heads[0]}\n{folded}")
    begin = folded[:_MOST_ASKS]
    asks = bool(_ASKS.search(begin) or _ASKS.search(heads[0]))
    asks = asks or any(one.pattern("asks").search(begin) for one in found)
    topic = any(one.pattern("topics").search(folded) for one in found)
    return _Read(
        heads,
        folded,
        asks,
        topic,
        bool(_SERVERS.search(address) or _POSTMASTER.search(address)),
        bool(_NO_REPLY.search(address)),
    ), found


def _heads(subject: str) -> tuple[str, ...]:
    heads = [subject]
    while True:
        rest = _PREFIXES.sub("", heads[-1])
        rest = _TAG.sub("", rest) if rest == heads[-1] else rest
        if rest == heads[-1]:
            return tuple(heads)
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
    return _Fit(headed, len(states), len(beside), share, left)


def _says_much(phrase: str) -> bool:
    return len(phrase) >= WORDY or not phrase.isascii()


def _complete(kind: MachineKind, fit: _Fit) -> bool:
    """Whether it says nothing that such a message does not say."""
    if kind in _NAMED:
        return fit.share <= WHOLE or fit.left <= NAME
    return fit.share <= WHOLE and (fit.headed or fit.states > 1 or fit.beside > 0)


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
    if read.asks or (read.topic and not (fit.headed and fit.states > 1)):
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


def _reaction(read: _Read, fit: _Fit) -> bool:
    return fit.states > 0 and not read.asks and len(read.text) <= 4 * SHORT


def _bulk(read: _Read, fit: _Fit) -> bool:
    return fit.states > 1 or (fit.states > 0 and (fit.headed or read.robot))


def _report(read: _Read, fit: _Fit) -> bool:
    return fit.states > 0 or (fit.headed and not read.asks)


def _automatic(read: _Read, fit: _Fit) -> bool:
    return not read.asks and (fit.states > 0 or (fit.headed and fit.share <= MOSTLY))


_NAMED = {
    MachineKind.CALENDAR,
    MachineKind.REACTION,
    MachineKind.RECEIPT,
}  # they are a name and what that person clicked on
_RULES = {
    MachineKind.BOUNCE: _bounce,
    MachineKind.RECEIPT: _answer,
    MachineKind.CALENDAR: _answer,
    MachineKind.REACTION: _reaction,
    MachineKind.REPORT: _report,
    MachineKind.ABSENCE: _absence,
    MachineKind.ACKNOWLEDGMENT: _acknowledgment,
    MachineKind.AUTOMATIC: _automatic,
    MachineKind.BULK: _bulk,
}
