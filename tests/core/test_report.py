"""The three figures, recomputed by hand on a ledger small enough to be read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from core.hours import Hours
from core.ledger.schema import meta, metadata, tickets
from core.reports.figures import Balanced, Paged, Row, Verdict
from core.reports.intervals import median, median_interval, wilson
from core.reports.reporting import render_csv, render_html, render_text, weekly
from core.reports.weekly import bounds, earlier, summarise, week_of
from demo import history

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = "2026-W10"  # Monday 2 to Sunday 8 March, winter time: Berlin is one hour ahead of UTC
LATER = datetime(2026, 3, 23, 8, tzinfo=UTC)


class NineToFive:
    """Monday to Friday, 9 to 17 in Berlin, counted minute by minute: slow and beyond doubt."""

    def between(self, start: datetime, end: datetime) -> timedelta:
        minutes, at = 0, start
        while at < end:
            local = at.astimezone(BERLIN)
            minutes += local.weekday() < 5 and 9 <= local.hour < 17
            at += timedelta(minutes=1)
        return timedelta(minutes=minutes)


def at(day: int, clock: str, month: int = 3) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, month, day, int(hour), int(minute), tzinfo=BERLIN).astimezone(UTC)


def auto(number: str, day: int, clock: str, intent: str, customer: str, **more) -> Row:
    facts = {"seen_at": at(day, clock), "auto_resolved_at": at(day, clock), **more}
    return Row("support", number, outcome="auto_resolved", intent=intent, customer=customer, **facts)


def human(
    number: str, day: int, clock: str, claimed: datetime | None, outcome: str = "routed", **more
) -> Row:
    came = at(day, clock)
    facts = {
        "intent": "refund",
        "customer": f"c{number}",
        "escalated_at": came,
        "waiting_since": came,
        **more,
    }
    return Row("support", number, seen_at=came, claimed_at=claimed, outcome=outcome, **facts)


LEDGER = [
    auto("1", 2, "10:00", "order_status", "c1"),
    # helped by nothing: the same customer writes again on the same matter, from another address
    auto("2", 3, "10:00", "refund", "c2", email="anna@home.example"),
    human("7", 5, "15:00", at(5, "15:30"), customer="c2", email="anna@work.example"),
    # Friday 16:30 to Monday 9:15: half an hour and a quarter
    human("3", 6, "16:30", at(9, "09:15"), promise_at=at(9, "09:30")),
    human(
        "4",
        4,
        "10:00",
        at(4, "12:00"),
        "general_queue",
        promise_at=at(4, "11:00"),
        answered_at=at(4, "13:00"),
    ),
    human("5", 7, "11:00", at(7, "11:10"), promise_at=at(7, "11:30")),  # Saturday: no business time at all
    auto("6", 4, "10:00", "order_status", "c6", email="bo@home.example"),
    # another matter within the week, and the same matter after more than seven days: no failures of 6
    auto("11", 9, "10:00", "invoice_copy", "c6"),
    Row("eu", "8", at(11, "10:01"), "auto_resolved", "order_status", "x", "Bo@home.example"),
    # wrote again on the same ticket
    auto(
        "10",
        5,
        "09:00",
        "order_status",
        "c10",
        reescalated_at=at(5, "14:00"),
        escalated_at=at(5, "14:00"),
        claimed_at=at(5, "14:20"),
    ),
    Row("support", "9", at(3, "12:00"), "left_alone"),
    Row("support", "12", at(8, "23:59"), ""),  # received, not decided about yet
]


def report(rows=LEDGER, week=WEEK, now=LATER, **more):
    given = {"pages": [], "balances": [], **more}
    return summarise(week, rows, given["pages"], given["balances"], hours=NineToFive(), zone=BERLIN, now=now)


def test_the_escalation_rate_counts_every_handled_ticket_that_needed_a_human():
    figure = report().figures[0]
    assert (figure.now.k, figure.now.n) == (5, 8)  # 3 4 5 7 10 of 1 2 3 4 5 6 7 10
    assert figure.now.value == 0.625
    assert report().left_alone == 1


def test_the_response_time_is_business_time_over_a_weekend():
    figure = report().figures[1]
    # 5: 0 min, 10: 20 min, 7: 30 min, 3: 45 min, 4: 120 min
    assert figure.now.value == 30 * 60
    assert (figure.now.k, figure.now.n) == (4, 5)
    assert figure.verdict == Verdict.UNCLEAR  # five values bound no median
    assert figure.now.high is None


def test_the_same_figures_come_out_of_the_database_and_by_the_real_calendar(tmp_path):
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00")
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(engine)
    names = {"seen_at": "first_seen_at", "customer": "customer_id", "email": "customer_email"}
    with engine.begin() as db:
        for row in LEDGER:
            db.execute(
                tickets.insert(), {names.get(name, name): value for name, value in asdict(row).items()}
            )
    found = weekly(engine, Hours.make("Europe/Berlin", week), WEEK, LATER).figures
    assert [(one.now.k, one.now.n, one.now.value) for one in found] == [
        (5, 8, 5 / 8),
        (4, 5, 30 * 60),
        (2, 4, 2 / 4),
    ]
    engine.dispose()


def test_a_follow_up_from_another_address_of_the_same_customer_is_a_failed_answer():
    found = report()
    figure = found.figures[2]
    assert (figure.now.k, figure.now.n) == (2, 4)  # 2 and 10 of 1 2 6 10
    assert (found.resolved, found.failed, found.pending) == (2, 2, 0)
    assert {share.name: (share.k, share.n) for share in found.failed_by_intent} == {
        "order_status": (1, 3),
        "refund": (1, 1),
    }


def test_the_same_address_at_another_desk_is_the_same_customer():
    sooner = [row for row in LEDGER if row.ticket_id != "8"]
    sooner.append(Row("eu", "8", at(11, "09:59"), "auto_resolved", "order_status", "x", "Bo@home.example"))
    assert report(sooner).failed == 3


def test_silence_is_no_resolution_before_the_quiet_week_is_over():
    found = report(now=at(9, "08:00"))
    assert (found.resolved, found.failed, found.pending) == (0, 2, 2)
    assert found.complete
    quiet = [row for row in LEDGER if row.ticket_id in ("1", "6")]
    assert report(quiet, now=at(9, "08:00")).figures[2].verdict == Verdict.PENDING


def test_an_unclaimed_escalation_counts_as_the_longest_wait_once_it_is_overdue():
    open_ones = [human(str(n), 2, "10:00", None) for n in range(20)]
    late, soon = report(open_ones, now=at(2, "12:00")), report(open_ones, now=at(2, "10:30"))
    assert late.figures[1].now.value == inf
    assert late.figures[1].verdict == Verdict.ABOVE
    assert soon.figures[1].now.n == 0


def test_promises_are_kept_broken_or_open():
    assert report().promises.kept == 2
    assert report().promises.broken == 1
    assert report(now=at(7, "11:05")).promises.open == 2


@pytest.mark.parametrize(
    ("escalated", "handled", "verdict", "advice"),
    [
        (9, 10, Verdict.ABOVE, "More auto-response rules"),
        (5, 10, Verdict.UNCLEAR, ""),
        (250, 1000, Verdict.UNCLEAR, ""),  # 22.4 to 27.8 %: inside
        (350, 1000, Verdict.ABOVE, ""),
        (450, 1000, Verdict.ABOVE, "More auto-response rules"),
        (1, 10, Verdict.UNCLEAR, ""),
        (100, 1000, Verdict.BELOW, "thresholds may be too low"),
        (0, 0, Verdict.UNCLEAR, ""),
    ],
)
def test_advice_is_given_only_where_the_whole_interval_supports_it(escalated, handled, verdict, advice):
    rows = [human(str(n), 3, "10:00", at(3, "10:05")) for n in range(escalated)]
    rows += [auto(f"a{n}", 3, "10:00", "x", f"a{n}") for n in range(handled - escalated)]
    figure = report(rows).figures[0]
    expected = Verdict.MET if (escalated, handled) == (250, 1000) else verdict
    assert figure.verdict == expected
    assert advice in figure.advice
    assert bool(figure.advice) == bool(advice)


def test_too_many_failed_answers_name_the_intent_to_look_at():
    rows = [auto(str(n), 3, "10:00", "refund", f"c{n}") for n in range(40)]
    rows += [human(f"h{n}", 4, "10:00", at(4, "10:05"), customer=f"c{n}") for n in range(10)]
    figure = report(rows).figures[2]
    assert figure.verdict == Verdict.ABOVE
    assert "refund" in figure.advice


def test_night_pages_are_counted_per_person_on_the_clock_of_the_zone():
    pages = [
        Paged("ada", at(3, "23:10")),
        Paged("ada", at(4, "06:59")),
        Paged("ada", at(4, "07:00")),
        Paged("bo", at(4, "21:59"), failed=True),
        Paged("bo", at(12, "23:00")),
    ]
    found = {page.person: (page.day, page.night, page.failed) for page in report(pages=pages).pages}
    assert found == {"ada": (1, 2, 0), "bo": (1, 0, 1)}


def test_the_balance_line_is_the_newest_of_the_week_and_healings_add_up():
    lines = [
        Balanced("support", at(3, "01:00"), 10, 9, missing=1, healed=2),
        Balanced("support", at(4, "01:00"), 20, 20, healed=1),
        Balanced("support", at(15, "01:00"), 99, 99),
    ]
    found = report(balances=lines)
    assert [(one.in_desk, one.in_ledger, one.missing) for one in found.balances] == [(20, 20, 0)]
    assert found.healed == 3


def test_the_trend_names_eight_weeks_oldest_first_over_the_new_year():
    assert earlier("2027-W01", BERLIN, 3) == ["2026-W51", "2026-W52", "2026-W53"]
    trend = report(week="2026-W11").figures[0].trend
    assert [point.week for point in trend][-1] == WEEK
    assert (trend[-1].k, trend[-1].n) == (5, 8)
    assert len(trend) == 8


def test_a_week_begins_on_monday_midnight_of_the_zone_also_when_the_clock_changes():
    start, end = bounds("2026-W13", BERLIN)
    assert end - start == timedelta(hours=167)  # the last Sunday of March has 23 hours
    assert week_of(end - timedelta(seconds=1), BERLIN) == "2026-W13"
    with pytest.raises(ValueError, match="2026-W09"):
        bounds("last week", BERLIN)


def test_by_hour_uses_the_clock_of_the_zone():
    hours = {share.name: share.n for share in report().by_hour}
    assert hours["16"] == 1  # ticket 3, Friday 16:30 in Berlin
    assert sum(hours.values()) == 8
    assert len(hours) == 24


@pytest.fixture(scope="module")
def stats():
    """Loaded only in the process that runs this file: it takes a second and 50 MB."""
    from scipy import stats

    return stats


@given(st.integers(0, 400), st.integers(0, 400))
def test_wilsons_interval_agrees_with_scipy(stats, k, more):
    n = k + more
    if n:
        ours, theirs = wilson(k, n), stats.binomtest(k, n).proportion_ci(0.95, "wilson")
        assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.integers(1, 900))
def test_the_medians_interval_holds_it_at_least_95_times_of_100(stats, n):
    low, high = median_interval(list(range(1, n + 1)))
    if high is None:
        assert n < 6
        return
    assert low + high == n + 1  # ranks are symmetric
    chance = stats.binom.cdf(high - 1, n, 0.5) - stats.binom.cdf(low - 1, n, 0.5)
    assert chance >= (0.95 if n <= 500 else 0.947)
    assert median([1, 2, 3, 4]) == 2.5


def test_weeks_that_cannot_change_are_kept_and_outlive_their_rows(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(engine)
    now = datetime(2026, 3, 27, 12, tzinfo=UTC)
    history.fill(engine, now)

    class Office(NineToFive):
        zone = BERLIN

        def between(self, start, end):
            return end - start

    before = weekly(engine, Office(), "2026-W12", now)
    with engine.begin() as db:
        db.execute(tickets.delete().where(tickets.c.first_seen_at < datetime(2026, 3, 9, tzinfo=UTC)))
    with engine.connect() as db:
        kept = set(db.scalars(select(meta.c.name).where(meta.c.name.startswith("figures:"))))
    # W12's quiet period is not over
    assert {name[-8:] for name in kept} == {"2026-W09", "2026-W10", "2026-W11"}
    after = weekly(engine, Office(), "2026-W12", now)
    assert before.figures[0].trend[-2].n > 100
    assert [figure.trend for figure in after.figures] == [figure.trend for figure in before.figures]
    assert after.figures == before.figures
    engine.dispose()


def test_a_week_whose_answers_are_still_in_their_quiet_period_is_counted_again(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(engine)
    now = datetime(2026, 3, 18, 12, tzinfo=UTC)

    class Office(NineToFive):
        zone = BERLIN

    facts = {"desk": "d", "outcome": "auto_resolved", "intent": "x", "customer_id": "c"}
    sent = datetime(2026, 3, 12, 12, tzinfo=UTC)
    with engine.begin() as db:
        db.execute(
            tickets.insert(), [facts | {"ticket_id": "1", "first_seen_at": sent, "auto_resolved_at": sent}]
        )
    assert weekly(engine, Office(), "2026-W12", now).figures[2].trend[-1].k == 0
    with engine.begin() as db:
        db.execute(tickets.insert(), [facts | {"ticket_id": "2", "first_seen_at": now}])
    assert weekly(engine, Office(), "2026-W12", now + timedelta(minutes=1)).figures[2].trend[-1].k == 1
    engine.dispose()


def test_kept_and_broken_promises_have_an_interval(stats):
    promises = report().promises
    assert (promises.kept, promises.broken) == (2, 1)
    expected = stats.binomtest(2, 3).proportion_ci(method="wilson")
    assert (promises.low, promises.high) == pytest.approx((expected.low, expected.high))
    assert "66.7 % kept (95 %: " in render_text(report())


def test_what_would_have_been_promised_is_shown_beside_what_was(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(engine)
    hours = Hours.make("Europe/Berlin", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"))
    with engine.begin() as db:
        for n in range(60):
            since = at(2 + n % 5, f"{9 + n // 10}:00")
            facts = {"waiting_since": since, "escalated_at": since, "acknowledged_at": since}
            ends = {"state": "answered", "answered_at": since + timedelta(minutes=40)}
            late = {"state": "claimed", "answered_at": None} if n == 59 else {}
            row = {"desk": "support", "ticket_id": str(n), "priority": "normal", "first_seen_at": since}
            db.execute(tickets.insert(), row | facts | ends | late)

    class Running:
        hours_of, promised = staticmethod(lambda _: hours), staticmethod(lambda *_: timedelta(hours=4))

    made = weekly(engine, hours, WEEK, LATER, Running())
    (line,) = made.would_promise
    assert (line.seconds, line.configured, line.kept, line.cases) == (45 * 60, 4 * 3600, 59, 60)
    said = "support, normal, business hours: 45m would be kept (59 of 60 before, 95 %: 91.1 % to 99.7 %); configured 4h"
    assert said in render_text(made)
    assert "45m" in render_html(made)
    assert "would_promise" in render_csv(made)
