"""Stand-ins for the phone company, Slack and the mail server: they take the channels' real requests and keep them.

The phone company reports each text message as delivered, signed as Twilio signs, so that Backstop's own door for
such reports is used as well.
"""

from __future__ import annotations

import html
import itertools
import logging
import re
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from typing import Any

import requests
from flask import Flask, request

from connectors.channels.sms import signature

log = logging.getLogger(__name__)
AUTH_TOKEN = "demo-phone-token"  # noqa: S105  # of a stand-in that answers this process only
REPORTED_AFTER = 0.3  # seconds until the "carrier" says that a text message has arrived


@dataclass(frozen=True)
class Reached:
    """One message that reached somebody. `way`: SMS, Slack or e-mail."""

    at: datetime
    way: str
    to: str
    text: str
    subject: str = ""

    @property
    def links(self) -> list[str]:
        """The addresses in it that may be followed."""
        return re.findall(r"https?://127\.0\.0\.1[^\s<>\"|)\]]+", self.text)


@dataclass
class People:
    """Everybody whom Backstop tells, and what they were told, oldest first."""

    clock: Callable[[], datetime]
    heard: list[Reached] = field(default_factory=list)
    _sids: Any = field(default_factory=lambda: itertools.count(1))

    def hear(self, way: str, to: str, text: str, subject: str = "") -> None:
        """Keep one message."""
        self.heard.append(Reached(self.clock(), way, to, text.strip(), subject))

    def app(self) -> Flask:
        """Return the phone company's and Slack's routes."""
        made = Flask(__name__)

        @made.post("/2010-04-01/Accounts/<account>/Messages.json")
        def sms(account: str) -> Any:
            sid = f"SM{next(self._sids):032x}"
            self.hear("SMS", request.form["To"], request.form["Body"])
            callback = request.form.get("StatusCallback", "")
            if callback:
                threading.Timer(REPORTED_AFTER, _report, (callback, sid)).start()
            return {"sid": sid, "status": "queued", "account_sid": account}, 201

        @made.get("/2010-04-01/Accounts/<account>.json")
        def account(account: str) -> Any:
            return {"sid": account, "status": "active"}

        @made.post("/slack/<room>")
        def slack(room: str) -> Any:
            given = request.get_json()
            if not given.get("text"):
                return "no_text", 400
            self.hear("Slack", f"#{room}", html.unescape(given["text"]))
            return "ok"

        return made

    def mail_server(self) -> socketserver.ThreadingTCPServer:
        """Return an SMTP server on a free port, running; the caller shuts it down."""
        keep = self.hear

        class Handler(_Smtp):
            hear = staticmethod(keep)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server


def _report(callback: str, sid: str) -> None:
    """Tell Backstop that the message arrived."""
    form = [("MessageSid", sid), ("MessageStatus", "delivered")]
    proof = {"X-Twilio-Signature": signature(AUTH_TOKEN, callback, form)}
    try:
        answer = requests.post(callback, data=dict(form), headers=proof, timeout=5)
        log.debug("delivery report %s: %s", sid, answer.status_code)
    except requests.RequestException as err:
        log.debug("delivery report %s: %s", sid, err)  # the demo is being stopped


class _Smtp(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over a mail."""

    hear: Callable[..., None]

    def handle(self) -> None:
        """One session."""
        self._say("220 demo")
        recipients: list[str] = []
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipients.append(line.decode(errors="replace").partition("<")[2].partition(">")[0])
            if verb == b"DATA":
                self._say("354 go on")
                self._keep(self._data(), recipients)
                recipients = []
            self._say("221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def _data(self) -> bytes:
        lines = iter(self.rfile.readline, b"")
        return b"".join(itertools.takewhile(lambda line: line != b".\r\n", lines)).replace(
            b"\r\n..", b"\r\n."
        )

    def _keep(self, raw: bytes, recipients: list[str]) -> None:
        mail = message_from_bytes(raw, policy=policy.default)
        part = mail.get_body(("plain", "html"))
        text = str(part.get_content()) if part is not None else ""
        self.hear("e-mail", ", ".join(recipients), text, str(mail["subject"] or ""))
