"""Failing channels, tested through the whole program: no ticket waits unseen, and an alarm names the channel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from people import People, people
from test_people import start
from words import DISPUTE

from core.errors import ConfigError
from core.ledger.schema import notices
from tests.connectors.channels.fakes import Mailbox, free_port, reply

pytestmark = pytest.mark.parametrize("vendor", ["zendesk"])


@pytest.fixture
def crew() -> Iterator[People]:
    with people() as running:
        yield running


def states(h) -> dict[str, str]:
    return {n.channel: n.state for n in h.rows(notices)}


def test_when_slack_is_out_of_reach_the_phone_rings_all_the_same_and_the_alarm_names_slack(house, crew):
    config = crew.config(alarm=["email:manager"])
    config["channels"]["slack"]["urgent"]["base_url"] = f"http://127.0.0.1:{free_port()}"
    h = house(**config)
    crew.twilio.home = h.receiver
    case = h.writes_in(DISPUTE)
    assert len(crew.texts()) == 1
    h.later(minutes=3)
    assert states(h)["slack:urgent"] == "failed"
    assert [line for line in h.story(case) if line.startswith("failed: slack:urgent")]
    assert "slack:urgent does not work" in crew.mails()[0]["Subject"]
    assert len(crew.texts()) == 1, "who was told is not told again"


def test_a_normal_ticket_whose_slack_is_out_of_reach_reaches_people_by_another_way(house, crew):
    config = crew.config(channels={"urgent": ["sms:oncall"], "high": ["slack:urgent"]})
    config["channels"]["slack"]["urgent"]["base_url"] = f"http://127.0.0.1:{free_port()}"
    config["intents"] = {"billing_dispute": {"priority": "high", "queue": "Billing"}}
    h = house(**config)
    crew.twilio.home = h.receiver
    case = h.writes_in(DISPUTE)
    h.later(minutes=3)
    assert str(case.id) in crew.texts()[0]


@pytest.mark.parametrize("code", [30003, 30005, 30006, 30007])
def test_an_undelivered_text_message_is_sent_by_another_channel_with_twilios_reason(house, crew, code):
    config = crew.config(channels={"urgent": ["sms:oncall"]})
    h = house(**config)
    h.writes_in(DISPUTE)
    crew.twilio.home = h.receiver
    assert crew.twilio.calls_back(crew.twilio.received[-1], "undelivered", str(code)).status_code == 200
    h.later(minutes=1)
    assert states(h)["sms:oncall"] == "failed"
    assert f"Twilio {code}" in crew.mails()[0].get_body().get_content()


@pytest.mark.parametrize("to", ["+15550001", "+15550002", "+15550003", "+15550004"])
def test_a_number_that_twilio_refuses_falls_over_at_once(house, crew, to):
    config = crew.config(channels={"urgent": ["sms:oncall"]})
    config["channels"]["sms"]["oncall"]["to"] = to
    h = house(**config)
    case = h.writes_in(DISPUTE)
    h.pass_once()
    (mail,) = crew.mails()
    assert str(case.id) in mail["Subject"]
    assert f"Twilio {crew.twilio.BAD[to][1]}" in mail.get_body().get_content()


@pytest.mark.parametrize("bad", ["0151 2345678", "+0815", "anna"])
def test_a_number_that_is_none_is_refused_before_anything_begins(house, crew, bad):
    config = crew.config()
    config["channels"]["sms"]["oncall"]["to"] = bad
    with pytest.raises(ConfigError, match=r"channels\.sms\.oncall\.to.*write it as \+15550100"):
        house(**config)


def test_a_managers_address_that_the_mail_server_refuses_reaches_somebody_else(house, crew):
    config = crew.config()
    config["channels"]["email"]["manager"]["to"] = Mailbox.REFUSED
    h = house(**config)
    crew.twilio.home = h.receiver
    h.writes_in(DISPUTE)
    h.later(minutes=119)
    texts = len(crew.texts())
    h.later(minutes=2)
    assert states(h)["email:manager"] == "failed"
    assert len(crew.texts()) == texts + 1
    assert "550 5.1.1" in crew.texts()[-1]


def test_a_slack_that_fails_briefly_is_retried_and_no_one_else_is_paged(house, crew):
    h = start(house, crew)
    crew.slack.next.append(reply(503, {"ok": False, "error": "service_unavailable"}, Retry_After="20"))
    h.writes_in(DISPUTE)
    h.later(minutes=2)
    assert (len(crew.posts()), len(crew.texts()), crew.mails()) == (1, 1, [])
