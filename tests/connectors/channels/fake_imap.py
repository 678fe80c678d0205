"""A mailbox over a real line: as much of IMAP (RFC 3501) as a reader needs, and strict about it."""

from __future__ import annotations

import re
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime

from connectors.sandbox.server import running


@dataclass
class Bouncer:
    """One account with one folder. `mails` by their number; nothing may change them."""

    user: str = "backstop"
    password: str = "s3cret"
    folder: str = "INBOX"
    numbering: int = 7
    mails: dict[int, bytes] = field(default_factory=dict)
    fetched: list[int] = field(default_factory=list)
    url: str = ""
    silent: bool = False

    def put(self, mail: bytes) -> int:
        number = max(self.mails, default=0) + 1
        self.mails[number] = mail
        return number


class _Line(socketserver.StreamRequestHandler):
    box: Bouncer

    def handle(self) -> None:
        self.state = "greeted"
        if self.box.silent:
            return
        self._say("* OK ready")
        for raw in self.rfile:
            tag, _, rest = raw.decode().strip().partition(" ")
            words = rest.split(" ", 2 if rest.upper().startswith("UID") else 1)
            name = "_".join(words[:2] if words[0].upper() == "UID" else words[:1]).lower()
            does = getattr(self, f"_{name}", None)
            if does is None:
                self._say(f"{tag} BAD unknown command")
                continue
            self._say(f"{tag} {does(words[-1] if len(words) > 1 else '')}")
            if name == "logout":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _capability(self, _rest: str) -> str:
        self._say("* CAPABILITY IMAP4rev1")
        return "OK done"

    def _login(self, rest: str) -> str:
        if rest.replace('"', "").split() != [self.box.user, self.box.password]:
            return "NO [AUTHENTICATIONFAILED] wrong"
        self.state = "in"
        return "OK done"

    def _examine(self, rest: str) -> str:
        if self.state == "greeted" or rest.strip('"') != self.box.folder:
            return "NO no such mailbox"
        self.state = "reading"
        self._say(f"* {len(self.box.mails)} EXISTS")
        self._say(f"* OK [UIDVALIDITY {self.box.numbering}]")
        return "OK [READ-ONLY]"

    def _uid_search(self, rest: str) -> str:
        asked = re.fullmatch(r"SINCE \d\d?-[A-Z][a-z]{2}-\d{4} UID (\d+):\* HEADER Content-Type (\S+)", rest)
        if self.state != "reading" or asked is None:
            return "BAD that is no such search or fetch"
        first, word = min(int(asked[1]), max(self.box.mails, default=0)), asked[2].encode()
        heads = {n: mail.partition(b"\r\n\r\n")[0] for n, mail in self.box.mails.items()}
        found = [n for n, head in heads.items() if n >= first and word in head]  # n:* always holds the last
        self._say("* SEARCH " + " ".join(map(str, found)))
        return "OK done"

    def _uid_fetch(self, rest: str) -> str:
        asked = re.fullmatch(r"(\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", rest)
        if self.state != "reading" or asked is None:
            return "BAD that is no such search or fetch"
        mail = self.box.mails[int(asked[1])][: int(asked[2])]
        self.box.fetched.append(int(asked[1]))
        self.wfile.write(
            f"* 1 FETCH (UID {asked[1]} BODY[]<0> {{{len(mail)}}}\r\n".encode() + mail + b")\r\n"
        )
        return "OK done"

    def _logout(self, _rest: str) -> str:
        self._say("* BYE")
        return "OK done"


@contextmanager
def bounce_box(**more: object) -> Iterator[Bouncer]:
    box = Bouncer(**more)  # type: ignore[arg-type]
    line = type("Line", (_Line,), {"box": box})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), line)
    server.daemon_threads = True
    box.url = f"imap://{box.user}:{box.password}@127.0.0.1:{server.server_address[1]}/{box.folder}"
    with running(server):
        yield box


def report(message_id: str, at, *, action: str = "failed", whole: bool = True, extra: str = "") -> bytes:
    """What a mail server writes to the sender: prose, the facts, and the mail (or its headers) that came back."""
    returned = f"From: backstop@acme.example\nMessage-ID: {message_id}\nSubject: Ticket 4711\n"
    kind = "message/rfc822" if whole else "text/rfc822-headers"
    return f"""From: Mail Delivery System <MAILER-DAEMON@mail.acme.example>
To: backstop@acme.example
Date: {format_datetime(at)}
Subject: Undelivered Mail
Message-ID: <b1@mail.acme.example>
{extra}Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain; charset=utf-8

The address does not exist.

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.acme.example
Arrival-Date: {format_datetime(at)}

Final-Recipient: rfc822; boss@acme.example
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--=b
Content-Type: {kind}

{returned}
{"It needs a human." if whole else ""}
--=b--
""".replace("\n", "\r\n").encode()
