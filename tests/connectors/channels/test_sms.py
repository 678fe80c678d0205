"""Text messages by Twilio: proved callbacks, errors by number, states."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from connectors.channels import build
from connectors.channels.sms import Sms, number, signature
from core.errors import BadPayload, BadSignature, ConfigError, NotAllowed, Refused, TryLater
from core.model import ChannelCallback, OutboundMessage, Priority, WebhookRequest
from tests.connectors.channels.fakes import FakeTwilio, reply, serving

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with serving(FakeTwilio()) as fake:
        yield fake  # type: ignore[misc]


def sms(twilio: FakeTwilio, **more: str) -> Sms:
    raw = {
        "account_sid": twilio.SID,
        "auth_token": twilio.TOKEN,
        "to": "+15550100, +15550101",
        "from": "+15550199",
    }
    built = build(
        {"sms": {"oncall": raw | {"base_url": twilio.base} | more}},
        clock=lambda: NOW,
        public_url="https://b.example/",
    )
    return built["sms:oncall"]  # type: ignore[return-value]


def outbound(*to: str) -> OutboundMessage:
    return OutboundMessage("support:4711:t:0:sms:oncall:+1", to, "s", "Ticket 4711", Priority.URGENT)


def test_the_signature_is_twilios_own_example() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    assert signature("12345", url, form.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_it_requests_a_delivery_report(twilio: FakeTwilio) -> None:
    receipt = sms(twilio).send(outbound("+15550111"), NOW)
    sent = twilio.received[0]
    assert (sent["To"], sent["From"], receipt.state) == ("+15550111", "+15550199", "accepted")
    callback = urlsplit(sent["StatusCallback"])
    assert (
        f"{callback.scheme}://{callback.netloc}{callback.path}"
        == "https://b.example/hooks/channels/sms/oncall"
    )
    assert parse_qs(callback.query) == {"key": ["support:4711:t:0:sms:oncall:+1"]}


def test_without_a_public_url_no_callback_is_requested(twilio: FakeTwilio) -> None:
    raw = {
        "account_sid": twilio.SID,
        "auth_token": twilio.TOKEN,
        "to": ["+15550100"],
        "from": "MG123",
        "base_url": twilio.base,
    }
    channel = build({"sms": {"x": raw}}, clock=lambda: NOW)["sms:x"]
    channel.send(outbound(), NOW)
    assert "StatusCallback" not in twilio.received[0]
    assert twilio.received[0]["MessagingServiceSid"] == "MG123"
    assert not channel.can.reports_delivery


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("+15550001", "21211: this is no phone number"),
        ("+15550002", "21610: this person replied STOP"),
        ("+15550003", "21614"),
        ("+15550004", "21408: switch the country on"),
    ],
)
def test_twilios_error_numbers_are_refusals_with_a_remedy(twilio: FakeTwilio, to: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        sms(twilio).send(outbound(to), NOW)


def test_wrong_credentials_are_distinguished(twilio: FakeTwilio) -> None:
    with pytest.raises(NotAllowed, match="20003: check account_sid and auth_token"):
        sms(twilio, auth_token="wrong").send(outbound(), NOW)
    assert [f.level for f in sms(twilio, auth_token="wrong").check()][-1] == "fail"


def test_too_fast_is_later(twilio: FakeTwilio) -> None:
    twilio.next.append(reply(429, {"code": 20429, "message": "Too Many Requests"}, Retry_After="3"))
    with pytest.raises(TryLater):
        sms(twilio).send(outbound(), NOW)


def test_an_accepted_message_whose_answer_makes_no_sense_is_accepted(twilio: FakeTwilio) -> None:
    twilio.next.append(reply(201, "<html>"))
    assert sms(twilio).send(outbound(), NOW).state == "accepted"


STATUSES = [
    ("queued", "accepted"),
    ("sent", "sent"),
    ("delivered", "delivered"),
    ("undelivered", "failed"),
    ("failed", "failed"),
    ("something new", "accepted"),
]


@pytest.mark.parametrize(("status", "state"), STATUSES)
def test_a_genuine_callback_says_how_the_message_fared(twilio: FakeTwilio, status: str, state: str) -> None:
    url = "https://b.example/hooks/channels/sms/oncall?key=support%3A1"
    body = urlencode(
        {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": "30003" if state == "failed" else ""}
    ).encode()
    request = WebhookRequest({"x-twilio-signature": twilio.sign(url, body)}, body)
    (heard,) = sms(twilio).heard(request, url, NOW)
    assert (heard.kind, heard.key, heard.provider_id, heard.state) == ("status", "support:1", "SM1", state)
    assert ("30003: the phone is switched off" in heard.detail) is (state == "failed")


@pytest.mark.parametrize("fault", ["body", "address", "missing", "umlaut"])
def test_a_forged_callback_is_refused(twilio: FakeTwilio, fault: str) -> None:
    url, body = "https://b.example/hooks/channels/sms/oncall?key=1", b"MessageSid=SM1&MessageStatus=delivered"
    given = {"missing": "", "umlaut": "ä"}.get(fault, twilio.sign(url, body))
    request = WebhookRequest({"x-twilio-signature": given}, body + (b"&x=1" if fault == "body" else b""))
    with pytest.raises(BadSignature):
        sms(twilio).heard(request, url + ("2" if fault == "address" else ""), NOW)


@pytest.mark.parametrize(
    "body",
    [
        "&".join(f"{n}=1" for n in range(110_000)).encode(),
        b"a" * 1_048_576,
        b"MessageStatus=" + b"x" * 1_000_000,
        b"=&" * 500_000,
    ],
    ids=["many fields", "one name", "one value", "nothing"],
)
def test_a_forged_megabyte_costs_next_to_nothing(twilio: FakeTwilio, body: bytes) -> None:
    channel, request = sms(twilio), WebhookRequest({"x-twilio-signature": "A" * 27 + "="}, body)
    begun = time.process_time()
    with pytest.raises(BadSignature):
        channel.heard(request, "https://b.example/hooks/channels/sms/oncall", NOW)
    assert time.process_time() - begun < 0.05


@pytest.mark.parametrize("body", [b"MessageSid=SM1", b"MessageStatus=delivered", b""])
def test_a_genuine_callback_without_sense_is_named(twilio: FakeTwilio, body: bytes) -> None:
    url = "https://b.example/hooks/channels/sms/oncall"
    with pytest.raises(BadPayload):
        sms(twilio).heard(WebhookRequest({"x-twilio-signature": twilio.sign(url, body)}, body), url, NOW)


@pytest.mark.parametrize("bad", ["0301234567", "call me", "+0", "+1555", "+49 30 12345678901234", ""])
def test_a_bad_phone_number_is_refused_at_start_up(twilio: FakeTwilio, bad: str) -> None:
    with pytest.raises(ConfigError, match=r"channels\.sms\.oncall\.to"):
        sms(twilio, to=bad)


def test_numbers_may_be_written_as_people_do_and_odd_ones_are_warned_of(twilio: FakeTwilio) -> None:
    assert number("+49 (30) 123-4567") == "+49301234567"
    assert any(f.level == "warn" and "+15550100" in f.what for f in sms(twilio).check())


def test_a_text_message_has_no_button(twilio: FakeTwilio) -> None:
    sms(twilio).answer(ChannelCallback("claim"), "x")
    assert twilio.received == []
