"""The promise that a history bears: enough cases, at least 95 % kept, within the bounds, nothing from the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.hours import Hours, promise
from core.model import Priority
from core.promises import ANY, ENOUGH, NEWEST, STEPS, Wait, needed, promised
from core.sections import PromiseBounds

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALWAYS = Hours.make()
OFFICE = Hours.make("Europe/Berlin", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"))
FOUR = timedelta(hours=4)

minutes = st.integers(0, 20_000).map(lambda n: timedelta(minutes=n))
histories = st.lists(st.tuples(minutes, st.none() | minutes), max_size=120).map(
    lambda pairs: [Wait(NOW - ago, None if took is None else NOW - ago + took) for ago, took in pairs]
)
bounds = st.tuples(minutes, minutes).map(
    lambda two: PromiseBounds(least=min(two) + timedelta(minutes=1), most=max(two) + timedelta(minutes=1))
)


def steady(number: int, took: timedelta, **more) -> list[Wait]:
    starts = [NOW - timedelta(hours=number - n + 30) for n in range(number)]
    return [Wait(since, since + took, **more) for since in starts]


def said(waits, bounds=ANY, priority=Priority.URGENT, hours=ALWAYS):
    return promised(waits, FOUR, bounds, now=NOW, priority=priority, hours=hours)


@settings(max_examples=150)
@given(
    histories, bounds, st.sampled_from([Priority.URGENT, Priority.NORMAL]), st.sampled_from([ALWAYS, OFFICE])
)
def test_what_is_computed_lies_within_the_bounds_and_was_kept(waits, bounds, priority, hours):
    found = said(waits, bounds, priority, hours)
    if not found.computed:
        assert found.span == FOUR
        return
    least, end, most = (
        promise(hours, NOW, span, priority) for span in (bounds.least, found.span, bounds.most)
    )
    assert least <= end <= most
    assert found.cases >= ENOUGH
    alike = [w for w in waits if hours.is_open(w.since) == hours.is_open(NOW)]
    over = [(w, until) for w in alike if (until := promise(hours, w.since, found.span, priority)) <= NOW]
    assert (found.kept, found.cases) == (
        sum(bool(w.ended and w.ended <= until) for w, until in over),
        len(over),
    )
    assert found.holds == (found.kept >= needed(found.cases)) or found.cases > NEWEST
    assert found.holds or found.span == bounds.most


@settings(max_examples=100)
@given(histories)
def test_a_shorter_wait_never_makes_the_promise_longer(waits):
    before = said(waits)
    faster = [Wait(w.since, w.since + (w.ended - w.since) / 2 if w.ended else None) for w in waits]
    after = said(faster)
    assert not before.computed or not before.holds or after.span <= before.span


@pytest.mark.parametrize("cases", [19, 40, 80, 300])
def test_of_so_many_cases_the_next_is_kept_with_95_percent(cases):
    """The next case is as likely to stand at each place among all: it is beyond the bound at `cases + 1 - needed` of them."""
    assert needed(cases) / (cases + 1) >= 0.95
    assert (needed(cases) - 1) / (cases + 1) < 0.95


def test_the_smallest_friendly_step_that_holds():
    assert said(steady(60, timedelta(minutes=50))).span == timedelta(hours=1)
    assert said(steady(60, timedelta(minutes=61))).span == timedelta(minutes=90)
    assert said(steady(60, timedelta(minutes=1))).span == STEPS[0]


def test_a_team_that_became_slower_promises_later_at_once():
    slow = [Wait(w.since, w.since + timedelta(hours=5)) for w in steady(5, timedelta(0))]
    assert said(steady(300, timedelta(minutes=20))).span == timedelta(minutes=30)
    assert said([*steady(300, timedelta(minutes=20))[:-5], *slow]).span == timedelta(hours=6)


def test_cases_whose_time_is_not_over_count_neither_way():
    fresh = [Wait(NOW - timedelta(minutes=n % 10)) for n in range(100)]
    assert said([*steady(60, timedelta(minutes=50)), *fresh]) == said(steady(60, timedelta(minutes=50)))


def test_by_night_another_promise_than_by_day():
    day = [w for w in steady(400, timedelta(minutes=20)) if OFFICE.is_open(w.since)]
    night = [
        Wait(w.since, w.since + timedelta(days=3))
        for w in steady(400, timedelta(0))
        if not OFFICE.is_open(w.since)
    ]
    assert said([*day, *night], priority=Priority.NORMAL, hours=OFFICE).span == timedelta(minutes=30)


def test_the_next_case_is_kept_in_95_percent_of_random_histories():
    dice, kept, total = Random(5), 0, 0
    for _ in range(400):
        waits = [
            Wait(w.since, w.since + timedelta(minutes=dice.lognormvariate(4, 1))) for w in steady(60, FOUR)
        ]
        kept += timedelta(minutes=dice.lognormvariate(4, 1)) <= said(waits).span
        total += 1
    assert kept / total >= 0.95


@pytest.mark.parametrize("wrong", [("2h", "1h"), ("0m", "1h"), ("soon", "1h")])
def test_bounds_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        PromiseBounds(least=wrong[0], most=wrong[1])
