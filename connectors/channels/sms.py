"""SMS by Twilio.

Short, and without the customer's words: a text message is shown on locked screens and stored by carriers. It
names the ticket's id. One message for each number. Its states: accepted when Twilio has it, delivered when the
carrier says so (Twilio calls back, signed); without `public_url` there is no report, and it stays accepted.

How it fails: a number that cannot exist (21211, 21614), one that replied STOP (21610), a country switched off (21408),
a sender that is not ours (21606), wrong credentials (20003), too fast (20429): refused at once or later. Switched-off
phone (30003), unknown or landline number (30005, 30006), filtered by the carrier (30007): reported afterwards.
Source: twilio.com/docs/api/errors.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import phonenumbers
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from connectors.channels.posting import Context, Url, post, split_list
from connectors.kit.decoding import answer_of, form_of
from connectors.kit.signing import same
from connectors.kit.values import row, whole
from core.errors import BadPayload, BadSignature, NotAllowed, Refused, TryLater, VendorError
from core.model import ChannelCallback, Finding, OutboundMessage, Receipt, ReceiptState, WebhookRequest
from core.ports import ONE_PERSON, Abilities

LENGTH = 320  # two segments of plain letters; a message about many tickets may be longer
MOST = 1600  # Twilio refuses more
SIGNATURE = 28  # characters of a call's signature: the base64 of SHA-1
LONGEST_FORM = 32_768  # bytes of a callback; Twilio sends about twenty short fields
STATES = {
    "sent": ReceiptState.SENT,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.FAILED,
    "failed": ReceiptState.FAILED,
    "canceled": ReceiptState.FAILED,
}
"""What Twilio's message statuses mean. Each other one (queued, sending, scheduled) is: accepted."""
REMEDIES = {
    20003: "check account_sid and auth_token",
    21211: "this is no phone number: write it as +15550100",
    21408: "switch the country on in Twilio's geographic permissions",
    21606: "`from` is not a number of this Twilio account",
    21610: "this person replied STOP: they must text START to the sender",
    21614: "this number cannot receive text messages",
    30003: "the phone is switched off or out of reach",
    30005: "the carrier does not know this number",
    30006: "this is a landline",
    30007: "the carrier filtered it: register the sender",
}


def number(value: str) -> str:
    """Return a number with its country, as Twilio wants it."""
    plain = re.sub(r"[\s().-]", "", value)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", plain):
        raise ValueError(f'"{value}" is no phone number with its country: write it as +15550100')
    return plain


class Settings(BaseModel):
    """`[channels.sms.<name>]`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    account_sid: str = Field(min_length=1)  # AC…
    auth_token: SecretStr  # of that account
    to: Annotated[list[Annotated[str, AfterValidator(number)]], BeforeValidator(split_list)] = Field(
        min_length=1, description="numbers with country code, as +15550100"
    )
    sender: str = Field(
        alias="from", min_length=1, description="a number, a name, or a messaging service (MG…)"
    )
    base_url: Url = "https://api.twilio.com"  # a proxy or a test server


class Sms:
    """One set of numbers behind one Twilio account."""

    kind = "sms"

    def __init__(self, name: str, settings: Settings, context: Context) -> None:
        self.name, self._settings, self._on_call = name, settings, context.on_call
        self.recipients = tuple(settings.to)
        base, path = context.public_url.rstrip("/"), name.replace(":", "/", 1)
        callback = self._callback = f"{base}/hooks/channels/{path}" if base else ""
        self.can = Abilities(
            "short", LENGTH, customer_words=False, limits=ONE_PERSON, reports_delivery=bool(callback)
        )
        self._account = f"{settings.base_url.rstrip('/')}/2010-04-01/Accounts/{quote(settings.account_sid)}"
        self._token = settings.auth_token.get_secret_value()

    def send(self, outbound: OutboundMessage, now: datetime) -> Receipt:
        """Send one text message. Raises TryLater, Refused, UnknownOutcome."""
        to = number(outbound.to[0]) if outbound.to else self.recipients[0]
        service = self._settings.sender.startswith("MG")
        form = {"To": to, "Body": outbound.text[:MOST]}
        form["MessagingServiceSid" if service else "From"] = self._settings.sender
        if self._callback:
            form["StatusCallback"] = f"{self._callback}?key={quote(outbound.key, safe='')}"
        answer = self._call("POST", "Messages.json", data=form)
        state = STATES.get(str(answer.get("status")), ReceiptState.ACCEPTED)
        if state == ReceiptState.FAILED:
            raise Refused(_words(answer.get("error_code"), "Twilio could not send it"))
        return Receipt(id=str(answer.get("sid", "")), state=state)

    def heard(self, request: WebhookRequest, url: str, now: datetime) -> tuple[ChannelCallback, ...]:
        """Return a status callback, proved by Twilio's signature over the address it called and the form."""
        fields = dict(self._proved(request, url))
        sid, status = fields.get("MessageSid", ""), fields.get("MessageStatus", "")
        key = dict(_form(urlsplit(url).query)).get("key", "")
        if not status or not (sid or key):
            raise BadPayload("neither a message nor a status in it")
        code = fields.get("ErrorCode", "")
        detail = _words(code, "not delivered") if code and code != "0" else ""
        return (
            ChannelCallback(
                "status",
                key=key,
                provider_id=sid,
                state=STATES.get(status, ReceiptState.ACCEPTED),
                detail=detail,
            ),
        )

    def _proved(self, request: WebhookRequest, url: str) -> list[tuple[str, str]]:
        """Return the form, if Twilio signed it. A request that Twilio cannot have signed is not parsed."""
        given = request.headers.get("x-twilio-signature", "")
        if len(given.strip()) != SIGNATURE or len(request.body) + len(url) > LONGEST_FORM:
            raise BadSignature("the request has no signature of Twilio's, or is larger than Twilio sends")
        form = _form(request.body)
        if not same([signature(self._token, url, form)], given):
            raise BadSignature(
                "the signature does not match: is auth_token the account's, and public_url as Twilio sees it?"
            )
        return form

    def answer(self, heard: ChannelCallback, text: str) -> None:
        """Do nothing: a text message has no buttons."""

    def check(self) -> list[Finding]:
        """Return whether the account answers, and whether the numbers can exist."""
        odd = [one for one in self.recipients if not phonenumbers.is_valid_number(phonenumbers.parse(one))]
        findings = [
            Finding(
                "CH12", "warn", f"{self.name}: {one} is in no country's numbering plan", "check the number"
            )
            for one in odd
        ]
        try:
            account = self._call("GET", ".json")
        except VendorError as err:
            return [
                *findings,
                Finding("CH11", "fail", f"{self.name}: {err}", "check account_sid, auth_token and base_url"),
            ]
        if account.get("status", "active") != "active":
            findings.append(
                Finding(
                    "CH13", "fail", f"{self.name}: the account is {account['status']}", "see Twilio's console"
                )
            )
        return [*findings, Finding("CH10", "ok", f"{self.name}: Twilio accepts the credential")]

    def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        url = self._account + (path if path.startswith(".") else f"/{path}")
        auth = (self._settings.account_sid, self._token)
        try:
            response = post(
                url, method=method, on_call=self._on_call, operation=f"sms {method}", auth=auth, **more
            )
        except Refused as err:
            raise _explained(err) from err
        try:
            return dict(row(answer_of(response)))
        except ValueError:  # it was accepted; only the answer's text is lost
            return {}


def signature(token: str, url: str, form: Iterable[tuple[str, str]]) -> str:
    """base64(HMAC-SHA1(token, address + every name and value, sorted)). Of repeated values each counts once."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _form(body: bytes | str) -> list[tuple[str, str]]:
    try:
        return form_of(body)
    except ValueError as err:
        raise BadPayload("the body is not a form") from err


def _words(code: Any, otherwise: str) -> str:
    known = REMEDIES.get(whole(code))
    return f"Twilio {code}: {known or otherwise}" if code else otherwise


def _explained(err: Refused) -> VendorError:
    """Return Twilio's error with its number and the remedy."""
    match = re.search(r'"code":\s*(\d+)', str(err))
    if not match:
        return err
    code, words = int(match.group(1)), re.search(r'"message":\s*"([^"]*)"', str(err))
    text = _words(code, words.group(1) if words else str(err))
    kind = TryLater if code in {20429, 14107} else NotAllowed if code == 20003 else Refused
    return kind(text, status=err.status)


make = Sms
