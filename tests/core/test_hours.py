"""Promises count in business hours, across every night of the year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hours import DAYS, Hours, promise
from core.model import Priority
from core.promise_text import say

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = dict.fromkeys(DAYS[:5], "09:00-17:00")
OFFICE = Hours.make("Europe/Berlin", WEEK, "DE")
SPLIT = Hours.make("Europe/Berlin", {"mon": ["09:00-12:00", "13:00-17:00"], "tue": "10:00-11:00"})
NIGHT = Hours.make("Europe/Berlin", dict.fromkeys(DAYS, "22:00-06:00"))
ALWAYS = Hours.make("Europe/Berlin")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
EARLY = Hours.make("Europe/Berlin", dict.fromkeys(DAYS, "02:00-03:00"))


def local(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=BERLIN).astimezone(UTC)


def h(hours: float) -> timedelta:
    return timedelta(hours=hours)


ADDED = [
    ("inside one day", OFFICE, "2026-11-23 10:00", 4, "2026-11-23 14:00"),
    ("to the very end of the day", OFFICE, "2026-11-23 16:00", 1, "2026-11-23 17:00"),
    ("over a night", OFFICE, "2026-11-23 16:45", 0.5, "2026-11-24 09:15"),
    ("over a weekend", OFFICE, "2026-11-20 15:00", 4, "2026-11-23 11:00"),
    ("from the middle of a weekend", OFFICE, "2026-11-21 12:00", 2, "2026-11-23 11:00"),
    ("from before opening", OFFICE, "2026-11-23 03:00", 1, "2026-11-23 10:00"),
    ("over Christmas, which is Friday and Saturday", OFFICE, "2026-12-24 16:00", 2, "2026-12-28 10:00"),
    ("over a lunch break", SPLIT, "2026-11-23 11:30", 1, "2026-11-23 13:30"),
    ("over a short day into the next week", SPLIT, "2026-11-24 10:30", 1, "2026-11-30 09:30"),
    ("in a night shift", NIGHT, "2026-11-23 23:00", 3, "2026-11-24 02:00"),
    ("always open over the night that lacks an hour", ALWAYS, "2026-03-28 22:00", 10, "2026-03-29 09:00"),
    ("always open over the night that has an hour twice", ALWAYS, "2026-10-24 22:00", 10, "2026-10-25 07:00"),
    ("in an hour that does not exist that night", EARLY, "2026-03-29 01:00", 0.5, "2026-03-30 02:30"),
    ("in an office that sleeps through the change", OFFICE, "2026-03-27 16:00", 2, "2026-03-30 10:00"),
]


@pytest.mark.parametrize(
    ("hours", "start", "duration", "end"), [c[1:] for c in ADDED], ids=[c[0] for c in ADDED]
)
def test_business_time_is_counted(hours: Hours, start: str, duration: float, end: str) -> None:
    assert hours.add(local(start), h(duration)) == local(end)
    assert hours.between(local(start), local(end)) == h(duration)


def test_the_hour_that_comes_twice_counts_twice() -> None:
    night = local("2026-10-25 00:00")
    assert EARLY.between(night, night + h(12)) == h(2)


def test_the_hour_that_is_skipped_counts_nothing() -> None:
    night = local("2026-03-29 00:00")
    assert EARLY.between(night, night + h(12)) == h(0)


@given(
    start=st.integers(0, 700 * 1440).map(lambda minute: NEW_YEAR + timedelta(minutes=minute)),
    minutes=st.integers(0, 6000),
    hours=st.sampled_from([OFFICE, SPLIT, NIGHT, ALWAYS]),
)
def test_adding_measuring_and_going_back_agree(start: datetime, minutes: int, hours: Hours) -> None:
    span = timedelta(minutes=minutes)
    end = hours.add(start, span)
    assert end >= start
    assert hours.between(start, end) == span
    assert hours.between(hours.back(end, span), end) == span


def test_nothing_passes_when_the_end_comes_first() -> None:
    assert OFFICE.between(local("2026-11-24 10:00"), local("2026-11-23 10:00")) == h(0)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23 09:00", True),
        ("2026-11-23 17:00", False),
        ("2026-11-22 12:00", False),
        ("2026-12-25 12:00", False),
    ],
)
def test_it_is_known_whether_somebody_is_there(when: str, is_open: bool) -> None:
    assert OFFICE.is_open(local(when)) is is_open


def test_holidays_of_a_part_of_a_country_and_single_days_are_kept() -> None:
    bavaria = Hours.make("Europe/Berlin", WEEK, "DE-BY, 2026-01-07")
    assert bavaria.add(local("2026-01-05 17:00"), h(1)) == local("2026-01-08 10:00")
    assert Hours.make("Europe/Berlin", WEEK, ["DE"]).add(local("2026-01-05 17:00"), h(1)) == local(
        "2026-01-06 10:00"
    )


def test_a_holiday_on_every_open_day_is_an_error_not_an_endless_loop() -> None:
    days = [f"{NEW_YEAR + timedelta(days=3, weeks=n):%Y-%m-%d}" for n in range(110)]
    sundays = Hours.make("Europe/Berlin", {"sun": "09:00-17:00"}, days)
    now = local("2026-01-01 10:00")
    for act in (
        lambda: sundays.add(now, h(1)),
        lambda: sundays.check(now),
        lambda: sundays.back(now + timedelta(days=500), h(1)),
        lambda: promise(sundays, now, timedelta(days=1), Priority.LOW),
    ):
        with pytest.raises(ValueError, match=r"every open day is a holiday.*leave holidays out"):
            act()


@pytest.mark.parametrize("week", [{"mon": "09:00-09:00"}, {"mon": "", "tue": []}, {"wed": "00:00-00:00"}])
def test_hours_of_no_length_are_refused_at_once(week: dict) -> None:
    with pytest.raises(ValueError, match="no hour of the week is open: write"):
        Hours.make("Europe/Berlin", week)


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({"timezone": "Europe/Berlyn"}, '"Europe/Berlyn" is unknown: write it as'),
        ({"week": {"montag": "9-17"}}, "is no span of time"),
        ({"week": {"mon": "09:00-25:00"}}, "is no span of time"),
        ({"week": {"xyz": "09:00-17:00"}}, '"xyz" is no day: use mon'),
        ({"holidays": "Narnia"}, '"Narnia" is unknown: write a country'),
        ({"holidays": "DE-XX"}, '"DE-XX" is unknown'),
        ({"holidays": "2026-02-30"}, '"2026-02-30" is unknown'),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(given: dict, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        Hours.make(**given)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        OFFICE.add(NEW_YEAR.replace(tzinfo=None), h(1))


PROMISES = [
    ("urgent runs by the wall clock", Priority.URGENT, "2026-11-21 23:00", h(0.5), "2026-11-21 23:30"),
    ("high waits for the office", Priority.HIGH, "2026-11-21 23:00", h(1), "2026-11-23 10:00"),
    (
        "a day is the next business day, same time",
        Priority.LOW,
        "2026-11-20 10:00",
        h(24),
        "2026-11-23 10:00",
    ),
    ("two days over a holiday", Priority.LOW, "2026-12-23 10:00", h(48), "2026-12-28 10:00"),
    ("a day and an hour", Priority.LOW, "2026-11-23 10:00", h(25), "2026-11-24 11:00"),
    ("a day from the weekend", Priority.LOW, "2026-11-21 10:00", h(24), "2026-11-24 09:00"),
]


@pytest.mark.parametrize(
    ("priority", "start", "duration", "end"), [c[1:] for c in PROMISES], ids=[c[0] for c in PROMISES]
)
def test_a_promise_is_made_as_people_mean_it(
    priority: Priority, start: str, duration: timedelta, end: str
) -> None:
    assert promise(OFFICE, local(start), duration, priority) == local(end)


SAID = [
    ("2026-11-23 10:00", "2026-11-23 10:30", "en", "by 10:30 today (Berlin time)"),
    ("2026-11-23 16:45", "2026-11-24 09:15", "en", "by tomorrow 09:15 (Berlin time)"),
    ("2026-11-20 15:00", "2026-11-23 11:00", "en", "by Monday 11:00 (Berlin time)"),
    ("2026-11-20 15:00", "2026-12-02 11:00", "en", "by Wednesday, 2 December, 11:00 (Berlin time)"),
    ("2026-11-23 10:00", "2026-11-23 10:30", "de-AT", "heute bis 10:30 Uhr (Ortszeit Berlin)"),
    ("2026-11-23 10:00", "2026-11-24 09:15", "fr", "avant demain 09:15 (heure locale à Berlin)"),
    ("2026-11-20 10:00", "2026-11-23 11:00", "es", "el lunes antes de las 11:00 (hora de Berlín)"),
    ("2026-11-20 10:00", "2026-11-23 11:00", "nl", "uiterlijk maandag om 11:00 uur (tijd in Berlijn)"),
    ("2026-11-20 10:00", "2026-11-23 11:00", "it", "entro lunedì, ore 11:00 (ora di Berlino)"),
    ("2026-11-20 10:00", "2026-11-23 11:00", "pt_BR", "até segunda-feira às 11:00 (hora de Berlim)"),
    ("2026-11-23 10:00", "2026-11-23 10:30", "tlh", "by 10:30 today (Berlin time)"),
    ("2026-11-23 10:31", "2026-11-23 10:30", "en", "as soon as we can"),
    ("2026-11-23 23:50", "2026-11-24 00:20", "en", "by tomorrow 00:20 (Berlin time)"),
    ("2026-11-23 10:00", "2026-11-30 10:00", "en", "by Monday, 30 November, 10:00 (Berlin time)"),
    ("2026-11-20 10:00", "2026-11-23 11:00", "pl", "do poniedziałku, do godz. 11:00 (czas lokalny: Berlin)"),
    (
        "2026-11-20 10:00",
        "2026-12-02 11:00",
        "pl",
        "do środy, 2 grudnia, do godz. 11:00 (czas lokalny: Berlin)",
    ),
    ("2026-11-20 10:00", "2026-11-23 11:00", "tr", "Pazartesi günü saat 11:00 olmadan (Berlin saatiyle)"),
    ("2026-11-23 10:00", "2026-11-23 10:30", "da", "senest i dag kl. 10:30 (lokal tid i Berlin)"),
    ("2026-11-23 10:00", "2026-11-23 10:30", "no", "senest i dag kl. 10:30 (lokal tid i Berlin)"),
    ("2026-11-23 10:00", "2026-11-24 10:30", "sv", "senast i morgon kl. 10:30 (lokal tid i Berlin)"),
    ("2026-11-23 10:00", "2026-11-23 10:30", "fi", "maanantai 23. marraskuuta 2026 10.30 (Berliini)"),
]


@pytest.mark.parametrize(("now", "at", "language", "words"), SAID)
def test_a_promise_is_said_as_a_person_would(now: str, at: str, language: str, words: str) -> None:
    assert say(local(at), local(now), OFFICE, language) == words


@pytest.mark.parametrize(
    ("timezone", "language", "names"),
    [
        ("America/New_York", "en", "(New York time)"),
        ("Asia/Kolkata", "en", "(Kolkata time)"),
        ("Europe/Lisbon", "de", "(Ortszeit Lissabon)"),
        ("America/Argentina/Buenos_Aires", "es", "(hora de Buenos Aires)"),
        ("UTC", "fr", "(UTC)"),
        ("Etc/UTC", "en", "(UTC)"),
        ("Etc/GMT-3", "en", "(UTC+03:00)"),
        ("Japan", "en", "(UTC+09:00)"),
    ],
)
def test_a_promise_says_whose_clock_is_meant(timezone: str, language: str, names: str) -> None:
    now = local("2026-11-23 10:00")
    assert say(now + timedelta(hours=4), now, Hours.make(timezone), language).endswith(names)


def test_a_promise_is_never_said_earlier_than_it_is_meant() -> None:
    now = local("2026-11-23 10:00")
    assert say(now + timedelta(minutes=30, seconds=1), now, OFFICE, "en") == "by 10:31 today (Berlin time)"
