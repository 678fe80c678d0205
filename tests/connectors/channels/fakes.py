"""Strict stand-ins for providers, as real servers on loopback: they check who calls and what, and speak their errors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from connectors.sandbox.server import running


@dataclass
class Web:
    """One HTTP server; `next` holds what it answers instead, first come first served. None: hang up."""

    received: list[Any] = field(default_factory=list)
    next: list[Response | None] = field(default_factory=list)
    base: str = ""

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        request = Request(environ)
        if self.next:
            planned = self.next.pop(0)
            if planned is None:
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)  # the outcome is unknown to the caller
                return []
            return planned(environ, start)
        return self.answer(request)(environ, start)

    def answer(self, request: Request) -> Response:
        raise NotImplementedError


def reply(status: int, body: Any, **headers: str) -> Response:
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/plain" if isinstance(body, str) else "application/json"
    return Response(
        text,
        status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        content_type=kind,
    )


@contextmanager
def serving(fake: Web) -> Iterator[Web]:
    server = make_server("127.0.0.1", 0, fake, threaded=True)
    fake.base = f"http://127.0.0.1:{server.server_port}"
    with running(server):
        yield fake


class FakeTwilio(Web):
    """Twilio's Messages resource: basic auth, form fields, numbers by their error codes."""

    SID, TOKEN = "AC0123456789", "12345"
    BAD: ClassVar = {
        "+15550001": (400, 21211),
        "+15550002": (400, 21610),
        "+15550003": (400, 21614),
        "+15550004": (400, 21408),
    }

    def answer(self, request: Request) -> Response:
        if request.authorization is None or (
            request.authorization.username,
            request.authorization.password,
        ) != (self.SID, self.TOKEN):
            return reply(401, {"code": 20003, "message": "Authenticate", "status": 401})
        if request.path == f"/2010-04-01/Accounts/{self.SID}.json" and request.method == "GET":
            return reply(200, {"sid": self.SID, "status": "active"})
        if request.path != f"/2010-04-01/Accounts/{self.SID}/Messages.json" or request.method != "POST":
            return reply(404, {"code": 20404, "message": "not found", "status": 404})
        form = request.form.to_dict()
        if not form.get("Body") or not (form.get("From") or form.get("MessagingServiceSid")):
            return reply(400, {"code": 21602, "message": "Message body is required.", "status": 400})
        if form["To"] in self.BAD:
            status, code = self.BAD[form["To"]]
            return reply(status, {"code": code, "message": "no", "status": status})
        self.received.append(form)
        return reply(201, {"sid": f"SM{len(self.received):032d}", "status": "queued", "error_code": None})

    def sign(self, url: str, body: bytes) -> str:
        """As Twilio's page on securing requests describes it, written from the page and not from our code."""
        fields = sorted(parse_qsl(body.decode(), keep_blank_values=True))
        text = url + "".join(f"{name}{value}" for name, value in fields)
        return base64.b64encode(hmac.new(self.TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>|]+")


def links_in(message: dict[str, Any]) -> list[str]:
    """The addresses that Slack makes links of in a message, by its page on formatting text.

    In a section unless `verbatim` is set, in a bare text unless `parse` is "none"; in angle brackets always.
    """
    sections = [block["text"] for block in message.get("blocks", []) if block["type"] == "section"]
    loose = [one["text"] for one in sections if one["type"] == "mrkdwn" and not one.get("verbatim")]
    if not sections and message.get("parse") != "none":
        loose.append(message["text"])
    told = [one["text"] for one in sections] or [message["text"]]
    return [
        *(found for text in loose for found in _ADDRESS.findall(text)),
        *(found for text in told for found in re.findall(r"<(?:https?|mailto|tel):[^>]*>", text)),
    ]


@dataclass
class FakeSlack(Web):
    """Incoming webhooks, chat.postMessage, users.info, auth.test; response_url."""

    TOKEN: ClassVar[str] = "xoxb-test"
    SECRET: str = "8f742231b10e8888abcd99yyyzzz85a5"
    USERS: ClassVar = {"U1": {"real_name": "Anna Ober", "profile": {"email": "anna@acme.example"}}}
    posted: dict[str, Any] = field(default_factory=dict)  # the messages in the channel now, by timestamp
    may_upload: bool = True  # the scope files:write

    def answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/services/"):
            return self._webhook(request)
        if path.startswith("/response/"):
            self.received.append(("response", request.get_json()))
            return reply(200, "ok")
        if path.startswith("/upload/"):
            self.received.append(("upload", request.get_data()))
            return reply(200, "OK")
        if request.headers.get("Authorization") != f"Bearer {self.TOKEN}":
            return reply(200, {"ok": False, "error": "invalid_auth"})
        method = path.removeprefix("/api/")
        if method == "auth.test":
            return reply(200, {"ok": True, "user_id": "UBOT"})
        if method == "users.info":
            user = self.USERS.get(request.values.get("user", ""))
            return reply(
                200, {"ok": True, "user": user} if user else {"ok": False, "error": "user_not_found"}
            )
        if method == "chat.postMessage":
            return self._post(request.get_json())
        if method == "chat.update":
            return self._update(request.get_json())
        if method.startswith("files."):
            return self._file(method, request)
        return reply(200, {"ok": False, "error": "unknown_method"})

    def _webhook(self, request: Request) -> Response:
        if request.path != "/services/T1/B1/good":
            return reply(404, "no_service")
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            return reply(400, "invalid_payload")
        if not body.get("text"):
            return reply(400, "no_text")
        if not self._shapely(body.get("blocks", [])):
            return reply(400, "invalid_blocks")
        self.received.append(body)
        return reply(200, "ok")

    def _file(self, method: str, request: Request) -> Response:
        """Where a file goes, and to which channel it belongs: docs.slack.dev, "files.completeUploadExternal"."""
        if not self.may_upload:
            return reply(200, {"ok": False, "error": "missing_scope"})
        asked = request.get_json(silent=True) or request.values.to_dict()
        if method == "files.getUploadURLExternal":
            if not asked.get("filename") or not int(asked.get("length", 0)):
                return reply(200, {"ok": False, "error": "invalid_arguments"})
            return reply(200, {"ok": True, "upload_url": f"{self.base}/upload/1", "file_id": "F1"})
        if asked.get("channel_id") != "C1":  # a channel's id, never its name
            return reply(200, {"ok": False, "error": "channel_not_found"})
        self.received.append(("complete", asked))
        return reply(200, {"ok": True, "files": [{"id": "F1"}]})

    def _post(self, body: dict[str, Any]) -> Response:
        if body.get("channel") != "C1":
            return reply(200, {"ok": False, "error": "channel_not_found"})
        if not self._shapely(body.get("blocks", [])):
            return reply(200, {"ok": False, "error": "invalid_blocks"})
        self.received.append(body)
        ts = f"17000{len(self.received):05}.000100"
        self.posted[ts] = body
        return reply(200, {"ok": True, "ts": ts, "channel": "C1"})

    def _update(self, body: dict[str, Any]) -> Response:
        """By the channel's id and the message's own time: docs.slack.dev, "chat.update"."""
        if body.get("channel") != "C1":
            return reply(200, {"ok": False, "error": "channel_not_found"})
        if body.get("ts") not in self.posted:
            return reply(200, {"ok": False, "error": "message_not_found"})
        if not self._shapely(body.get("blocks", [])):
            return reply(200, {"ok": False, "error": "invalid_blocks"})
        self.received.append(("update", body))
        self.posted[body["ts"]] = body
        return reply(200, {"ok": True, "ts": body["ts"], "channel": "C1"})

    @staticmethod
    def _shapely(blocks: list[dict[str, Any]]) -> bool:
        for block in blocks:
            if block["type"] == "section" and not 0 < len(block["text"]["text"]) <= 3000:
                return False
            if block["type"] == "actions" and not 0 < len(block["elements"]) <= 25:
                return False
            for one in block.get("elements", []):
                if (
                    len(one.get("value", "")) > 2000
                    or len(one.get("url", "")) > 3000
                    or one["text"]["type"] != "plain_text"
                ):
                    return False
        return True

    def sign(self, body: bytes, stamp: int) -> str:
        base = f"v0:{stamp}:".encode() + body
        return "v0=" + hmac.new(self.SECRET.encode(), base, hashlib.sha256).hexdigest()


class FakeTeams(Web):
    """A workflow's address: one adaptive card per message, at most 28 KB."""

    def answer(self, request: Request) -> Response:
        if request.path != "/workflows/good":
            return reply(404, {"error": {"code": "WorkflowNotFound"}})
        if request.content_length is None or request.content_length > 28_000:
            return reply(413, "too large")
        card = request.get_json()["attachments"][0]
        if (
            card["contentType"] != "application/vnd.microsoft.card.adaptive"
            or card["content"]["type"] != "AdaptiveCard"
        ):
            return reply(400, "no card")
        self.received.append(card["content"])
        return reply(202, "")


class FakePagers(Web):
    """A Standard Webhooks receiver, PagerDuty's events and GoAlert's alerts."""

    SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    def answer(self, request: Request) -> Response:
        return {
            "/hook": self._standard,
            "/v2/enqueue": self._pagerduty,
            "/api/v2/generic/incoming": self._goalert,
        }[request.path](request)

    def _standard(self, request: Request) -> Response:
        key = base64.b64decode(self.SECRET.removeprefix("whsec_"))
        told = (
            f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
            + request.get_data()
        )
        proof = "v1," + base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
        if proof not in request.headers["webhook-signature"].split():
            return reply(401, "bad signature")
        self.received.append(request.get_json())
        return reply(204, "")

    def _pagerduty(self, request: Request) -> Response:
        body = request.get_json()
        if body.get("routing_key") != "R" * 32:
            return reply(400, {"status": "invalid event", "errors": ["invalid routing key"]})
        if body["event_action"] == "trigger" and not {"summary", "source", "severity"} <= set(
            body["payload"]
        ):
            return reply(400, {"status": "invalid event"})
        if body["event_action"] not in {"trigger", "acknowledge", "resolve"}:
            return reply(400, {"status": "invalid event"})
        self.received.append(body)
        return reply(202, {"status": "success", "dedup_key": body["dedup_key"]})

    def _goalert(self, request: Request) -> Response:
        body = request.get_json()
        if request.args.get("token") != "T" or not body.get("summary"):
            return reply(400, "invalid")
        self.received.append(body)
        return reply(204, "")


class Mailbox:
    """A real SMTP server. Some addresses are refused, for good or for now."""

    REFUSED, BUSY = "nobody@acme.example", "busy@acme.example"

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.broken = ""

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address == self.REFUSED:
            return "550 5.1.1 no such user"
        if address == self.BUSY:
            return "450 4.2.1 mailbox busy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if self.broken == "silent":
            server.transport.close()
            return "250 OK"
        if self.broken:
            return self.broken
        self.received.append(envelope)
        return "250 OK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(**more: Any) -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **more)
    controller.start()
    try:
        yield box, f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()
