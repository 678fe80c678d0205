"""The rota: a person is on duty at every hour of every clock change, and gaps are found beforehand."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import ConfigError, TryLater
from core.notifications import duty_calendar
from core.notifications.duty_calendar import WALL
from core.notifications.rota import Rotas, make

BERLIN = ZoneInfo("Europe/Berlin")
PEOPLE = {
    "anna": {"email": "anna@acme.example", "sms": "+15550111"},
    "ben": {"email": "ben@acme.example"},
    "carl": {},
}


def rotas(read: Any = None, **team: Any) -> Rotas:
    return make({"team": {"people": ["anna", "ben"]} | team}, PEOPLE, "Europe/Berlin", read)


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=BERLIN).astimezone(UTC)


def names(found: Rotas, when: str) -> list[str]:
    return [person.name for person in found.on_duty("team", at(when))]


TURNS = [
    ({"start": "2026-01-05T09:00"}, "2026-01-05 09:00", ["anna"]),
    ({"start": "2026-01-05T09:00"}, "2026-01-12 08:59", ["anna"]),
    ({"start": "2026-01-05T09:00"}, "2026-01-12 09:00", ["ben"]),
    ({"start": "2026-01-05T09:00"}, "2026-01-05 08:59", ["ben"]),
    ({"turn": "daily", "start": "2026-01-05"}, "2026-01-06 12:00", ["ben"]),
    ({"turn": "all"}, "2026-01-06 12:00", ["anna", "ben"]),
]


@pytest.mark.parametrize(("team", "when", "who"), TURNS)
def test_the_turn_is_known_at_every_time(team: dict, when: str, who: list[str]) -> None:
    assert names(rotas(**team), when) == who


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"])
def test_the_handover_stays_at_nine_when_the_clocks_change(night: str) -> None:
    start = datetime.fromisoformat(night) - timedelta(days=7)
    team = rotas(start=start.replace(hour=9))
    assert names(team, f"{night} 08:59") == ["anna"]
    assert names(team, f"{night} 09:00") == ["ben"]


def test_an_override_wins_over_the_turn() -> None:
    team = rotas(
        start="2026-12-21", overrides=[{"from": "2026-12-24", "to": "2026-12-27", "people": ["ben"]}]
    )
    assert names(team, "2026-12-23 23:59") == ["anna"]
    assert names(team, "2026-12-24 00:00") == ["ben"]
    assert names(team, "2026-12-27 00:00") == ["anna"]


def test_an_audience_without_a_rota_has_no_one_on_duty() -> None:
    assert rotas().on_duty("manager", at("2026-01-05 09:00")) == ()


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//x//EN
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Berlin:20260323T090000
DTEND;TZID=Europe/Berlin:20260330T090000
RRULE:FREQ=WEEKLY;INTERVAL=2
SUMMARY:On duty: Anna
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;TZID=Europe/Berlin:20260330T090000
DTEND;TZID=Europe/Berlin:20260406T080000
RRULE:FREQ=WEEKLY;INTERVAL=2
SUMMARY:Second line
ATTENDEE;CN=Ben:mailto:BEN@acme.example
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def test_a_calendar_says_who_by_name_or_by_attendee_over_a_clock_change() -> None:
    team = rotas(lambda _: CALENDAR, calendar="https://cal.example/x.ics")
    assert names(team, "2026-03-29 03:30") == ["anna"]
    assert names(team, "2026-03-30 08:59") == ["anna"]
    assert names(team, "2026-03-30 09:00") == ["ben"]
    assert names(team, "2026-10-25 02:30") == ["anna"]
    assert names(team, "2026-10-26 09:00") == ["ben"]


def test_a_gap_is_an_error_beforehand_and_everybody_is_notified_during_it() -> None:
    team = rotas(lambda _: CALENDAR, calendar="https://cal.example/x.ics")
    assert names(team, "2026-04-06 08:30") == ["anna", "ben"]
    (finding,) = team.check(at("2026-03-30 12:00"))
    assert finding.level == "fail"
    assert "nobody is on duty at 2026-04-06 08:00" in finding.what
    assert finding.remedy


def test_a_turn_has_no_gaps() -> None:
    assert [f.level for f in rotas().check(at("2026-03-25 12:00"))] == ["ok"]


@pytest.mark.parametrize("broken", ["not a calendar", TryLater("503"), OSError("gone")])
def test_a_calendar_that_cannot_be_read_leaves_the_last_reading_and_is_read_again(broken: Any) -> None:
    said: list[Any] = [CALENDAR]

    def read(_: str) -> str:
        if isinstance(said[0], Exception):
            raise said[0]
        return str(said[0])

    team = rotas(read, calendar="https://cal.example/x.ics")
    assert names(team, "2026-03-30 10:00") == ["ben"]
    said[0] = broken
    assert names(team, "2026-03-30 10:30") == ["ben"]
    said[0] = CALENDAR.replace("mailto:BEN", "mailto:ANNA")
    assert names(team, "2026-03-30 10:45") == ["anna"]


def ruled(rule: str, more: str = "") -> str:
    """A calendar in which Ben is on duty by a rule."""
    event = (
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260105T080000Z\r\nDTEND:20260105T080001Z\r\n"
        f"RRULE:{rule}\r\nSUMMARY:ben\r\nEND:VEVENT\r\n"
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n{more}{event}END:VCALENDAR\r\n"


SECONDLY_ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Nowhere\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0000\r\n"
    "TZOFFSETTO:+0100\r\nRRULE:FREQ=SEC\r\n ONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
)
ENDLESS = [
    pytest.param(ruled("FREQ=SECONDLY"), "repeats secondly", id="secondly"),
    pytest.param(ruled("FREQ=MINUTELY;INTERVAL=1"), "repeats minutely", id="minutely"),
    pytest.param(ruled("FREQ=SEC\r\n ONDLY"), "more time", id="secondly, folded"),
    pytest.param(
        ruled(
            "FREQ=DAILY;BYHOUR="
            + ",".join(map(str, range(24)))
            + ";BYMINUTE="
            + ",".join(map(str, range(60)))
        ),
        "more than 5000 shifts|more time",
        id="daily, at every minute",
    ),
    pytest.param(ruled("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"), "more time", id="never"),
    pytest.param(ruled("FREQ=WEEKLY", SECONDLY_ZONE), "", id="a zone that changes every second"),
    pytest.param("BEGIN:VCALENDAR\r\n" * 100_000, "", id="calendars in calendars"),
    pytest.param("x" * 900_000, "cannot be read", id="nonsense"),
]


@pytest.mark.parametrize(("text", "words"), ENDLESS)
def test_a_calendar_without_bounds_is_refused_and_everybody_is_notified(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the ladder nor doctor waits for it: one try, bounded, every ten minutes."""
    monkeypatch.setattr(duty_calendar, "SECONDS", 1)
    team = rotas(lambda _: text, calendar="https://cal.example/x.ics")
    begun = time.monotonic()
    assert names(team, "2026-03-30 10:00") in (["anna", "ben"], ["ben"])
    assert time.monotonic() - begun < WALL + 5
    begun = time.monotonic()
    assert len(team.check(at("2026-03-30 10:00"))) >= 1
    assert time.monotonic() - begun < 1
    if words:
        assert names(team, "2026-03-30 10:01") == ["anna", "ben"]
        (finding,) = [one for one in team.check(at("2026-03-30 10:01")) if one.code == "RO02"]
        assert re.search(words, finding.what)
        assert "the whole rota" in finding.remedy


def test_a_calendar_that_becomes_endless_leaves_the_last_reading() -> None:
    said = [CALENDAR]
    team = rotas(lambda _: said[0], calendar="https://cal.example/x.ics")
    assert names(team, "2026-03-30 10:00") == ["ben"]
    said[0] = ruled("FREQ=SECONDLY")
    assert names(team, "2026-03-30 10:30") == ["ben"]
    assert "RO02" in [one.code for one in team.check(at("2026-03-30 10:31"))]
    said[0] = CALENDAR
    assert names(team, "2026-03-30 10:45") == ["ben"]
    assert "RO02" not in [one.code for one in team.check(at("2026-03-30 10:46"))]


def test_doctor_reads_a_calendar_once() -> None:
    reads: list[str] = []
    team = rotas(lambda where: reads.append(where) or CALENDAR, calendar="https://cal.example/x.ics")
    team.check(at("2026-03-30 12:00"))
    assert len(reads) == 1


def test_whole_days_are_the_offices() -> None:
    day = CALENDAR.replace(
        "DTSTART;TZID=Europe/Berlin:20260323T090000", "DTSTART;VALUE=DATE:20260323"
    ).replace("DTEND;TZID=Europe/Berlin:20260330T090000", "DTEND;VALUE=DATE:20260324")
    team = rotas(lambda _: day, calendar="https://cal.example/x.ics")
    assert names(team, "2026-03-23 00:00") == ["anna"]
    assert names(team, "2026-03-23 23:59") == ["anna"]
    assert names(team, "2026-03-24 00:00") == ["anna", "ben"]


def test_a_calendar_that_was_never_read_notifies_everybody() -> None:
    def read(_: str) -> str:
        raise TryLater("503")

    assert names(rotas(read, calendar="https://cal.example/x.ics"), "2026-03-30 10:00") == ["anna", "ben"]


@pytest.mark.parametrize(
    ("team", "remedy"),
    [
        ({"people": []}, r"rota\.team: names no one"),
        ({"people": ["zoe"]}, r"zoe is unknown: add \[people\.zoe\]"),
        ({"turn": "monthly"}, r"rota\.team\.turn"),
        ({"overrides": [{"from": "2026-01-01", "to": "2026-01-02", "people": ["zoe"]}]}, "zoe is unknown"),
        ({"peolpe": ["anna"]}, r"rota\.team\.peolpe"),
    ],
)
def test_an_empty_rota_is_refused_with_a_remedy(team: dict, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        rotas(**team)
