"""Backstop's people behind real doors: a Slack, a Twilio and a mail server on loopback, strict as theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import quote, urlencode

import requests
from werkzeug.wrappers import Request, Response

from tests.connectors.channels.fakes import FakeSlack, FakeTwilio, Mailbox, mail_server, serving

LADDER = [{"after": "30m", "notify": "team"}, {"after": "2h", "notify": "manager"}]
CHANNELS = {
    "urgent": ["sms:oncall", "slack:urgent"],
    "high": ["slack:urgent"],
    "normal": ["slack:urgent"],
    "low": ["desk"],
}


@dataclass
class Carrier(FakeTwilio):
    """Twilio with a carrier behind it: while `home` is known, it reports the arrival of each message there."""

    home: str = ""

    def answer(self, request: Request) -> Response:
        told = len(self.received)
        answer = super().answer(request)
        if self.home and len(self.received) > told:
            self.calls_back(self.received[-1], "delivered")
        return answer

    def calls_back(self, form: dict[str, str], status: str, code: str = "") -> requests.Response:
        """Signed, at the address that the message named; that address is the public one."""
        body = {"MessageSid": f"SM{len(self.received):032d}", "MessageStatus": status}
        told = urlencode(body | ({"ErrorCode": code} if code else {}))
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        proof = {"X-Twilio-Signature": self.sign(form["StatusCallback"], told.encode())}
        url = form["StatusCallback"].replace("https://backstop.example.com", self.home)
        return requests.post(url, data=told, headers=kind | proof, timeout=10)


@dataclass
class People:
    """What reached whom."""

    slack: FakeSlack
    twilio: Carrier
    box: Mailbox
    smtp_url: str

    def config(self, **escalation: Any) -> dict[str, Any]:
        """The tables that lead to these doors."""
        bot = {
            "bot_token": self.slack.TOKEN,
            "channel": "C1",
            "signing_secret": self.slack.SECRET,
            "base_url": self.slack.base,
        }
        sms = {
            "account_sid": self.twilio.SID,
            "auth_token": self.twilio.TOKEN,
            "to": "+15550100",
            "from": "+15550199",
            "base_url": self.twilio.base,
        }
        mail = {"to": "boss@acme.example", "from": "backstop@acme.example", "smtp_url": self.smtp_url}
        return {
            "channels": {"slack": {"urgent": bot}, "sms": {"oncall": sms}, "email": {"manager": mail}},
            "audiences": {"manager": ["email:manager"]},
            "escalation": {"channels": CHANNELS, "ladder": LADDER, **escalation},
        }

    def texts(self) -> list[str]:
        """The text messages."""
        return [form["Body"] for form in self.twilio.received]

    def posts(self) -> list[dict[str, Any]]:
        """What Backstop said in the Slack channel."""
        return [one for one in self.slack.received if isinstance(one, dict)]

    def answers(self) -> list[str]:
        """What was answered to clicks."""
        return [
            one[1]["text"] for one in self.slack.received if isinstance(one, tuple) and one[0] == "response"
        ]

    def buttons(self) -> list[list[str]]:
        """The buttons that the Slack channel shows now, message by message."""
        blocks = [post["blocks"] for post in self.slack.posted.values()]
        return [[e["text"]["text"] for b in one for e in b.get("elements", [])] for one in blocks]

    def mails(self) -> list[Any]:
        """The mails, read."""
        return [message_from_bytes(one.content, policy=policy.default) for one in self.box.received]

    def link(self) -> str:
        """The path of the newest text message's link."""
        found = re.search(r"https://backstop\.example\.com(/claim/\S+)", self.texts()[-1])
        assert found, self.texts()[-1]
        return found.group(1)

    def click(self, h: Any, post: dict[str, Any], user: str = "U1") -> requests.Response:
        """A person presses "I take it" below this message; Slack reports it in its own form."""
        (button,) = [e for b in post["blocks"] for e in b.get("elements", []) if e.get("action_id")]
        action = {"action_id": button["action_id"], "value": button["value"]}
        payload = {
            "type": "block_actions",
            "user": {"id": user},
            "actions": [action],
            "response_url": f"{self.slack.base}/response/1",
        }
        body = ("payload=" + quote(json.dumps(payload))).encode()
        stamp = int(h.now.timestamp())
        headers = {
            "X-Slack-Signature": self.slack.sign(body, stamp),
            "X-Slack-Request-Timestamp": str(stamp),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return requests.post(
            f"{h.receiver}/hooks/channels/slack/urgent", data=body, headers=headers, timeout=10
        )


@contextmanager
def people() -> Iterator[People]:
    """The doors, open while the block runs."""
    with serving(FakeSlack()) as slack, serving(Carrier()) as twilio, mail_server() as (box, url):
        yield People(slack, twilio, box, url)  # type: ignore[arg-type]
