"""Returned mail: the mailbox of the sender's address, read by IMAP and never changed.

Reports in the form of RFC 3464 (RFC 6533 for international mail) count if their action is `failed` and they
contain the returned mail's Message-ID or answer it: most mail servers report like that. Such a mail counts as
not delivered, and another channel is tried; a forged report can only cause one more notice. Reports of a delay
are ignored: the server still tries. Reports in prose alone are not recognised. Sources: RFC 3464 and 6533
(reports), RFC 6522 (their shape), RFC 3501 (IMAP).
"""

from __future__ import annotations

import imaplib
import logging
import re
import ssl
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, message_from_string, policy
from email.message import Message
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.kit.decoding import clean
from core.errors import NotAllowed, TryLater, said_of
from core.model import ChannelCallback, ReceiptState

log = logging.getLogger(__name__)

TIMEOUT = 10.0
PORTS = {"imaps": 993, "imap+starttls": 143, "imap": 143}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
BACK = timedelta(days=2)  # how far back the first look after a start goes
MOST = 100  # reports of one look
LARGEST = 100_000  # bytes read of one report; the Message-ID is near its beginning
STATUS = {"text/delivery-status", "text/global-delivery-status"}
RETURNED = {"text/rfc822", "text/global", "text/rfc822-headers", "text/global-headers"}
# Mails and fields inside of a report stay text: the parser would take the encoded ones of RFC 6533 apart before they are
# decoded, and mails in mails without end. So both sets name the types as they are after this.
_INSIDE = re.compile(rb"^(content-type:\s{0,9})message/", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(r"\r?\n[ \t]{0,99}\r?\n")


def mailbox_url(value: str) -> str:
    """Return `imaps://host/Folder`. Raises ValueError for one that would send the password unencrypted."""
    parts = urlsplit(value)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("must be imaps://host or imap+starttls://host, with /Folder unless it is the inbox")
    if parts.scheme == "imap" and parts.hostname not in LOOPBACK:
        raise ValueError("would send the password unencrypted: write imaps:// or imap+starttls://")
    return value


class Returned:
    """One mailbox, and how far it was read."""

    def __init__(self, url: str, user: str, password: str) -> None:
        parts = urlsplit(url)
        self._url, self._folder = parts, unquote(parts.path.strip("/")) or "INBOX"
        self._user, self._password = (
            unquote(parts.username or "") or user,
            unquote(parts.password or "") or password,
        )
        self._seen = (b"", 0)  # the mailbox's numbering, and the highest number looked at

    def look(self, now: datetime) -> tuple[ChannelCallback, ...]:
        """Return what came back since the last look. Raises TryLater, NotAllowed."""
        with self._opened() as imap:
            numbering = (imap.response("UIDVALIDITY")[1] or [b""])[0] or b""
            after = self._seen[1] if self._seen[0] == numbering else 0
            numbers = [n for n in self._new(imap, after, now) if n > after][:MOST]
            heard = [told for n in numbers if (told := _understood(n, _content(imap, n))) is not None]
        self._seen = (numbering, max([after, *numbers]))
        return tuple(heard)

    def knock(self) -> None:
        """Check that the mailbox can be read. Raises TryLater, NotAllowed."""
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
            raise TryLater(f"the mailbox at {host} does not answer ({said_of(err)})") from err
        try:
            _let_in(imap, self._user, self._password)
            _need(*imap.select(f'"{self._folder}"', readonly=True), f"there is no folder {self._folder}")
            yield imap
        except (imaplib.IMAP4.error, OSError) as err:
            raise TryLater(f"the mailbox at {host} cannot be read ({said_of(err)})") from err
        finally:
            _hang_up(imap)

    def _connected(self, host: str) -> imaplib.IMAP4:
        scheme, port = self._url.scheme, self._url.port or PORTS[self._url.scheme]
        if scheme == "imaps":
            return imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(), timeout=TIMEOUT)
        imap = imaplib.IMAP4(host, port, timeout=TIMEOUT)
        if scheme == "imap+starttls":
            imap.starttls(ssl.create_default_context())
        return imap


def _understood(number: int, raw: bytes) -> ChannelCallback | None:
    """Return what one mail says. A mail that cannot be parsed is logged and skipped."""
    try:
        return heard_in(raw)
    except Exception:
        log.exception("mail %d of the mailbox for returned mail cannot be read and is skipped", number)
        return None


def heard_in(raw: bytes) -> ChannelCallback | None:
    """Return what a mail reports about a message of ours; None when it is no readable failure report."""
    try:
        # the older policy keeps the values of fields as they are; the newer one fails on malformed ones
        mail = message_from_bytes(_INSIDE.sub(rb"\1text/", raw), policy=policy.compat32)
        parts = list(mail.walk())
    except RecursionError:  # nested far deeper than any real report
        return None
    failed = next((one for one in _recipients(parts) if _word(one, "Action") == "failed"), None)
    original = next((name for part in parts if (name := _name_of(part))), "")
    original = original or _last(str(mail["In-Reply-To"] or ""))
    if failed is None or not original:
        return None
    why = " ".join(text for key in ("Status", "Diagnostic-Code") if (text := str(failed[key] or "").strip()))
    whose = _address(str(failed["Original-Recipient"] or failed["Final-Recipient"] or ""))
    words = " ".join(f"it came back from {whose or 'the mail server'}: {why or 'not delivered'}".split())
    return ChannelCallback(
        "status", provider_id=clean(original), state=ReceiptState.FAILED, detail=clean(words)[:200]
    )


def _recipients(parts: Iterable[Message]) -> Iterator[Message]:
    """Yield the groups of fields of all reports: in each, one about the mail, then one per address."""
    for part in parts:
        if part.get_content_type() in STATUS:
            for block in _BLANK.split(_content_of(part)):
                yield message_from_string(block.lstrip(), policy=policy.compat32)


def _content_of(part: Message) -> str:
    """Return the text of a part. Its declared charset is ignored: it can be any text."""
    content: Any = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _name_of(part: Message) -> str:
    """Return the Message-ID of the mail that is returned with a report, whole or its headers alone."""
    if part.get_content_type() not in RETURNED:
        return ""
    returned = message_from_string(_content_of(part).lstrip(), policy=policy.compat32)
    return _last(str(returned["Message-ID"] or ""))


def _last(names: str) -> str:
    return (names.split() or [""])[-1]


def _word(block: Message, name: str) -> str:
    """Return the first word of a field: a comment may follow it."""
    return next(iter(re.findall(r"[\w-]+", str(block[name] or "").lower())), "")


def _address(field: str) -> str:
    """Return the address in `type; address`; characters may be written as their number in hex (RFC 6533, section 3)."""
    plain = field.rpartition(";")[2].strip()
    return re.sub(r"\\x\{([0-9A-Fa-f]{2,6})\}", lambda hit: _character(int(hit[1], 16)), plain)


def _character(number: int) -> str:
    return chr(number) if number <= sys.maxunicode else "?"


def _let_in(imap: imaplib.IMAP4, user: str, password: str) -> None:
    try:
        imap.login(user, password)
    except imaplib.IMAP4.error as err:
        raise NotAllowed(f"the mailbox refuses the login: {_word_of(err.args)}") from err


def _word_of(answer: tuple[Any, ...]) -> str:
    """Return the server's own words."""
    words = answer[0] if answer else ""
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


def _need(kind: str, answer: Any, words: str) -> None:
    if kind != "OK":
        raise NotAllowed(f"{words}: {answer}")


def _content(imap: imaplib.IMAP4, number: int) -> bytes:
    """Return the beginning of one mail, which stays unread."""
    _, found = imap.uid("FETCH", str(number), f"(BODY.PEEK[]<0.{LARGEST}>)")
    return next((bytes(part[1]) for part in found if isinstance(part, tuple)), b"")


def _hang_up(imap: imaplib.IMAP4) -> None:
    try:
        imap.logout()
    except (imaplib.IMAP4.error, OSError):
        imap.shutdown()  # the connection is gone already; what was read is kept
