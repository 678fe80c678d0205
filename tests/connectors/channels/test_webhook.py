"""Pagers and programs: signatures, one incident per ticket, resolved when the ticket is claimed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.channels import build
from connectors.channels.webhook import signed
from core.errors import ConfigError
from core.model import OutboundMessage, Priority
from tests.connectors.channels.fakes import FakePagers, serving

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_the_signature_is_the_standards_own_example() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def played(raw: dict) -> list[dict]:
    """A page, a reminder, and a claim."""
    with serving(FakePagers()) as fake:
        channel = build(
            {"webhook": {"x": {k: v.replace("BASE", fake.base) for k, v in raw.items()}}}, clock=lambda: NOW
        )["webhook:x"]
        for number, template in enumerate(("escalated", "unclaimed", "claimed")):
            told = OutboundMessage(
                f"k{number}",
                (),
                "s",
                f"Ticket 4711: {template}",
                Priority.URGENT,
                desk="support",
                ticket_id="4711",
                template=template,
            )
            channel.send(told, NOW)
        return fake.received


def test_pagerduty_gets_one_incident_that_ends_when_somebody_came() -> None:
    got = played({"preset": "pagerduty", "routing_key": "R" * 32, "url": "BASE"})
    assert [one["event_action"] for one in got] == ["trigger", "trigger", "resolve"]
    assert len({one["dedup_key"] for one in got}) == 1
    assert got[0]["payload"]["severity"] == "critical"


def test_goalert_gets_one_alert_that_is_closed_when_somebody_came() -> None:
    got = played({"preset": "goalert", "url": "BASE/api/v2/generic/incoming?token=T"})
    assert [one.get("action") for one in got] == [None, None, "close"]
    assert len({one["dedup"] for one in got}) == 1


def test_a_program_gets_the_facts_as_fields() -> None:
    got = played({"url": "BASE/hook", "secret": FakePagers.SECRET})
    assert [one["type"] for one in got] == ["ticket.escalated", "ticket.unclaimed", "ticket.claimed"]
    assert got[0]["data"]["ticket_id"] == "4711"


@pytest.mark.parametrize(
    "raw",
    [
        {"preset": "opsgenie"},
        {"url": "https://x.example"},
        {"url": "https://x.example", "secret": "whsec_"},
        {"preset": "pagerduty"},
        {"preset": "goalert"},
        {"url": "http://169.254.169.254/", "secret": FakePagers.SECRET},
    ],
)
def test_half_a_configuration_is_refused(raw: dict) -> None:
    with pytest.raises(ConfigError, match=r"channels\.webhook\.x"):
        build({"webhook": {"x": raw}}, clock=lambda: NOW)
