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

from core.mail.machine_words import by_words
from core.model import Evidence, Grade, MachineKind

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

ADDRESS = 320  # characters: more is no address (RFC 5321)


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
    daemon = bool(_SERVERS.search(address) or _POSTMASTER.search(address))
    worded = by_words(subject, text, daemon=daemon, robot=bool(_NO_REPLY.search(address)))
    told = "" if _known(people, address, named) else _told(address, named, flags)
    if worded is None:
        return Evidence(Grade.LIKELY, MachineKind.AUTOMATIC, told) if told else None
    return worded


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
    if _SERVERS.search(from_email) or _NO_REPLY.search(from_email):
        return f"it comes from {from_email}, which nobody reads"
    return ""


def _list_of(headers: Mapping[str, str]) -> str:
    """How the admin would name the list."""
    found = re.findall(r"<([^<>]+)>", headers.get("list-id", ""))
    if found:
        return f"list-id:{found[0]}"
    return f"precedence: {headers['precedence']}" if "precedence" in headers else "list headers"
