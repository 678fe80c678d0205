"""Mails of ours that came back: the mailbox of the sender's address, read by IMAP and never changed.

Believed are reports as RFC 3464 has them, with the action `failed`, that bring the returned mail's Message-ID along (or
name it as what they answer): that is how most mail servers report. Such a mail counts as not delivered, and people are
told by another way; whoever forges one can only make more people hear of a ticket. Reports of a delay mean nothing:
the server still tries. Servers that answer in prose alone are not understood.
Sources: RFC 3464 (reports), RFC 6522 (their shape), RFC 3501 (IMAP).
"""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage, Message
from typing import Any
from urllib.parse import unquote, urlsplit

from core.errors import NotAllowed, TryLater
from core.model import Heard

TIMEOUT = 10.0
PORTS = {"imaps": 993, "imap+starttls": 143, "imap": 143}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
BACK = timedelta(days=2)  # how far a program that has just begun looks back
MOST = 100  # reports of one look
LARGEST = 100_000  # bytes of one report; what names the mail stands at its beginning
STATUS = {"message/delivery-status", "message/global-delivery-status"}
RETURNED = {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}


def mailbox_url(value: str) -> str:
    """`imaps://host/Folder`; never a password over an open line."""
    parts = urlsplit(value)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("must be imaps://host or imap+starttls://host, with /Folder unless it is the inbox")
    if parts.scheme == "imap" and parts.hostname not in LOOPBACK:
        raise ValueError("would send the password over an open line: write imaps:// or imap+starttls://")
    return value


class Returned:
    """One mailbox. Remembers where the last look ended."""

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urlsplit(url)
        self._url, self._folder = parts, unquote(parts.path.strip("/")) or "INBOX"
        self._user, self._password = (
            unquote(parts.username or "") or user,
            unquote(parts.password or "") or password,
        )
        self._seen = (b"", 0)  # the mailbox's numbering, and the highest number looked at

    def look(self, now: datetime) -> tuple[Heard, ...]:
        """What came back since the last look. Raises TryLater, NotAllowed."""
        with self._opened() as imap:
            numbering = (imap.response("UIDVALIDITY")[1] or [b""])[0] or b""
            after = self._seen[1] if self._seen[0] == numbering else 0
            numbers = [n for n in self._new(imap, after, now) if n > after][:MOST]
            heard = [told for n in numbers if (told := heard_in(_content(imap, n))) is not None]
        self._seen = (numbering, max([after, *numbers]))
        return tuple(heard)

    def knock(self) -> None:
        """Whether it can be read. Raises TryLater, NotAllowed."""
        with self._opened():
            pass

    def _new(self, imap: imaplib.IMAP4, after: int, now: datetime) -> list[int]:
        since = f"{now - BACK:%d-%b-%Y}"
        wanted = ("SINCE", since, "UID", f"{after + 1}:*", "HEADER", "Content-Type", "delivery-status")
        _, found = imap.uid("SEARCH", *wanted)
        return sorted(int(n) for n in (found[0] or b"").split())

    @contextmanager
    def _opened(self) -> Iterator[imaplib.IMAP4]:
        host = self._url.hostname or ""
        try:
            imap = self._connected(host)
        except (imaplib.IMAP4.error, OSError) as err:
            raise TryLater(f"the mailbox at {host} does not answer ({type(err).__name__}: {err})") from err
        try:
            _let_in(imap, self._user, self._password)
            _need(*imap.select(f'"{self._folder}"', readonly=True), f"there is no folder {self._folder}")
            yield imap
        except (imaplib.IMAP4.error, OSError) as err:
            raise TryLater(f"the mailbox at {host} cannot be read ({err})") from err
        finally:
            _hang_up(imap)

    def _connected(self, host: str) -> imaplib.IMAP4:
        scheme, port = self._url.scheme, self._url.port or PORTS[self._url.scheme]
        secure = ssl.create_default_context()
        if scheme == "imaps":
            return imaplib.IMAP4_SSL(host, port, ssl_context=secure, timeout=TIMEOUT)
        imap = imaplib.IMAP4(host, port, timeout=TIMEOUT)
        if scheme == "imap+starttls":
            imap.starttls(secure)
        return imap


def heard_in(raw: bytes) -> Heard | None:
    """What one mail says of one of ours; None when it is no report of a failure."""
    mail = message_from_bytes(raw, policy=policy.default)
    parts = list(mail.walk())
    failed = next(
        (block for part in parts for block in _blocks(part) if _word(block, "Action") == "failed"), None
    )
    original = next((name for part in parts if (name := _name_of(part))), "") or _last(
        str(mail["In-Reply-To"] or "")
    )
    if failed is None or not original:
        return None
    why = " ".join(text for key in ("Status", "Diagnostic-Code") if (text := str(failed[key] or "").strip()))
    whose = str(failed["Original-Recipient"] or failed["Final-Recipient"] or "").rpartition(";")[2].strip()
    detail = " ".join(f"it came back from {whose or 'the mail server'}: {why or 'not delivered'}".split())[
        :200
    ]
    return Heard("status", provider_id=original, state="failed", detail=detail)


def _blocks(part: Message) -> list[Message]:
    """The groups of fields of a report: one about the mail, then one per address."""
    payload: Any = part.get_payload()
    return payload if part.get_content_type() in STATUS and isinstance(payload, list) else []


def _name_of(part: Message) -> str:
    """The Message-ID of the mail that is returned with a report, whole or its headers alone."""
    if part.get_content_type() not in RETURNED:
        return ""
    payload: Any = part.get_payload()
    if isinstance(payload, list):
        return _last(str(payload[0]["Message-ID"] or "")) if payload else ""
    text = part.get_content() if isinstance(part, EmailMessage) else str(payload)
    headers = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return _last(str(message_from_string(headers, policy=policy.default)["Message-ID"] or ""))


def _last(names: str) -> str:
    return (names.split() or [""])[-1]


def _word(block: Message, name: str) -> str:
    return str(block[name] or "").strip().lower()


def _let_in(imap: imaplib.IMAP4, user: str, password: str) -> None:
    try:
        imap.login(user, password)
    except imaplib.IMAP4.error as err:
        raise NotAllowed(f"the mailbox does not let us in: {err}") from err


def _need(kind: str, answer: Any, words: str) -> None:
    if kind != "OK":
        raise NotAllowed(f"{words}: {answer}")


def _content(imap: imaplib.IMAP4, number: int) -> bytes:
    """The beginning of one mail, which stays unread."""
    _, found = imap.uid("FETCH", str(number), f"(BODY.PEEK[]<0.{LARGEST}>)")
    return next((bytes(part[1]) for part in found if isinstance(part, tuple)), b"")


def _hang_up(imap: imaplib.IMAP4) -> None:
    try:
        imap.logout()
    except (imaplib.IMAP4.error, OSError):
        imap.shutdown()  # it is gone already; what was read stands
