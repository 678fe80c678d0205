"""Each parser behind a door takes 5,000 odd inputs and raises nothing but the errors that it declares."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from connectors.channels import build
from connectors.channels.bounces import heard_in
from connectors.channels.sms import signature
from connectors.freshdesk import events as freshdesk_events
from connectors.helpscout import events as helpscout_events
from connectors.helpscout import sidebar
from connectors.helpscout.settings import Settings as HelpScout
from connectors.kit.decoding import form_of
from connectors.kit.signing import hmac_base64
from connectors.zendesk import events as zendesk_events
from core.errors import BadPayload, BadSignature
from core.model import TicketEvent, WebhookRequest
from core.notifications import duty_calendar
from tests.connectors.channels.fake_imap import report
from tests.connectors.channels.fakes import FakeSlack
from tests.fuzz.odd import NUMBER, bodies, damaged, survives

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parents[1] / "fixtures"
SECRET = "a secret of more than sixteen characters"
DECLARED = (BadSignature, BadPayload)


def seeds(vendor: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((FIXTURES / vendor).glob("*.body.json"))]


def sound(found: object) -> None:
    """What came of it can be stored and sorted."""
    for event in found if isinstance(found, tuple) else ():
        assert isinstance(event, TicketEvent)
        assert event.at.tzinfo is not None
        assert len(event.key) <= 255
        assert "\0" not in event.key + event.ticket_id
        (event.key + event.ticket_id).encode()


def _signed(vendor: str, body: bytes) -> dict[str, str]:
    stamp = "2026-11-24T12:00:00Z"
    return {
        "zendesk": {
            zendesk_events.SIGNATURE: hmac_base64(SECRET, stamp.encode() + body),
            zendesk_events.STAMP: stamp,
        },
        "freshdesk": {freshdesk_events.HEADER: SECRET},
        "helpscout": {
            helpscout_events.SIGNATURE: hmac_base64(SECRET, body, "sha1"),
            helpscout_events.EVENT: ["convo.created", "convo.customer.reply.created", "convo.status", ""][
                len(body) % 4
            ],
        },
    }[vendor]


VERIFY = {
    "zendesk": lambda asked: zendesk_events.verify([SECRET], asked, NOW),
    "freshdesk": lambda asked: freshdesk_events.verify([SECRET], asked),
    "helpscout": lambda asked: helpscout_events.verify([SECRET], asked),
}
PARSE = {
    "zendesk": lambda asked: zendesk_events.parse("support", "77", asked, NOW),
    "freshdesk": lambda asked: freshdesk_events.parse("support", asked, NOW),
    "helpscout": lambda asked: helpscout_events.parse("support", asked, NOW),
}


@pytest.mark.parametrize("vendor", VERIFY)
def test_a_genuine_webhook_of_anything_becomes_events_or_a_declared_error(vendor: str) -> None:
    def receive(body: bytes) -> None:
        asked = WebhookRequest(_signed(vendor, body), body)
        VERIFY[vendor](asked)
        sound(PARSE[vendor](asked))

    assert survives(receive, bodies(vendor, seeds(vendor), NUMBER), DECLARED) > NUMBER / 3


@pytest.mark.parametrize("vendor", VERIFY)
def test_a_webhook_with_odd_headers_is_refused(vendor: str) -> None:
    rng, body = Random(vendor), b'{"ticket_id": 1, "id": 1}'

    def receive(_n: int) -> None:
        headers = {
            name: damaged(rng, value.encode()).decode("utf-8", "surrogateescape")
            for name, value in _signed(vendor, body).items()
        }
        asked = WebhookRequest(headers, body)
        VERIFY[vendor](asked)
        sound(PARSE[vendor](asked))

    assert survives(receive, iter(range(NUMBER)), DECLARED) < NUMBER / 2


CLICK = (
    b"payload="
    + json.dumps(
        {
            "type": "block_actions",
            "user": {"id": "U1"},
            "actions": [{"action_id": "backstop_claim", "value": '["support", "4711"]'}],
            "response_url": "https://hooks.slack.com/1",
        }
    ).encode()
)


def test_a_genuine_click_in_slack_of_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {"bot_token": "x", "channel": "C1", "signing_secret": FakeSlack.SECRET}
    channel: Any = build({"slack": {"urgent": raw}}, clock=lambda: NOW)["slack:urgent"]
    monkeypatch.setattr(channel, "_profile", lambda _user: {})
    fake, stamp = FakeSlack(), int(NOW.timestamp())

    def receive(body: bytes) -> None:
        signed = {"x-slack-signature": fake.sign(body, stamp), "x-slack-request-timestamp": str(stamp)}
        for heard in channel.heard(WebhookRequest(signed, body), "https://b.example/x", NOW):
            (heard.desk + heard.ticket_id + heard.name + heard.answer_to).encode()

    def known(body: bytes) -> bool:
        try:
            body.decode()
        except UnicodeDecodeError:
            return False  # Slack's own library signs texts only
        return True

    inputs = (body for body in bodies("slack", [CLICK], NUMBER) if known(body))
    assert survives(receive, inputs, DECLARED) > 100


def test_a_click_in_slack_with_odd_headers_is_refused() -> None:
    raw = {"bot_token": "x", "channel": "C1", "signing_secret": FakeSlack.SECRET}
    channel: Any = build({"slack": {"urgent": raw}}, clock=lambda: NOW)["slack:urgent"]
    rng, stamp = Random("slack"), str(int(NOW.timestamp()))
    genuine = FakeSlack().sign(CLICK, int(stamp))

    def receive(_n: int) -> None:
        odd = [damaged(rng, one.encode()).decode("utf-8", "surrogateescape") for one in (stamp, genuine)]
        headers = {"x-slack-request-timestamp": odd[0], "x-slack-signature": odd[1]}
        channel.heard(WebhookRequest(headers, CLICK), "https://b.example/x", NOW)

    assert survives(receive, iter(range(NUMBER)), DECLARED) == 0


def test_a_genuine_callback_of_twilio_of_anything() -> None:
    raw = {"account_sid": "AC1", "auth_token": "12345", "to": "+15550100", "from": "+15550199"}
    channel: Any = build({"sms": {"x": raw}}, clock=lambda: NOW)["sms:x"]
    form = b"MessageSid=SM1&MessageStatus=delivered&ErrorCode=30003"

    def receive(body: bytes) -> None:
        url = "https://b.example/hooks/channels/sms/x?" + body[:60].decode("ascii", "replace")
        try:
            signed = signature("12345", url, form_of(body))
        except ValueError:
            signed = "A" * 28
        for heard in channel.heard(WebhookRequest({"x-twilio-signature": signed}, body), url, NOW):
            (heard.key + heard.provider_id + heard.state + heard.detail).encode()

    assert survives(receive, bodies("twilio", [form], NUMBER), DECLARED) > 100


def test_a_genuine_question_of_a_sidebar_of_anything() -> None:
    settings = HelpScout(vendor="helpscout", client_id="c", client_secret="s", webhook_secret=SECRET)
    posts = [b'{"ticket": {"id": 1}, "user": {"id": 2, "fname": "A", "lname": "B"}}', b'{"ticket": false}']

    def post(body: bytes) -> None:
        asked = WebhookRequest({helpscout_events.SIGNATURE: hmac_base64(SECRET, body, "sha1")}, body or b" ")
        viewing = sidebar.asked(settings, asked, "")
        (viewing.ticket_id + viewing.agent + viewing.name).encode()

    def query(body: bytes) -> None:
        words = body.decode("ascii", "replace")
        given = dict(form_of(words)) if words.count("&") < 100 else {}
        signed = hmac_base64(SECRET, sidebar._php_json(given), "sha1").replace("+", "%2B")
        viewing = sidebar.asked(settings, WebhookRequest({}, b""), f"{words}&{sidebar.SIGNED}={signed}")
        (viewing.ticket_id + viewing.agent).encode()

    assert survives(post, bodies("sidebar", posts, NUMBER), DECLARED) > 100
    assert survives(query, bodies("query", [b"conversation-id=1&user-id=2"], NUMBER), DECLARED) > 100


def test_a_returned_mail_of_anything() -> None:
    mails = [report("<1@acme.example>", NOW, whole=whole) for whole in (True, False)]

    def read(raw: bytes) -> None:
        heard = heard_in(raw)
        if heard is not None:
            (heard.provider_id + heard.detail).encode()
            assert "\0" not in heard.provider_id + heard.detail

    assert survives(read, bodies("bounces", mails, NUMBER), ()) == NUMBER


CALENDAR = b"""BEGIN:VCALENDAR\r
BEGIN:VEVENT\r
DTSTART;TZID=Europe/Berlin:20261123T090000\r
DTEND;TZID=Europe/Berlin:20261130T090000\r
SUMMARY:On duty: Anna\r
ATTENDEE;CN=Ben:mailto:BEN@acme.example\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_any_calendar_yields_shifts_that_can_be_compared() -> None:
    """In this process, as there is no rule in it; with rules, and what they cost: tests/core/test_rota.py."""
    begin, end = NOW - duty_calendar.BEHIND, NOW + duty_calendar.AHEAD

    def read(raw: bytes) -> None:
        try:
            found = duty_calendar._found(raw.decode("utf-8", "replace"), begin, end)
        except Exception as err:  # whatever the parsers raise is caught in the process of its own, and said
            raise ValueError from err
        for told in json.loads(json.dumps(found)):
            shift = duty_calendar._shift(told, UTC)
            assert isinstance(shift.begin <= NOW < shift.end, bool)

    assert survives(read, bodies("calendar", [CALENDAR], NUMBER), ValueError) > 100
