"""The ladder in the nights in which the clocks change, and a promise over a weekend and holidays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from words import DISPUTE, NONSENSE

from core.errors import ConfigError
from core.ledger.schema import notices

pytestmark = pytest.mark.parametrize("vendor", ["freshdesk"])

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {
    "timezone": "Europe/Berlin",
    "week": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"),
}
ROOMS = {"urgent": ["webhook:urgent"], "normal": ["webhook:team"]}
WALL = {"clock": {"normal": "wall"}}
NORMAL = {"channels": ROOMS, "promise": {"normal": "4h"}}


def at(h, *local: int) -> None:
    """The clock of the wall in Berlin says this."""
    h.now = datetime(*local, tzinfo=BERLIN).astimezone(UTC)


def passes(h, *local: int, minutes: int = 2) -> None:
    """The minutes around this time, one by one."""
    at(h, *local)
    h.now -= timedelta(minutes=1)
    h.pass_once()
    h.later(minutes=minutes)


def told(h, template: str) -> list[datetime]:
    return [n.created_at for n in h.rows(notices) if n.template == template]


@pytest.mark.parametrize(
    ("night", "wall"),
    [
        ((2026, 3, 29, 1, 45), ["03:15", "04:45"]),  # two o'clock is three at once
        ((2026, 10, 25, 2, 45), ["02:15", "03:45"]),  # three o'clock is two once more
    ],
)
def test_half_an_hour_and_two_hours_keep_their_length_when_the_clocks_change(house, night, wall):
    h = house(hours=OFFICE)
    at(h, *night)
    began = h.now
    h.writes_in(DISPUTE)
    for passed in (30, 120, 240):
        h.now = began + timedelta(minutes=passed - 1)
        h.pass_once()
        h.later(minutes=2)
    assert [one - began for one in told(h, "unclaimed")] == [timedelta(minutes=30), timedelta(hours=2)]
    assert [f"{one.astimezone(BERLIN):%H:%M}" for one in told(h, "unclaimed")] == wall


@pytest.mark.parametrize("friday", [(2026, 3, 27, 16, 30), (2026, 10, 23, 16, 30), (2026, 11, 27, 16, 30)])
def test_four_hours_promised_on_friday_afternoon_are_monday_noon_whatever_the_clocks_do_meanwhile(
    house, friday
):
    h = house(hours=OFFICE, escalation=NORMAL)
    at(h, *friday)
    case = h.writes_in(NONSENSE)
    promised = h.ticket(case).promise_at.astimezone(BERLIN)
    assert f"{promised:%a %H:%M}" == "Mon 12:30"
    (said,) = h.bot_says(case, public=True)
    assert "Monday 12:30" in said


def test_a_promise_over_a_weekend_is_warned_of_on_monday_before_it_breaks(house):
    h = house(hours=OFFICE, escalation=NORMAL | {"ladder": [{"after": "3d", "notify": "manager"}]})
    at(h, 2026, 11, 27, 16, 30)
    h.writes_in(NONSENSE)
    passes(h, 2026, 11, 30, 9, 0)
    assert told(h, "promise_breaking") == []
    passes(h, 2026, 11, 30, 12, 15)
    assert [f"{one.astimezone(BERLIN):%a %H:%M}" for one in told(h, "promise_breaking")] == ["Mon 12:15"]


def test_a_weekend_stops_the_ladder_of_what_is_promised_in_business_hours(house):
    h = house(hours=OFFICE, escalation=NORMAL)
    at(h, 2026, 11, 27, 16, 45)  # a Friday
    h.writes_in(NONSENSE)
    passes(h, 2026, 11, 27, 17, 15)
    passes(h, 2026, 11, 28, 12, 0)
    passes(h, 2026, 11, 30, 9, 15)
    passes(h, 2026, 11, 30, 10, 45)
    assert [f"{one.astimezone(BERLIN):%a %H:%M}" for one in told(h, "unclaimed")] == [
        "Mon 09:15",
        "Mon 10:45",
    ]


def test_a_weekend_does_not_stop_the_ladder_of_the_wall_clock(house):
    h = house(hours=OFFICE, escalation=NORMAL | WALL)
    at(h, 2026, 11, 28, 11, 0)
    h.writes_in(NONSENSE)
    h.later(hours=3)
    assert [f"{one.astimezone(BERLIN):%a %H:%M}" for one in told(h, "unclaimed")] == [
        "Sat 11:30",
        "Sat 13:00",
    ]


@pytest.mark.parametrize(
    ("night", "morning"), [((2026, 3, 28, 23, 0), "Sun 07:00"), ((2026, 10, 24, 23, 0), "Sun 07:00")]
)
def test_a_rung_that_is_quiet_at_night_notifies_at_seven_local_time_when_the_clocks_change(
    house, night, morning
):
    h = house(
        hours=OFFICE,
        escalation=NORMAL | WALL | {"ladder": [{"after": "30m", "notify": "team", "quiet": "22:00-07:00"}]},
    )
    at(h, *night)
    h.writes_in(NONSENSE)
    passes(h, *night[:2], night[2] + 1, 2, 30)  # between the two changes of the wall, and before
    passes(h, *night[:2], night[2] + 1, 7, 0)
    assert [f"{one.astimezone(BERLIN):%a %H:%M}" for one in told(h, "unclaimed")] == [morning]


def test_holidays_move_a_promise(house):
    h = house(hours=OFFICE | {"holidays": "DE"}, escalation=NORMAL)
    at(h, 2026, 12, 24, 16, 30)  # a Thursday; the 25th and 26th are holidays
    case = h.writes_in(NONSENSE)
    assert f"{h.ticket(case).promise_at.astimezone(BERLIN):%a %d %H:%M}" == "Mon 28 12:30"


def test_a_holiday_on_every_day_is_refused_at_start_up_with_a_remedy(house):
    first = datetime(2026, 1, 1, tzinfo=UTC)
    every = [f"{first + timedelta(days=n):%Y-%m-%d}" for n in range(3 * 366)]
    with pytest.raises(ConfigError, match="holiday"):
        house(hours=OFFICE | {"holidays": every})


@pytest.mark.parametrize("week", [{"mon": "09:00-09:00"}, {"mon": []}])
def test_business_hours_of_no_length_are_refused_at_start_up_with_a_remedy(house, week):
    with pytest.raises(ConfigError, match=r"hours"):
        house(hours={"timezone": "Europe/Berlin", "week": week})
