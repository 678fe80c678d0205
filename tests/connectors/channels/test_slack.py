"""Slack: threads, buttons, proved clicks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from connectors.channels import build
from connectors.channels.slack import CLAIM, Slack
from core.errors import BadPayload, BadSignature, ConfigError, NotAllowed, Refused, TryLater, UnknownOutcome
from core.model import Attachment, ChannelCallback, OutboundMessage, Priority, WebhookRequest
from tests.connectors.channels.fakes import FakeSlack, links_in, reply, serving

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
URL = "https://b.example/hooks/channels/slack/urgent"


@pytest.fixture
def fake() -> Iterator[FakeSlack]:
    with serving(FakeSlack()) as running:
        yield running  # type: ignore[misc]


def bot(fake: FakeSlack, **more: str) -> Slack:
    raw = {"bot_token": fake.TOKEN, "channel": "C1", "signing_secret": fake.SECRET, "base_url": fake.base}
    return build({"slack": {"urgent": raw | more}}, clock=lambda: NOW)["slack:urgent"]  # type: ignore[return-value]


def hook(fake: FakeSlack, path: str = "/services/T1/B1/good") -> Slack:
    return build({"slack": {"x": {"webhook_url": fake.base + path}}}, clock=lambda: NOW)["slack:x"]  # type: ignore[return-value]


def outbound(**more) -> OutboundMessage:
    given = {
        "key": "k",
        "to": (),
        "subject": "s",
        "text": "Ticket 4711\nmore",
        "priority": Priority.URGENT,
        "desk": "support",
        "ticket_id": "4711",
        "url": "https://d.example/4711",
        "claim_url": "https://b.example/claim/t",
    }
    return OutboundMessage(**(given | more))


def click(fake: FakeSlack, payload: dict | str, at: datetime = NOW, secret: str = "") -> WebhookRequest:
    body = ("payload=" + quote(payload if isinstance(payload, str) else json.dumps(payload))).encode()
    stamp = int(at.timestamp())
    fake_or_other = FakeSlack()
    fake_or_other.SECRET = secret or fake.SECRET
    return WebhookRequest(
        {"x-slack-signature": fake_or_other.sign(body, stamp), "x-slack-request-timestamp": str(stamp)}, body
    )


def payload(
    fake: FakeSlack, user: str = "U1", value: str = '["support", "4711"]', action: str = CLAIM
) -> dict:
    return {
        "type": "block_actions",
        "user": {"id": user},
        "actions": [{"action_id": action, "value": value}],
        "response_url": f"{fake.base}/response/1",
    }


def buttons(sent: dict) -> dict[str, dict]:
    return {one["text"]["text"]: one for block in sent["blocks"] for one in block.get("elements", [])}


def test_a_bots_button_takes_the_ticket_and_a_webhooks_leads_to_the_page(fake: FakeSlack) -> None:
    bot(fake).send(outbound(), NOW)
    hook(fake).send(outbound(), NOW)
    with_button, with_link = fake.received
    assert json.loads(buttons(with_button)["I take it"]["value"]) == ["support", "4711"]
    assert buttons(with_link)["I take it"]["url"] == "https://b.example/claim/t"
    assert buttons(with_link)["Open the ticket"]["url"] == "https://d.example/4711"


def test_reminders_are_in_the_thread_and_in_the_channel(fake: FakeSlack) -> None:
    first = bot(fake).send(outbound(), NOW)
    bot(fake).send(outbound(thread=first.id), NOW)
    assert first.id == "C1/1700000001.000100"
    assert (fake.received[1]["thread_ts"], fake.received[1]["reply_broadcast"]) == ("1700000001.000100", True)


def test_a_message_says_who_took_the_ticket_and_loses_its_button(fake: FakeSlack) -> None:
    first = bot(fake).send(outbound(), NOW)
    taken = outbound(text="Ticket 4711 is taken by Ben", template="claimed", claim_url="", edits=first.id)
    bot(fake).send(taken, NOW)
    (now_there,) = fake.posted.values()
    assert now_there["text"] == "Ticket 4711 is taken by Ben"
    assert list(buttons(now_there)) == ["Open the ticket"]


def test_a_message_that_somebody_removed_cannot_be_changed_and_is_not_posted_anew(fake: FakeSlack) -> None:
    with pytest.raises(Refused, match="message_not_found"):
        bot(fake).send(outbound(template="claimed", edits="C1/1.0"), NOW)
    assert fake.received == []


def test_only_a_bot_can_change_what_it_has_said(fake: FakeSlack) -> None:
    assert (bot(fake).can.edits, hook(fake).can.edits) == (True, False)


WEEK = (
    Attachment("week.png", "image/png", b"\x89PNG plots", "c"),
    Attachment("week.pdf", "application/pdf", b"%PDF"),
)


def test_a_bot_shows_the_weeks_picture_below_its_words_in_the_same_channel(fake: FakeSlack) -> None:
    bot(fake, channel="C1").send(outbound(ticket_id="", attachments=WEEK), NOW)
    words, uploaded, completed = fake.received
    assert words["text"].startswith("Ticket 4711")
    assert uploaded == ("upload", b"\x89PNG plots")
    assert completed[1]["channel_id"] == "C1"


def test_a_bot_that_may_not_upload_posts_the_text_and_names_the_missing_scope(
    fake: FakeSlack, caplog
) -> None:
    fake.may_upload = False
    receipt = bot(fake).send(outbound(attachments=WEEK), NOW)
    assert (receipt.state, len(fake.received)) == ("accepted", 1)
    assert "files:write" in caplog.text


def test_a_webhook_carries_no_files_and_sends_the_words_alone(fake: FakeSlack) -> None:
    assert (hook(fake).can.files, bot(fake).can.files) == (False, True)
    hook(fake).send(outbound(attachments=WEEK), NOW)
    assert len(fake.received) == 1


def test_people_on_duty_are_mentioned(fake: FakeSlack) -> None:
    hook(fake).send(outbound(to=("U1", "U2", "<!channel>")), NOW)
    text = fake.received[0]["blocks"][0]["text"]["text"]
    assert text.startswith("<@U1> <@U2>\n")
    assert "!channel" not in text


def test_a_link_that_is_none_is_left_out(fake: FakeSlack) -> None:
    hook(fake).send(outbound(url="javascript:alert(1)", claim_url=""), NOW)
    assert buttons(fake.received[0]) == {}


@pytest.mark.parametrize("way", ["bot", "webhook", "update"])
def test_a_customers_address_becomes_no_link_and_no_preview(fake: FakeSlack, way: str) -> None:
    words = (
        "Ticket 4711\nSee https://evil.example/login, www.evil.example and <https://evil.example|your desk>"
    )
    channel = hook(fake) if way == "webhook" else bot(fake)
    receipt = channel.send(outbound(text=words, to=("U1",)), NOW)
    if way == "update":
        channel.send(outbound(text=words, template="claimed", edits=receipt.id), NOW)
    sent = fake.received[-1][1] if way == "update" else fake.received[-1]
    assert links_in(sent) == []
    if way != "update":
        assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)
        assert "<@U1>" in sent["blocks"][0]["text"]["text"], "our own mention stays one"


def test_a_name_that_is_an_address_becomes_no_link_in_an_answer(fake: FakeSlack) -> None:
    bot(fake).answer(
        ChannelCallback("claim", answer_to=f"{fake.base}/response/1"), "https://evil.example has it"
    )
    assert links_in(fake.received[0][1]) == []


@pytest.mark.parametrize("stamp", ["9" * 400, "1" * 5000, "-1", "1e9", "٣٣٣٣٣٣٣٣٣٣", "17\n", ""])
def test_a_timestamp_that_is_none_of_slacks_is_refused(fake: FakeSlack, stamp: str) -> None:
    genuine = click(fake, payload(fake))
    forged = WebhookRequest({**genuine.headers, "x-slack-request-timestamp": stamp}, genuine.body)
    with pytest.raises(BadSignature):
        bot(fake).heard(forged, URL, NOW)


@pytest.mark.parametrize("value", ["[" * 20_000, "9" * 5000, '{"a":' * 500 + "1" + "}" * 500, "\ud800"])
def test_a_genuine_click_that_no_reader_takes_is_named(fake: FakeSlack, value: str) -> None:
    for told in (payload(fake, value=value), value):
        with pytest.raises(BadPayload):
            bot(fake).heard(
                click(fake, told if isinstance(told, dict) else told.replace("\ud800", "?")), URL, NOW
            )


def test_a_genuine_click_says_who_takes_what(fake: FakeSlack) -> None:
    (heard,) = bot(fake).heard(click(fake, payload(fake)), URL, NOW)
    assert (heard.kind, heard.desk, heard.ticket_id, heard.email, heard.name) == (
        "claim",
        "support",
        "4711",
        "anna@acme.example",
        "Anna Ober",
    )


def test_a_click_by_a_user_whom_slack_does_not_show_has_no_address(fake: FakeSlack) -> None:
    (heard,) = bot(fake).heard(click(fake, payload(fake, user="U9")), URL, NOW)
    assert heard.email == ""


def test_following_a_link_is_no_claim(fake: FakeSlack) -> None:
    assert bot(fake).heard(click(fake, payload(fake, action="other")), URL, NOW) == ()


FORGED = ["secret", "old", "future", "stamp", "missing", "no secret"]


@pytest.mark.parametrize("fault", FORGED)
def test_a_click_that_is_not_proved_is_refused(fake: FakeSlack, fault: str) -> None:
    at = NOW + {"old": -timedelta(minutes=6), "future": timedelta(minutes=6)}.get(fault, timedelta())
    request = click(fake, payload(fake), at, "other" if fault == "secret" else "")
    if fault == "stamp":
        request = WebhookRequest({**request.headers, "x-slack-request-timestamp": "yesterday"}, request.body)
    if fault == "missing":
        request = WebhookRequest({}, request.body)
    channel = hook(fake) if fault == "no secret" else bot(fake)
    with pytest.raises(BadSignature):
        channel.heard(request, URL, NOW)


def test_slacks_own_example_is_genuine(fake: FakeSlack) -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "x-slack-request-timestamp": "1531420618",
    }
    assert bot(fake).heard(WebhookRequest(headers, body), URL, datetime.fromtimestamp(1531420618, UTC)) == ()


@pytest.mark.parametrize(
    "bad",
    [
        "nonsense",
        "[]",
        '{"actions": 1}',
        '{"actions": [{"action_id": "backstop_claim"}], "user": {"id": "U1"}}',
    ],
)
def test_a_genuine_click_without_sense_is_named(fake: FakeSlack, bad: str) -> None:
    with pytest.raises(BadPayload):
        bot(fake).heard(click(fake, bad), URL, NOW)


def test_the_clicker_is_answered_where_slack_says_and_nowhere_else(fake: FakeSlack) -> None:
    bot(fake).answer(ChannelCallback("claim", answer_to=f"{fake.base}/response/1"), "Ticket 4711 is yours")
    bot(fake).answer(ChannelCallback("claim", answer_to="https://evil.example/x"), "Ticket 4711 is yours")
    bot(fake).answer(
        ChannelCallback("claim", answer_to="https://slack.com.evil.example/x"), "Ticket 4711 is yours"
    )
    assert [one[1]["text"] for one in fake.received] == ["Ticket 4711 is yours"]


ERRORS = [
    ({"ok": False, "error": "not_in_channel"}, 200, Refused, "invite the bot"),
    ({"ok": False, "error": "token_revoked"}, 200, NotAllowed, "token_revoked"),
    ({"ok": False, "error": "ratelimited"}, 429, TryLater, "ratelimited"),
    ({"ok": False, "error": "internal_error"}, 200, UnknownOutcome, "internal_error"),
    ("<html>", 502, UnknownOutcome, "Slack"),
    ({"ok": False, "error": "service_unavailable"}, 503, TryLater, "service_unavailable"),
]


@pytest.mark.parametrize(("body", "status", "error", "words"), ERRORS)
def test_slacks_errors_are_ours(fake: FakeSlack, body, status, error, words) -> None:
    fake.next.append(reply(status, body, Retry_After="7"))
    with pytest.raises(error, match=words) as caught:
        bot(fake).send(outbound(), NOW)
    assert type(caught.value) is error
    assert error is not TryLater or caught.value.wait == timedelta(seconds=7)


def test_an_unreachable_slack_is_tried_later(fake: FakeSlack) -> None:
    with serving(FakeSlack()) as gone:
        channel = bot(fake, base_url=gone.base)
    with pytest.raises(TryLater):
        channel.send(outbound(), NOW)


def test_doctor_sees_a_dead_webhook_and_a_wrong_token(fake: FakeSlack) -> None:
    assert [f.level for f in hook(fake, "/services/T1/B1/dead").check()] == ["fail"]
    assert [f.level for f in bot(fake, bot_token="xoxb-wrong").check()] == ["fail"]


@pytest.mark.parametrize(
    "raw",
    [{}, {"bot_token": "x"}, {"webhook_url": "http://169.254.169.254/"}, {"webhook_url": "hooks.slack.com"}],
)
def test_half_a_configuration_is_refused(raw: dict) -> None:
    with pytest.raises(ConfigError, match=r"channels\.slack\.x"):
        build({"slack": {"x": raw}}, clock=lambda: NOW)
