"""The ladder: punctual, silent after a claim, never stuck, without needless notices."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.escalation import (
    advanced,
    after_claim,
    after_seen,
    due,
    ladder_for,
    next_due,
    notices_for,
    prolonged,
    resume,
)
from core.hours import DAYS, Hours
from core.model import Priority, Rung
from core.rungs import check_rungs

M = timedelta(minutes=1)
H = timedelta(hours=1)
T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday, 11:00 in Berlin
OFFICE = Hours.make("Europe/Berlin", dict.fromkeys(DAYS[:5], "09:00-17:00"), "DE")
DEFAULT = (Rung(30 * M, "team"), Rung(2 * H, "manager"))


def make(
    rungs=DEFAULT,
    since: datetime = T0,
    promise: timedelta = 4 * H,
    priority: Priority = Priority.NORMAL,
    hours: Hours = OFFICE,
) -> list[dict[str, Any]]:
    return ladder_for(rungs, waiting_since=since, promise_at=since + promise, priority=priority, hours=hours)


def row(ladder: list[dict[str, Any]], rung: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "desk": "support",
        "ticket_id": "4711",
        "ladder": ladder,
        "rung": rung,
        "priority": "normal",
        "escalated_at": T0,
        "waiting_since": T0,
        "promise_at": T0 + 4 * H,
        "subject": "Hello",
        "claimed_at": None,
        **more,
    }


def brief(entries: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [(int((datetime.fromisoformat(e["at"]) - T0) / M), e["notify"], e["template"]) for e in entries]


def played(ladder: list[dict[str, Any]], minutes: range, rung: int = 0) -> list[tuple[int, str, str]]:
    """Return who is notified of what while the clock advances minute by minute."""
    heard = []
    for minute in minutes:
        now = T0 + minute * M
        heard += [(minute, e["notify"], e["template"]) for e in due(row(ladder, rung), now)]
        rung, _ = advanced(row(ladder, rung), now)
    return heard


def test_the_team_is_notified_at_once_and_after_30_minutes_and_the_manager_after_2_hours_each_once() -> None:
    assert played(make(), range(600)) == [
        (0, "team", "escalated"),
        (30, "team", "unclaimed"),
        (120, "manager", "unclaimed"),
        (225, "manager", "promise_breaking"),
    ]


def test_an_urgent_ticket_is_not_notified_twice_around_its_promise() -> None:
    ladder = make(promise=30 * M, priority=Priority.URGENT)
    assert brief(ladder) == [
        (0, "team", "escalated"),
        (30, "team", "unclaimed"),
        (120, "manager", "unclaimed"),
    ]


def test_a_promise_about_to_break_climbs_before_its_rung() -> None:
    ladder = make(promise=H, priority=Priority.HIGH)
    assert (45, "manager", "promise_breaking") in brief(ladder)


def test_a_promise_for_monday_morning_is_warned_of_on_friday_evening() -> None:
    friday = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # 13:00 in Berlin
    monday = datetime(2026, 11, 23, 8, 10, tzinfo=UTC)  # ten minutes after opening
    ladder = ladder_for(
        DEFAULT, waiting_since=friday, promise_at=monday, priority=Priority.NORMAL, hours=OFFICE
    )
    assert ladder[-1]["template"] == "promise_breaking"
    assert datetime.fromisoformat(ladder[-1]["at"]) == datetime(2026, 11, 20, 15, 55, tzinfo=UTC)


def test_the_clock_is_the_customers_wait_not_the_moment_we_noticed() -> None:
    found_late = due(row(make()), T0 + 45 * M)
    assert [(e["notify"], e["template"], e["collapsed"]) for e in found_late] == [("team", "unclaimed", [0])]


def test_after_downtime_several_rungs_become_the_highest_and_say_so() -> None:
    entries = due(row(make(), rung=1), T0 + 3 * H)
    assert [(e["notify"], e["collapsed"]) for e in entries] == [("manager", [1])]
    assert advanced(row(make(), rung=1), T0 + 3 * H) == (3, T0 + 225 * M)


def test_a_team_that_was_never_notified_is_notified_with_the_manager() -> None:
    assert [e["notify"] for e in due(row(make()), T0 + 3 * H)] == ["team", "manager"]


def test_who_has_seen_it_is_spared_one_rung_and_only_one() -> None:
    ladder = make()
    assert played(after_seen(ladder, 1), range(1, 600), 1) == [
        (120, "manager", "unclaimed"),
        (225, "manager", "promise_breaking"),
    ]


def test_the_last_rung_comes_a_step_later_instead_for_somebody_must_take_it() -> None:
    ladder = make(promise=24 * H)
    seen = after_seen(ladder, 2)
    assert [one for one in played(seen, range(31, 600), 2) if one[2] == "unclaimed"] == [
        (210, "manager", "unclaimed")
    ]
    again = after_seen(seen, 2)
    assert next_due(again, 2) is not None


def test_at_the_end_of_the_ladder_nothing_is_left_to_leave_out() -> None:
    ladder = make()
    assert after_seen(ladder, len(ladder)) == ladder


def test_a_seen_ticket_that_is_claimed_and_let_go_goes_on_where_it_stood() -> None:
    seen = after_seen(make(), 1)
    held = after_claim(seen, 1, waiting_since=T0, promise_at=T0 + 4 * H, claimed_at=T0 + 40 * M, hours=OFFICE)
    assert brief(resume(held, 1, T0 + 60 * M)) == brief(seen)


def test_repeats_have_an_end() -> None:
    ladder = make((Rung(30 * M, "team", repeat=3, every=10 * M),))
    assert [m for m, _, template in brief(ladder) if template == "unclaimed"] == [30, 40, 50, 60]
    assert next_due(ladder, len(ladder)) is None


def test_repeats_without_a_step_repeat_at_the_rungs_own() -> None:
    ladder = make((Rung(30 * M, "team", repeat=2),))
    assert [m for m, _, template in brief(ladder) if template == "unclaimed"] == [30, 60, 90]


def test_quiet_hours_hold_a_rung_until_morning_and_repeats_do_not_pile_up() -> None:
    night = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)  # 23:00 in Berlin
    rungs = (Rung(30 * M, "manager", repeat=3, every=H, quiet="22:00-07:00"),)
    ladder = make(rungs, since=night, promise=48 * H)
    spoken = [e["at"] for e in ladder if e["template"] == "unclaimed"]
    assert spoken == ["2026-11-24T06:00:00+00:00"]


def test_quiet_hours_never_hold_what_is_urgent() -> None:
    night = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
    ladder = make(
        (Rung(30 * M, "team", quiet="22:00-07:00"),), since=night, promise=2 * H, priority=Priority.URGENT
    )
    assert "2026-11-23T22:30:00+00:00" in [e["at"] for e in ladder]


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-03-28T23:30:00+00:00", "2026-03-29T05:00:00+00:00"),
        ("2026-10-24T22:30:00+00:00", "2026-10-25T06:00:00+00:00"),
    ],
)
def test_quiet_hours_end_by_the_wall_clock_on_nights_of_a_clock_change(since: str, expected: str) -> None:
    ladder = make(
        (Rung(M, "team", quiet="22:00-07:00"),), since=datetime.fromisoformat(since), promise=90 * H
    )
    assert expected in [e["at"] for e in ladder if e["template"] == "unclaimed"]


@pytest.mark.parametrize("night", ["2026-03-29T00:30:00+00:00", "2026-10-25T00:30:00+00:00"])
def test_rungs_run_by_elapsed_time_on_nights_of_a_clock_change(night: str) -> None:
    since = datetime.fromisoformat(night)
    ladder = make(since=since, promise=90 * H)
    assert [datetime.fromisoformat(e["at"]) - since for e in ladder[:3]] == [0 * M, 30 * M, 2 * H]


def claimed(minute: int, rung: int, promise: timedelta = 4 * H) -> list[dict[str, Any]]:
    return after_claim(
        make(promise=promise, priority=Priority.URGENT if promise < H else Priority.NORMAL),
        rung,
        waiting_since=T0,
        promise_at=T0 + promise,
        claimed_at=T0 + minute * M,
        hours=OFFICE,
    )


def test_claimed_at_29_minutes_is_silence_until_the_promise() -> None:
    assert played(claimed(29, 1), range(29, 240), rung=1) == []


def test_claimed_then_forgotten_goes_on_when_the_promise_is_broken() -> None:
    assert played(claimed(29, 1), range(29, 600), rung=1) == [
        (240, "team", "forgotten"),
        (330, "manager", "forgotten"),
    ]


def test_a_claimer_gets_a_while_even_when_the_promise_is_as_good_as_broken() -> None:
    assert played(claimed(29, 1, promise=30 * M), range(29, 600), rung=1)[0] == (59, "team", "forgotten")
    assert played(claimed(300, 4), range(300, 600), rung=4) == [(360, "manager", "forgotten")]


def test_taking_a_ticket_late_never_brings_the_manager_in_earlier() -> None:
    assert played(claimed(45, 2, promise=30 * M), range(45, 600), rung=2) == [(120, "manager", "forgotten")]


def test_unclaimed_again_resumes_where_it_stood() -> None:
    assert resume(claimed(29, 1), 1, T0 + 40 * M) == make()


def test_unclaimed_again_after_the_last_rung_is_notified_once_more() -> None:
    ladder = resume(claimed(300, 4), 4, T0 + 310 * M)
    assert played(ladder, range(310, 900), rung=4) == [(310, "team", "resumed")]


def test_claiming_and_letting_go_again_and_again_never_changes_what_is_left() -> None:
    ladder = make()
    for minute in (5, 10, 15):
        ladder = after_claim(
            ladder, 1, waiting_since=T0, promise_at=T0 + 4 * H, claimed_at=T0 + minute * M, hours=OFFICE
        )
        ladder = after_claim(
            ladder, 1, waiting_since=T0, promise_at=T0 + 4 * H, claimed_at=T0 + (minute + 1) * M, hours=OFFICE
        )
        ladder = resume(ladder, 1, T0 + (minute + 2) * M)
    assert ladder == make()


def test_a_ticket_claimed_before_the_first_notice_stays_silent() -> None:
    assert played(claimed(0, 0), range(240)) == []


def test_an_empty_ladder_still_notifies_the_team_and_keeps_the_promise() -> None:
    assert brief(make(())) == [(0, "team", "escalated"), (225, "team", "promise_breaking")]


def test_every_notice_of_one_escalation_has_its_own_key_and_names_the_ticket() -> None:
    entries = due(row(make()), T0 + 3 * H)
    notices = notices_for(row(make()), entries)
    assert len({n.key for n in notices}) == len(notices) == 2
    assert {(n.desk, n.ticket_id) for n in notices} == {("support", "4711")}
    again = notices_for(row(make(), escalated_at=T0 + 24 * H), entries)
    assert not {n.key for n in notices} & {n.key for n in again}


@pytest.mark.parametrize(
    ("rung", "remedy"),
    [
        (Rung(30 * M, "team", quiet="late"), "quiet"),
        (Rung(30 * M, "team", quiet="00:00-24:00"), "quiet all day"),
        (Rung(-30 * M, "team"), "longer than nothing"),
        (Rung(0 * M, "team", repeat=2), "longer than nothing"),
        (Rung(M, "team", repeat=60), "lower repeat"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_named_with_a_remedy(rung: Rung, remedy: str) -> None:
    assert any(remedy in line for line in check_rungs((rung,)))
    assert check_rungs(DEFAULT) == []


# --- the last rung has no end ---------------------------------------------------------------


def told_for(
    rungs: tuple[Rung, ...],
    span: timedelta,
    *,
    since: datetime = T0,
    priority: Priority = Priority.NORMAL,
    held: bool = False,
) -> list[tuple[datetime, str, str]]:
    """Return who is notified of what at each due time while the ticket stays unanswered."""
    ladder: list[dict[str, Any]] = make(rungs, since=since, promise=2 * H, priority=priority)
    rung, heard = 0, []
    if held:
        ladder = after_claim(
            ladder, 0, waiting_since=since, promise_at=since + 2 * H, claimed_at=since, hours=OFFICE
        )
    now: datetime | None = next_due(ladder, 0)
    while now is not None and now <= since + span:
        heard += [(now, e["notify"], e["template"]) for e in due(row(ladder, rung), now)]
        rung, _ = advanced(row(ladder, rung), now)
        ladder = prolonged(ladder, rung, now, OFFICE, priority=priority, held=held)
        now = next_due(ladder, rung)
    assert now is not None, "a ticket that waits always has a due time"
    return heard


def manager(heard: list[tuple[datetime, str, str]], since: datetime = T0) -> list[float]:
    return [(at - since) / H for at, who, what in heard if who == "manager" and what != "promise_breaking"]


REPEATING = (Rung(30 * M, "team"), Rung(2 * H, "manager", every=4 * H))


def test_the_last_rung_repeats_every_four_hours_and_grows_to_once_a_day() -> None:
    times = manager(told_for(REPEATING, 9 * 24 * H, priority=Priority.HIGH))
    assert times[:7] == [2, 6, 10, 14, 18, 22, 26]
    assert [b - a for a, b in itertools.pairwise(times[6:])][:6] == [8, 8, 8, 16, 16, 24]
    assert {b - a for a, b in itertools.pairwise(times[12:])} == {24.0}


def test_a_last_rung_without_every_repeats_all_the_same() -> None:
    assert manager(told_for(DEFAULT, 8 * H, priority=Priority.HIGH)) == [2, 6]


def test_in_business_hours_it_repeats_on_business_days_only() -> None:
    rungs = tuple(Rung(r.after, r.notify, r.repeat, r.every, business=True) for r in REPEATING)
    friday = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)  # 16:00 in Berlin
    heard = told_for(rungs, 21 * 24 * H, since=friday)
    local = [at.astimezone(OFFICE.zone) for at, _, what in heard if what == "unclaimed"]
    assert [f"{at:%a %H:%M}" for at in local[:4]] == ["Fri 16:30", "Mon 10:00", "Mon 14:00", "Tue 10:00"]
    assert all((at.weekday() < 5 and 9 <= at.hour < 17) or f"{at:%H:%M}" == "17:00" for at in local)
    assert len({at.date() for at in local[-5:]}) == 5, "once a day at the end"


def test_a_holder_who_never_answers_is_not_the_end_either() -> None:
    heard = told_for(REPEATING, 4 * 24 * H, priority=Priority.HIGH, held=True)
    assert len(heard) > 5
    assert {what for _, _, what in heard} == {"forgotten"}


def test_unassigned_after_a_repetition_was_due_it_is_notified_as_unclaimed_again() -> None:
    ladder = make(REPEATING, priority=Priority.HIGH)
    end = len(ladder)
    held = prolonged(ladder, end, T0 + 24 * H, OFFICE, priority=Priority.HIGH, held=True)
    assert [e["template"] for e in held[end:]] == ["forgotten"]
    assert [e["template"] for e in resume(held, end, T0 + 25 * H)[end:]] == ["unclaimed"]


def test_an_earlier_rung_with_every_repeats_until_the_next_one_begins() -> None:
    ladder = make((Rung(30 * M, "team", every=30 * M), Rung(2 * H, "manager")))
    assert [m for m, who, what in brief(ladder) if who == "team" and what == "unclaimed"] == [30, 60, 90]


def test_a_snapshot_from_before_rungs_had_no_end_is_repeated_too() -> None:
    old = [{k: v for k, v in e.items() if k != "again"} for e in make()]
    later = prolonged(old, len(old), T0 + 5 * H, OFFICE, priority=Priority.HIGH, held=False)
    assert (later[-1]["notify"], later[-1]["template"], next_due(later, len(old))) == (
        "manager",
        "unclaimed",
        T0 + 6 * H,
    )
    assert prolonged([], 0, T0, OFFICE, priority=Priority.LOW, held=False)[0]["notify"] == "team"


def test_every_less_than_a_minute_is_refused() -> None:
    assert any(
        "without an end" in line for line in check_rungs((Rung(M, "team", every=timedelta(seconds=5)),))
    )


@given(
    rungs=st.lists(
        st.builds(
            Rung,
            after=st.integers(0, 3000).map(lambda n: n * M),
            notify=st.sampled_from(["team", "manager"]),
            repeat=st.integers(0, 3),
            every=st.none() | st.integers(20, 3000).map(lambda n: n * M),
            quiet=st.sampled_from(["", "22:00-07:00"]),
            business=st.booleans(),
        ),
        max_size=3,
    ),
    start=st.integers(0, 10_000),
    priority=st.sampled_from(Priority),
    held=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_whatever_the_ladder_a_notice_is_sent_at_least_once_in_any_five_days(
    rungs: list[Rung], start: int, priority: Priority, held: bool
) -> None:
    if check_rungs(rungs):
        return
    since = T0 + start * M
    heard = told_for(tuple(rungs), 30 * 24 * H, since=since, priority=priority, held=held)
    times = [at for at, _, what in heard if what in {"unclaimed", "forgotten"}]
    longest = max([r.every for r in rungs if r.every] + [24 * H])
    late = [
        b - a for a, b in itertools.pairwise(times) if b > since + max([r.after for r in rungs], default=H)
    ]
    assert all(gap <= 6 * longest for gap in late), late
    assert len(times) == len(set(times)) or len(rungs) > 1
