"""Findings of `doctor` about channels, ladder and rota: one code for each flaw, and one for each sound part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.channels import build
from core.admin import doctor
from core.config import checks
from core.model import Finding, Priority, Rung
from core.notifications.rota import make as make_rotas
from core.notifications.routing import Routes
from core.settings import Settings
from tests.connectors.channels.fakes import FakeSlack, FakeTwilio, mail_server, reply, serving
from tests.core.notification_world import FakeChannel

NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
PEOPLE: dict[str, Any] = {"anna": {"sms": "+15550111"}, "ben": {"email": "ben@acme.example"}}
HALF_HOUR = Rung(timedelta(minutes=30), "team")


def codes(found: list[Finding]) -> list[tuple[str, str]]:
    flaws = [one for one in found if one.level != "ok"]
    assert all(one.remedy or ": write" in one.what for one in flaws), "a flaw comes with its remedy"
    return [(one.code, one.level) for one in found]


def channel(kind: str, **table: Any) -> list[tuple[str, str]]:
    made = build({kind: {"x": table}}, clock=lambda: NOW, public_url="https://b.example")
    return codes(made[f"{kind}:x"].check())


# --- channels -------------------------------------------------------------------------------


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with serving(FakeTwilio()) as fake:
        yield fake  # type: ignore[misc]


def sms(
    twilio: FakeTwilio, to: str = "+493012345678", token: str = FakeTwilio.TOKEN
) -> list[tuple[str, str]]:
    sid, sender = twilio.SID, "+493012345679"
    return channel("sms", account_sid=sid, auth_token=token, to=to, **{"from": sender}, base_url=twilio.base)


def test_an_sms_account_is_known_refused_suspended_or_given_an_odd_number(twilio: FakeTwilio) -> None:
    assert sms(twilio) == [("CH10", "ok")]
    assert sms(twilio, token="wrong") == [("CH11", "fail")]
    assert sms(twilio, to="+15550100") == [("CH12", "warn"), ("CH10", "ok")]
    twilio.next.append(reply(200, {"sid": twilio.SID, "status": "suspended"}))
    assert ("CH13", "fail") in sms(twilio)


def test_slack_knows_us_or_not() -> None:
    with serving(FakeSlack()) as slack:
        table = {"channel": "C1", "signing_secret": "s", "base_url": slack.base}
        assert channel("slack", bot_token=FakeSlack.TOKEN, **table) == [("CH20", "ok")]
        assert channel("slack", bot_token="xoxb-wrong", **table) == [("CH21", "fail")]


def test_the_mail_server_lets_us_in_or_not() -> None:
    table = {"to": "boss@acme.example", "from": "b@acme.example"}
    with mail_server() as (_, url):
        assert channel("email", smtp_url=url, **table) == [("CH30", "ok")]
    assert channel("email", smtp_url=url, **table) == [("CH31", "fail")]


def test_what_cannot_be_tried_silently_is_said_to_be_complete() -> None:
    assert channel("teams", webhook_url="https://prod.example/workflows/x?sig=y") == [("CH50", "ok")]
    assert channel("webhook", url="https://b.example/x", secret="whsec_" + "QUJD" * 8) == [("CH60", "ok")]
    assert codes(build({}, clock=lambda: NOW)["desk"].check()) == [("CH40", "ok")]


# --- ladder and rota ------------------------------------------------------------------------


CHANNELS: dict[str, Any] = {
    "sms:oncall": FakeChannel("sms:oncall", ("+15550100",)),
    "slack:urgent": FakeChannel("slack:urgent"),
}
EMPTY = {"people": ["anna"], "calendar": "https://cal.example/x.ics"}
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"


def routes(duty: dict[str, Any] | None = None, **more: Any) -> Routes:
    named: dict[str, Any] = {
        "by_priority": {Priority.URGENT: ("sms:oncall", "slack:urgent")},
        "rotas": make_rotas(duty or {}, more.pop("people", PEOPLE), "Europe/Berlin"),
    }
    return Routes(CHANNELS, **(named | more))


@pytest.mark.parametrize(
    ("where", "rungs", "code"),
    [
        (routes(), [Rung(timedelta(minutes=-1), "team")], "RT01"),
        (routes(by_priority={Priority.URGENT: ("sms:gone",)}), [HALF_HOUR], "RT02"),
        (routes(), [HALF_HOUR, Rung(timedelta(hours=2), "manager")], "RT03"),
        (
            routes({"team": {"people": ["anna"]}}, people={"anna": {"channels": ["sms:gone"]}}),
            [HALF_HOUR],
            "RT04",
        ),
        (routes({"team": {"people": ["anna", "ben"]}}), [HALF_HOUR], "RT05"),
        (
            Routes(CHANNELS, rotas=make_rotas({"team": EMPTY}, PEOPLE, "UTC", lambda _: CALENDAR)),
            [HALF_HOUR],
            "RO01",
        ),
    ],
)
def test_a_ladder_that_leads_nowhere_is_named(where: Routes, rungs: list[Rung], code: str) -> None:
    assert (code, "fail") in codes(where.check({"ladder": rungs}, NOW))


def test_a_ladder_that_reaches_somebody_is_said_to_do_so(monkeypatch: pytest.MonkeyPatch) -> None:
    good = routes({"team": {"people": ["anna"]}})
    monkeypatch.setattr(doctor.routing, "of", lambda _app: good)
    app: Any = SimpleNamespace(
        settings=file(escalation={"ladder": [{"after": "30m", "notify": "team"}]}), clock=lambda: NOW
    )
    assert codes(list(doctor.routes(app))) == [("RO00", "ok"), ("RT00", "ok")]


# --- the file -------------------------------------------------------------------------------


def file(**more: Any) -> Settings:
    known: dict[str, Any] = {
        "public_url": "https://b.example",
        "channels": {"slack": {"a": {}}, "email": {"b": {}}},
    }
    told: dict[str, Any] = {"channels": {"urgent": ["slack:a"], "normal": ["email:b", "slack:a"]}}
    return Settings(**(known | {"escalation": told} | more))


def test_a_desk_in_observe_mode_and_an_urgent_priority_without_a_channel_are_findings() -> None:
    assert checks.warnings(file()) == []
    watching = file(desks={"support": {"vendor": "x", "mode": "observe"}})
    assert codes(checks.warnings(watching)) == [("CF07", "warn")]
    quiet = file(escalation={"channels": {"normal": ["slack:a"]}})
    assert codes(checks.warnings(quiet)) == [("CF08", "warn")]


def test_a_sound_file_is_said_to_be_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "proven_auto", lambda _app: None)
    monkeypatch.setattr(doctor, "demoted", lambda _engine: {})
    app: Any = SimpleNamespace(settings=file(), engine=None)
    assert codes(list(doctor.configuration(app))) == [("CF00", "ok")]
