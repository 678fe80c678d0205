"""Every notice has a place to go to, and a configuration that leads nowhere is found at start-up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core import settings, wiring
from core.errors import ConfigError
from core.model import Notification, Priority, Rung
from core.notifications.rota import make as make_rotas
from core.notifications.routing import Routes, make
from tests.core.notification_world import FakeChannel

NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
CHANNELS = {
    c.name: c
    for c in (
        FakeChannel("sms:oncall", ("+15550100", "+15550101")),
        FakeChannel("slack:urgent"),
        FakeChannel("slack:support"),
        FakeChannel("email:manager", ("boss@acme.example",)),
        FakeChannel("email:deputy", ("deputy@acme.example",)),
        FakeChannel("desk"),
    )
}
PEOPLE = {
    "anna": {
        "sms": "+15550111",
        "email": "anna@acme.example",
        "slack": "U1",
        "channels": ["email:deputy", "sms:oncall"],
    },
    "ben": {"sms": "+15550122"},
}


def routes(people: dict | None = None, duty: dict | None = None, **more: Any) -> Routes:
    named: dict[str, Any] = {
        "by_priority": {Priority.URGENT: ("sms:oncall", "slack:urgent"), Priority.NORMAL: ("slack:support",)},
        "rotas": make_rotas(duty or {}, people or PEOPLE, "Europe/Berlin"),
    }
    return Routes(CHANNELS, **(named | more))


def places(
    where: Routes, audience: str = "team", priority: Priority = Priority.URGENT, ticket: str = "4711"
) -> list[tuple[str, str]]:
    notice = Notification("k", audience, priority, "escalated", {}, "support" if ticket else "", ticket)
    return [(place.channel, place.address) for place in where.places(notice, NOW)]


def test_priority_decides_the_channels() -> None:
    assert places(routes()) == [
        ("sms:oncall", "+15550100"),
        ("sms:oncall", "+15550101"),
        ("slack:urgent", ""),
    ]
    assert places(routes(), priority=Priority.NORMAL) == [("slack:support", "")]


def test_a_priority_without_channels_uses_the_next_more_urgent_and_low_the_queue() -> None:
    assert places(routes(), priority=Priority.HIGH)[-1] == ("slack:urgent", "")
    assert places(routes(), priority=Priority.LOW) == [("desk", "")]


def test_without_any_channel_the_ticket_itself_says_it() -> None:
    assert places(routes(by_priority={}), priority=Priority.URGENT) == [("desk", "")]


def test_an_audience_is_named_or_is_the_channel_of_that_name() -> None:
    assert places(routes(audiences={"boss": ("email:manager",)}), "boss") == [
        ("email:manager", "boss@acme.example")
    ]
    assert places(routes(), "manager") == [("email:manager", "boss@acme.example")]
    assert places(routes(), "slack:support") == [("slack:support", "")]


def test_an_unknown_audience_still_reaches_a_person() -> None:
    assert places(routes(), "nobody")[0][0] == "sms:oncall"


def test_the_person_on_duty_is_notified_by_her_first_channel_and_mentioned_in_the_room() -> None:
    duty = {"team": {"people": ["anna", "ben"], "start": "2026-01-05"}}
    assert places(routes(duty=duty)) == [("slack:urgent", "U1"), ("email:deputy", "anna@acme.example")]


def test_a_person_without_an_order_is_notified_by_the_priorities_channels() -> None:
    duty = {"team": {"people": ["ben", "anna"], "start": "2026-01-05"}}
    assert places(routes(duty=duty)) == [("slack:urgent", ""), ("sms:oncall", "+15550122")]


def test_an_audience_may_be_a_rota_alone_or_name_one() -> None:
    where = routes(
        duty={"night": {"people": ["anna", "ben"], "turn": "all"}},
        audiences={"boss": ("night", "slack:support")},
    )
    assert places(where, "night") == [("email:deputy", "anna@acme.example")]
    assert places(where, "boss") == [("slack:support", "U1"), ("email:deputy", "anna@acme.example")]
    assert levels(where, Rung(timedelta(minutes=30), "night"), Rung(timedelta(hours=2), "boss")) == []


def test_a_low_ticket_pages_no_one_on_duty() -> None:
    assert places(routes(duty={"team": {"people": ["anna"]}}), priority=Priority.LOW) == [("desk", "")]


def test_her_next_channel_follows_when_the_first_fails() -> None:
    where = routes(duty={"team": {"people": ["anna"]}})
    tried = {"email:deputy", "slack:urgent"}
    (place,) = where.fallback("team", Priority.URGENT, tried, True, NOW, person="anna", wide=False)
    assert (place.channel, place.address) == ("sms:oncall", "+15550111")


def test_a_notice_about_ourselves_never_goes_to_a_ticket() -> None:
    assert places(routes(by_priority={}), "alarm", ticket="") == []
    assert ("desk", "") not in places(
        routes(by_priority={Priority.URGENT: ("desk", "slack:urgent")}), "alarm", ticket=""
    )


def levels(where: Routes, *rungs: Rung) -> list[str]:
    return [f"{f.code} {f.what}" for f in where.check({"ladder": rungs}, NOW) if f.level == "fail"]


def test_a_sound_configuration_has_no_fault() -> None:
    assert (
        levels(routes(duty={"team": {"people": ["anna", "ben"]}}), Rung(timedelta(minutes=30), "manager"))
        == []
    )


@pytest.mark.parametrize(
    ("where", "rung", "words"),
    [
        (routes(by_priority={Priority.URGENT: ("sms:oncal",)}), "team", 'there is no channel "sms:oncal"'),
        (
            routes(audiences={"boss": ("email:boss",)}),
            "boss",
            'audiences.boss: there is no channel "email:boss"',
        ),
        (routes(alarm=("pager",)), "team", 'escalation.alarm: there is no channel "pager"'),
        (routes(), "nobody", 'there is no audience "nobody"'),
        (
            routes({"ben": {"email": "b@x.example"}}, {"team": {"people": ["ben"]}}),
            "team",
            "no address for sms",
        ),
        (
            routes({"ben": {"channels": ["sms:x"]}}, {"team": {"people": ["ben"]}}),
            "team",
            'people.ben: there is no channel "sms:x"',
        ),
    ],
)
def test_a_way_that_leads_nowhere_is_found_at_start_up(where: Routes, rung: str, words: str) -> None:
    assert any(words in line for line in levels(where, Rung(timedelta(minutes=30), rung)))


def test_the_settings_become_routes() -> None:
    given = SimpleNamespace(
        escalation=SimpleNamespace(channels={"urgent": ["slack:urgent"]}, alarm=["sms:oncall"]),
        audiences={"boss": ["email:manager"]},
        rota={"team": {"people": ["ben"]}},
        people=PEOPLE,
        hours=SimpleNamespace(timezone="Europe/Berlin"),
        safety=SimpleNamespace(channels=["sms:oncall"]),
    )
    made = make(given, CHANNELS)
    assert made.refs("alarm", Priority.HIGH) == ("sms:oncall",)
    assert made.refs("safety", Priority.URGENT) == ("sms:oncall",)
    assert [person.name for person in made.rotas.on_duty("team", NOW)] == ["ben"]


def configured(home: Path, more: str) -> Any:
    text = f"""database_url = "sqlite:///{home}/b.db"
[channels.email.manager]
to = ["boss@acme.example"]
from = "backstop@acme.example"
[escalation]
channels = {{ urgent = ["email:manager"] }}
ladder = [{{ after = "2h", notify = "manager" }}]
{more}
"""
    (home / "backstop.toml").write_text(text)
    return wiring.build(settings.load(home / "backstop.toml"), classify=False)


def test_an_audience_that_is_only_a_channels_name_is_accepted_at_start_up(tmp_path: Path) -> None:
    assert configured(tmp_path, "").routes.refs("manager", Priority.LOW) == ("email:manager",)


HOURS = [
    ('week = { sun = "09:00-09:00" }', "no hour of the week is open"),
    ('holidays = "Narnia"', '"Narnia" is unknown'),
    (
        f'week = {{ sun = "09:00-17:00" }}\nholidays = {[f"{date(2024, 1, 7) + timedelta(weeks=n)}" for n in range(600)]}',
        "every open day is a holiday",
    ),
]


@pytest.mark.parametrize(
    ("hours", "words"), HOURS, ids=["no length", "no such country", "a holiday on every day"]
)
def test_hours_in_which_no_promise_can_be_kept_are_refused_at_start_up(
    tmp_path: Path, hours: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        configured(tmp_path, f"[hours]\n{hours}")
