"""Slack: by an incoming webhook, or as a bot.

Rich, and may carry the customer's words: the channel is the team's own. A webhook only posts into one channel;
a bot continues the ticket's thread (and shows reminders in the channel, too, since a reply in a thread alone
notifies few), with `signing_secret` its button takes the ticket, and once anybody has it, wherever it was
taken, its messages say who and lose the button. What a webhook has posted cannot be changed: its link leads to
a page whose button then says who has it. Accepted means that Slack has it; who read it is not reported.

How it fails: the webhook was removed (404 no_service), the channel archived (410) or the app forbidden to post (403):
refused, and another channel is tried; too fast (429) or Slack out of order: later. Whether a message whose answer was
lost arrived cannot be asked. Source: docs.slack.dev, "Sending messages using incoming webhooks", "chat.postMessage".
"""

from __future__ import annotations

import json
import logging
import urllib.error
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.signature import Clock, SignatureVerifier

from connectors.channels.posting import Context, Url, checked_url, post
from connectors.channels.slack_errors import explained, no_answer, why_not
from connectors.kit.decoding import decoded, form_of
from core.errors import BadPayload, BadSignature, Refused, VendorError
from core.model import (
    Attachment,
    ChannelCallback,
    Finding,
    OutboundMessage,
    Priority,
    Receipt,
    ReceiptState,
    WebhookRequest,
)
from core.ports import MANY_READERS, Abilities

log = logging.getLogger(__name__)

LENGTH = 2800  # a section holds 3000 characters, escaped ones count longer
CLAIM = "backstop_claim"
STAMP = 11  # digits of a time in seconds, until the year 5138
PLAIN = {"parse": "none", "link_names": False}
"""Nothing in a text becomes a link or a mention: it may be a customer's (docs.slack.dev, chat.postMessage)."""
UNSEEN = {"unfurl_links": False, "unfurl_media": False}  # and nothing is fetched to be shown below it


class Settings(BaseModel):
    """`[channels.slack.<name>]`: `webhook_url`, or `bot_token` and `channel`."""

    model_config = ConfigDict(extra="forbid")

    webhook_url: SecretStr | None = None  # an incoming webhook; or else
    bot_token: SecretStr | None = None  # xoxb-…, which can also thread and take claims
    channel: str = ""  # the bot's, as #support or C0123
    signing_secret: SecretStr | None = None  # proves that a click came from Slack
    base_url: Url = "https://slack.com"  # a proxy or a test server

    @model_validator(mode="after")
    def _one_way_to_post(self) -> Settings:
        if self.webhook_url is None and self.bot_token is None:
            raise ValueError("has no way to post: set webhook_url, or bot_token and channel")
        if self.webhook_url is not None:
            checked_url(self.webhook_url.get_secret_value())
        elif not self.channel:
            raise ValueError("has no channel to post to: set channel")
        return self


class Slack:
    """One channel in Slack."""

    kind = "slack"
    recipients: tuple[str, ...] = ()

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        self.name, self._settings = name, settings
        self._clock, self._on_call = context.clock, context.on_call
        # we log failures ourselves, without payloads
        logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)
        # an incoming webhook accepts no files, and its messages cannot be changed
        bot = settings.webhook_url is None
        self.can = Abilities("rich", LENGTH, limits=MANY_READERS, files=bot, edits=bot, threads=bot)
        token = settings.bot_token.get_secret_value() if settings.bot_token else None
        # Its own retries are switched off: after a broken connection it is unknown whether the message arrived.
        self._api = WebClient(token, f"{settings.base_url.rstrip('/')}/api/", timeout=10, retry_handlers=[])

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Send one message. Raises TryLater, Refused, UnknownOutcome."""
        body = {"text": _escaped(outbound.text[:LENGTH]), "blocks": self._blocks(outbound), **PLAIN}
        if self._settings.webhook_url is not None:
            url = self._settings.webhook_url.get_secret_value()
            post(url, on_call=self._on_call, operation="slack webhook", json=body | UNSEEN)
            return Receipt(state=ReceiptState.ACCEPTED)
        if outbound.edits:
            channel, _, ts = outbound.edits.rpartition("/")
            self._call("chat.update", json={"channel": channel, "ts": ts, **body})
            return Receipt(state=ReceiptState.ACCEPTED)
        thread = outbound.thread.rpartition("/")[2]
        more = {"thread_ts": thread, "reply_broadcast": True} if thread else {}
        answer = self._call(
            "chat.postMessage", json={"channel": self._settings.channel, **body, **UNSEEN, **more}
        )
        for one in outbound.attachments:
            if one.mime.startswith("image/"):
                self._show(one, str(answer.get("channel", "")))
        ts = str(answer.get("ts", ""))  # a message is named by its channel's id and its time there
        return Receipt(id=f"{answer.get('channel', '')}/{ts}" if ts else "", state=ReceiptState.ACCEPTED)

    def _show(self, one: Attachment, channel: str) -> None:
        """Upload a picture below the message (needs files:write). The message is posted already: no error here
        may cause it to be posted again."""
        try:
            self._api.files_upload_v2(channel=channel, content=one.content, filename=one.name, title=one.name)
        except (
            SlackClientError,
            OSError,
            TypeError,
            ValueError,
        ) as err:  # also an answer that makes no sense
            self._on_call("slack files_upload_v2", "refused")
            log.warning("%s: the picture was not uploaded: %s", self.name, why_not(err))
        else:
            self._on_call("slack files_upload_v2", "ok")

    def heard(self, request: WebhookRequest, url: str, now: datetime) -> tuple[ChannelCallback, ...]:
        """Return a click on our button, proved by Slack's signature; the e-mail address of who clicked is read from Slack."""
        self._prove(request, now)
        try:
            payload = decoded(dict(form_of(request.body)).get("payload", "{}"))
            clicks = [action for action in payload.get("actions", []) if action.get("action_id") == CLAIM]
            if not clicks:
                return ()  # a link was followed
            desk, ticket_id = decoded(str(clicks[0]["value"]))
            user = str(payload["user"]["id"])
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise BadPayload("the click does not say which ticket is meant") from err
        profile = self._profile(user)
        return (
            ChannelCallback(
                "claim",
                desk=str(desk),
                ticket_id=str(ticket_id),
                answer_to=str(payload.get("response_url", "")),
                email=str(profile.get("profile", {}).get("email", "")),
                name=str(profile.get("real_name", user)),
            ),
        )

    def _profile(self, user: str) -> dict[str, Any]:
        """Return the profile of who clicked; {} without the right to read it."""
        try:
            return dict(self._call("users.info", params={"user": user}).get("user") or {})
        except Refused:
            return {}

    def answer(self, heard: ChannelCallback, text: str) -> None:
        """Post a line below the message that was clicked, visible to everybody."""
        if not self._trusted(heard.answer_to):
            return
        body = {"text": _escaped(text), "replace_original": False, "response_type": "in_channel", **PLAIN}
        post(heard.answer_to, on_call=self._on_call, operation="slack response", json=body)

    def check(self) -> list[Finding]:
        """Return whether the webhook works, by a message without text (Slack refuses it and shows nothing), or
        whether the token does."""
        try:
            if self._settings.webhook_url is None:
                self._call("auth.test")
            else:
                self._knock(self._settings.webhook_url.get_secret_value())
        except VendorError as err:
            remedy = (
                "make a new webhook in Slack's app settings"
                if self._settings.webhook_url
                else "check bot_token"
            )
            return [Finding("CH21", "fail", f"{self.name}: {err}", remedy)]
        return [Finding("CH20", "ok", f"{self.name}: Slack accepts the credential")]

    def _knock(self, url: str) -> None:
        try:
            post(url, on_call=self._on_call, operation="slack webhook", json={"text": ""})
        except Refused as err:
            if "no_text" not in str(err) and "invalid_payload" not in str(err):
                raise

    def _prove(self, request: WebhookRequest, now: datetime) -> None:
        if self._settings.signing_secret is None:
            raise BadSignature(f"{self.name} has no signing_secret: clicks cannot be verified")
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= STAMP):
            raise BadSignature("the request has no timestamp of Slack's")
        verifier = SignatureVerifier(self._settings.signing_secret.get_secret_value(), _At(now))
        try:
            genuine = verifier.is_valid_request(request.body, dict(request.headers))
        except (ValueError, TypeError) as err:  # a body or a signature that is no text
            raise BadSignature("the signature cannot be read") from err
        if not genuine:
            raise BadSignature(
                "the signature does not match: is signing_secret the app's, and is the clock right?"
            )

    def _trusted(self, url: str) -> bool:
        """Return whether an address is Slack's own: nothing else is answered, whatever the payload says."""
        home, there = urlsplit(self._settings.base_url), urlsplit(url)
        slack = there.scheme == "https" and (there.hostname or "").endswith(".slack.com")
        return slack or (bool(there.netloc) and (there.scheme, there.netloc) == (home.scheme, home.netloc))

    def _call(self, method: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._api.api_call(method, **more).data
        except SlackApiError as err:
            self._on_call(f"slack {method}", "refused")
            raise explained(err) from err
        except (OSError, urllib.error.URLError) as err:
            self._on_call(f"slack {method}", "unknownoutcome")
            raise no_answer(err) from err
        self._on_call(f"slack {method}", "ok")
        return dict(answer) if isinstance(answer, dict) else {}

    def _blocks(self, outbound: OutboundMessage) -> list[dict[str, Any]]:
        mentions = " ".join(f"<@{user}>" for user in outbound.to if user.isalnum())
        head, _, rest = outbound.text[:LENGTH].partition("\n")
        text = "\n".join(part for part in [mentions, f"*{_escaped(head)}*", _escaped(rest)] if part)
        buttons = [
            button
            for button in [self._claim_button(outbound), _link("Open the ticket", outbound.url)]
            if button
        ]
        # verbatim: Slack adds no links of its own; *bold* and <@mentions>, both ours, stay
        section = {"type": "section", "text": {"type": "mrkdwn", "text": text[:2990], "verbatim": True}}
        return [section, {"type": "actions", "elements": buttons}] if buttons else [section]

    def _claim_button(self, outbound: OutboundMessage) -> dict[str, Any] | None:
        if not outbound.ticket_id or outbound.template in {"claimed", "digest"}:
            return None
        if self._settings.signing_secret is None or self._settings.bot_token is None:
            return _link("I take it", outbound.claim_url)
        button = _button("I take it") | {
            "action_id": CLAIM,
            "value": json.dumps([outbound.desk, outbound.ticket_id]),
        }
        return button | (
            {"style": "danger"} if outbound.priority is Priority.URGENT else {"style": "primary"}
        )


class _At(Clock):
    """A clock for Slack's verifier that stands at the given time."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> float:
        return self._at.timestamp()


def _escaped(text: str) -> str:
    """Escape a text so that nothing in it is a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _button(text: str) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": text}}


def _link(text: str, url: str) -> dict[str, Any] | None:
    return (
        _button(text) | {"url": url} if url.startswith(("https://", "http://")) and len(url) < 3000 else None
    )


make = Slack
