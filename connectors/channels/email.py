"""E-mail by SMTP.

Long, and may carry the customer's words. One mail for each person, so that one bad address does not affect the
others. Accepted means that our mail server took it. The Message-ID is made from the notice's key: a mail sent
twice because its outcome was unknown is shown once by mail programs that compare ids. Mails on one ticket refer
to one root, so they form a thread.

How it fails: the server refuses the recipient (550) or the sender: refused, another channel is tried; it is busy (4xx)
or out of reach: later. A mail that bounces afterwards goes back to `from`: with `bounces`, that mailbox is read once a
minute, and another channel is tried for what came back; without it a bounce is not noticed. Either way e-mail should never be the
only way to reach people about urgent tickets (the configuration warns of that).
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Annotated
from urllib.parse import unquote, urlsplit

import idna
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from connectors.channels.bounces import Returned, mailbox_url
from connectors.channels.posting import Context, split_list
from core.errors import NotAllowed, Refused, TryLater, UnknownOutcome, VendorError, said_of
from core.model import Attachment, ChannelCallback, Finding, OutboundMessage, Priority, Receipt, ReceiptState
from core.ports import ONE_PERSON, Abilities

TIMEOUT = 10.0
NO_UTF8 = "the mail server does not offer SMTPUTF8, so it takes no address with such letters before the @"
PLAIN_LETTERS = "write the address in plain letters, or send by a server that offers it"
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


def address(value: str) -> str:
    """Return one e-mail address, with a name or without."""
    plain = parseaddr(value)[1]
    name, _, domain = plain.rpartition("@")
    if not name or not domain or any(sign in value for sign in "\r\n\0"):
        raise ValueError(f'"{value}" is no e-mail address')
    try:
        in_ascii(value)
    except idna.IDNAError as err:
        raise ValueError(f'"{value}" is no e-mail address: {err}') from err
    return value


def in_ascii(value: str) -> str:
    """Return an address with its domain as DNS has it (xn--…), which every mail server takes. Raises idna.IDNAError."""
    domain = parseaddr(value)[1].rpartition("@")[2]
    if domain.isascii():
        return value
    before, _, after = value.rpartition(domain)
    return before + idna.encode(domain, uts46=True).decode() + after


def international(value: str) -> bool:
    """Return whether an address can only be written to with SMTPUTF8 (RFC 6531): letters outside of ASCII before the
    @."""
    return not parseaddr(value)[1].rpartition("@")[0].isascii()


def _server(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(
            f"must be smtp://host:25, smtp+starttls://host:587 or smtps://host:465, not {parts.scheme or value}"
        )
    return value


def _mailbox(value: str) -> str:
    return mailbox_url(value) if value else value


Address = Annotated[str, AfterValidator(address)]


class Settings(BaseModel):
    """`[channels.email.<name>]`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: Annotated[list[Address], BeforeValidator(split_list)] = Field(min_length=1)  # addresses
    sender: Address = Field(alias="from")  # one address
    smtp_url: Annotated[str, AfterValidator(_server)] = "smtp://127.0.0.1:25"  # or smtp+starttls, smtps
    user: str = ""  # of the mail server
    password: SecretStr | None = None  # of that user
    bounces: Annotated[str, AfterValidator(_mailbox)] = ""  # the mailbox of `from`: imaps://host/INBOX


class Email:
    """One set of addresses behind one mail server."""

    kind = "email"
    can = Abilities("mail", 20_000, limits=ONE_PERSON, files=True)

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        self.name, self._settings, self._on_call = name, settings, context.on_call
        self.recipients = tuple(settings.to)

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Send one mail. Raises TryLater, Refused, UnknownOutcome."""
        to = outbound.to or self.recipients[:1]
        mail = compose(outbound, to, self._settings.sender, now)
        with self._counted("email send"), self._connected() as server, _judged():
            server.send_message(mail)
        return Receipt(id=str(mail["Message-ID"]), state=ReceiptState.ACCEPTED)

    def check(self) -> list[Finding]:
        """Return whether the mail server answers and accepts the login."""
        try:
            with self._counted("email check"), self._connected() as server, _judged():
                server.noop()
                plain_only = not server.has_extn("smtputf8")
        except VendorError as err:
            return [Finding("CH31", "fail", f"{self.name}: {err}", "check smtp_url, user and password")]
        odd = [one for one in (*self.recipients, self._settings.sender) if plain_only and international(one)]
        if odd:
            return [Finding("CH31", "fail", f"{self.name}: {', '.join(odd)}: {NO_UTF8}", PLAIN_LETTERS)]
        return [Finding("CH30", "ok", f"{self.name}: the mail server accepts the login")]

    @contextmanager
    def _counted(self, operation: str) -> Iterator[None]:
        try:
            yield
        except VendorError as err:
            self._on_call(operation, type(err).__name__.lower())
            raise
        self._on_call(operation, "ok")

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Yield a session. An error before a mail is handed over means that it was not sent."""
        host = urlsplit(self._settings.smtp_url).hostname
        try:
            server = self._opened()
        except smtplib.SMTPAuthenticationError as err:
            raise NotAllowed(
                f"the mail server refuses the login: {_words(err)}", status=err.smtp_code
            ) from err
        except (smtplib.SMTPException, OSError) as err:
            raise TryLater(f"the mail server at {host} does not answer ({said_of(err)})") from err
        try:
            yield server
        finally:
            _hang_up(server)

    def _opened(self) -> smtplib.SMTP:
        parts = urlsplit(self._settings.smtp_url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=TIMEOUT, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        try:
            self._logged_in(server)
        except BaseException:
            server.close()
            raise
        return server

    def _logged_in(self, server: smtplib.SMTP) -> None:
        parts, given = urlsplit(self._settings.smtp_url), self._settings.password
        password = given.get_secret_value() if given else unquote(parts.password or "")
        user = self._settings.user or unquote(parts.username or "")
        server.ehlo()
        if parts.scheme == "smtp+starttls" or (
            parts.scheme == "smtp" and password and server.has_extn("starttls")
        ):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if user and password:
            server.login(user, password)


class WatchedEmail(Email):
    """The same channel with a mailbox that is read for returned mail."""

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        super().__init__(name, settings, context)
        password = settings.password.get_secret_value() if settings.password else ""
        self._returned = Returned(settings.bounces, settings.user, password)

    def returned(self, now: datetime) -> tuple[ChannelCallback, ...]:
        """Return reports of the mails that came back since the last call. Raises TryLater, NotAllowed."""
        with self._counted("email bounces"):
            return self._returned.look(now)

    def check(self) -> list[Finding]:
        """Return findings about the mail server and the mailbox."""
        try:
            self._returned.knock()
        except VendorError as err:
            what, remedy = f"{self.name}: {err}", "check bounces, user and password"
            return [*super().check(), Finding("CH32", "fail", what, remedy)]
        return [*super().check(), Finding("CH33", "ok", f"{self.name}: mails that come back can be read")]


def compose(outbound: OutboundMessage, to: tuple[str, ...], sender: str, now: datetime) -> EmailMessage:
    """Return the mail. Headers keep other machines from answering it; customers' words cannot add headers."""
    sender = in_ascii(sender)
    domain = parseaddr(sender)[1].rpartition("@")[2]
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(map(in_ascii, to))
    mail["Subject"] = " ".join(outbound.subject.split())[:200]
    mail["Date"], mail["Message-ID"] = format_datetime(now), f"<{_short(outbound.key)}@{domain}>"
    mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"] = "auto-generated", "All"
    if outbound.ticket_id:
        root = f"<{_short(f'{outbound.desk}:{outbound.ticket_id}')}.ticket@{domain}>"
        mail["References"] = mail["In-Reply-To"] = root
    if outbound.priority is Priority.URGENT:
        mail["X-Priority"], mail["Importance"] = "1", "high"
    mail.set_content(outbound.text)
    if outbound.html:
        mail.add_alternative(outbound.html, subtype="html")
    for one in outbound.attachments:
        _enclose(mail, one)
    return mail


def _enclose(mail: EmailMessage, one: Attachment) -> None:
    """Attach one file: beside the HTML if that shows it, else at the end of the mail."""
    page = mail.get_body(("html",)) if one.cid else None
    main, _, sub = one.mime.partition("/")
    if page is None:
        mail.add_attachment(one.content, maintype=main, subtype=sub, filename=one.name)
    else:
        page.add_related(one.content, main, sub, cid=f"<{one.cid}>", filename=one.name, disposition="inline")


@contextmanager
def _judged() -> Iterator[None]:
    """Turn the server's answer to a mail into one of our errors."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as err:
        code, words = next(iter(err.recipients.values()))
        raise _answer(code, _text(words)) from err
    except smtplib.SMTPResponseException as err:
        raise _answer(err.smtp_code, _words(err)) from err
    except (smtplib.SMTPNotSupportedError, UnicodeError) as err:  # before anything was handed over
        raise Refused(f"{NO_UTF8}: {PLAIN_LETTERS}") from err
    except (smtplib.SMTPException, OSError) as err:
        raise UnknownOutcome(f"the mail server stopped answering ({type(err).__name__})") from err


def _answer(code: int, words: str) -> VendorError:
    text = f"the mail server says {code} {words}"
    return Refused(text, status=code) if code >= 500 else TryLater(text, status=code)


def _hang_up(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()  # the connection is gone already; the answer about the mail is kept


def _words(err: smtplib.SMTPResponseException) -> str:
    return _text(err.smtp_error)


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def make(name: str, settings: Settings, context: Context) -> Email:
    """Return the channel: with `bounces`, one that also reads returned mail."""
    return (WatchedEmail if settings.bounces else Email)(name, settings, context)
