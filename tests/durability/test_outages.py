"""When a desk, the store or the classifier is down, or a ticket is poison: all waits, nothing is lost, nothing said twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from sqlalchemy import text
from structlog.testing import capture_logs
from words import DISPUTE, NONSENSE, ORDER

from connectors.sandbox.server import Call
from core import queue
from core.ledger import store
from core.ledger.rows import WriteRow, typed
from core.ledger.schema import decisions, events, notices, writes
from core.ledger.states import WriteState
from core.pipeline import reminders, sweep
from core.pipeline import write as writing
from core.pipeline.batch import Batch
from core.pipeline.handle import handle

pytestmark = pytest.mark.usefixtures("no_naps")
ONE = pytest.mark.parametrize("vendor", ["freshdesk"])
FORTNIGHT = timedelta(days=14)


def down(call: Call) -> str:
    return "status_before:503"


def up(call: Call) -> str:
    return ""


def each_write_once(fault: str, *, times: int = 2, methods: tuple[str, ...] = ("PUT", "POST", "PATCH")):
    """A plan that spoils every kind of write the first few times, and what it spoiled."""
    cut: list[tuple[str, str]] = []

    def plan(call: Call) -> str:
        kind = (call.method, call.path)
        if call.method not in methods or "oauth" in call.path or cut.count(kind) >= times:
            return ""
        cut.append(kind)
        return fault

    return plan, cut


def alarms(h) -> list[str]:
    return [n.facts["what"] for n in h.rows(notices) if n.key.startswith("alarm:")]


def event(h, case, kind: str = "created"):
    return next(e for e in h.rows(events) if e.ticket_id == str(case.id) and kind in e.key)


def doubles(h, case) -> list[str]:
    said = h.bot_says(case, public=True) + h.bot_says(case, public=False)
    return [one for one in said if said.count(one) > 1]


# --- the desk is down -----------------------------------------------------------------------


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_events_of_a_desk_that_is_down_for_hours_wait_and_are_done_once_when_it_returns(house):
    h = house()
    h.later(minutes=5)
    h.api.plan = down
    cases = [
        h.writes_in(words, email=f"{n}@example.com") for n, words in enumerate((ORDER, DISPUTE, NONSENSE))
    ]
    h.later(hours=4)
    h.desk.customer_writes("I need this today.", email="1@example.com", case_id=cases[1].id)
    h.later(hours=1)
    assert set(h.fake.hooks.answers) == {202}, "the receiver takes everything"
    assert {e.state for e in h.rows(events)} == {"waiting"}, "nothing is given up for the desk's sake"
    assert any("has not answered since" in one for one in alarms(h))
    h.api.plan = up
    h.later(minutes=5)
    assert not h.unsettled()
    assert [h.ticket(c).state for c in cases] == ["auto_resolved", "escalated", "escalated"]
    assert [len(h.bot_says(c, public=True)) for c in cases] == [1, 1, 1]
    assert len(h.bot_says(cases[1], public=False)) == 1
    h.later(minutes=30)
    assert not any(doubles(h, c) for c in cases)


@ONE
def test_what_waited_for_a_desk_is_due_as_soon_as_the_desk_answers_again(house):
    h = house()
    h.later(minutes=5)
    h.api.plan = down
    case = h.writes_in(ORDER)
    h.later(minutes=10)
    assert event(h, case).due_at > h.now
    h.api.plan = up
    h.sweep()
    assert event(h, case).due_at == h.now, "not when its own pause ends"


@ONE
def test_no_call_to_a_desk_that_is_down_counts_as_a_try(house):
    h = house(limits={"tries": 3})
    h.api.plan, _ = each_write_once("status_before:503", times=1000)
    with h.app.engine.begin() as conn:
        store.put_desk(conn, "support", trouble="it does not answer")
    case = h.writes_in(DISPUTE)
    for _ in range(9):
        h.now += timedelta(hours=1)
        handle(h.app, event(h, case).key)
    assert (event(h, case).state, event(h, case).attempts) == ("waiting", 0)


@ONE
def test_an_outage_keeps_the_order_of_one_tickets_messages(house):
    h = house()
    h.later(minutes=5)
    h.api.plan = down
    case = h.writes_in(ORDER)
    h.later(minutes=20)
    h.api.plan = up
    h.later(minutes=5)
    h.api.plan = down
    h.desk.customer_writes("That does not help.", email="carla@example.com", case_id=case.id)
    h.later(minutes=20)
    h.api.plan = up
    h.later(minutes=5)
    order = [(d.key.split(":")[2], d.outcome) for d in sorted(h.rows(decisions), key=lambda d: d.at)]
    assert order == [("created", "auto_resolved"), ("reply", "reescalated")]


@ONE
def test_a_rate_limited_desk_costs_no_ticket(house, monkeypatch):
    h = house()
    h.app.desks["support"]._api.session.pace.clock = lambda: h.now.timestamp()  # noqa: PLW0108 - asked anew each time
    h.api.plan = lambda call: "status_before:429"
    case = h.writes_in(ORDER)
    h.later(hours=3)
    assert event(h, case).state == "waiting"
    assert event(h, case).attempts == 0
    h.api.plan = up
    h.later(minutes=31)
    assert h.ticket(case).state == "auto_resolved"
    assert len(h.bot_says(case, public=True)) == 1


def test_a_write_whose_answer_never_came_is_looked_up_and_not_repeated(house):
    h = house()
    h.api.plan, cut = each_write_once("reset_after")
    case = h.writes_in(DISPUTE)
    h.later(minutes=10)
    assert cut
    assert h.ticket(case).state == "escalated", h.story(case)
    assert len(h.bot_says(case, public=True)) == 1
    assert len(h.bot_says(case, public=False)) == 1
    assert {w.state for w in h.rows(writes)} == {"done"}


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_without_the_look_up_the_same_cut_makes_a_double(house, monkeypatch):
    monkeypatch.setattr(writing, "LOOK_BEFORE_REPEATING", False)
    h = house()
    h.api.plan, _ = each_write_once("reset_after")
    case = h.writes_in(DISPUTE)
    h.later(minutes=10)
    assert doubles(h, case), "if this fails, the test above proves nothing"


def test_a_write_that_was_cut_before_it_arrived_is_made_after_a_second_look(house):
    h = house()
    h.api.plan, _ = each_write_once("reset_before")
    case = h.writes_in(DISPUTE)
    h.later(hours=1)
    assert len(h.bot_says(case, public=True)) == 1, h.story(case)
    assert len(h.bot_says(case, public=False)) == 1


@ONE
def test_a_write_that_lands_after_the_first_look_is_not_made_again(house):
    h = house()
    h.api.plan, _ = each_write_once("reset_before", times=1, methods=("POST",))
    desk = h.app.desks["support"]
    looks: dict[str, int] = {}
    really = desk.landed

    def landed(ticket_id, write, since):
        looks[write.key] = looks.get(write.key, 0) + 1
        if looks[write.key] == 2:  # it was held up on its way
            h.api.plan = up
            desk.send(desk.fetch(ticket_id), write)
        return really(ticket_id, write, since)

    desk.landed = landed
    case = h.writes_in(DISPUTE)
    h.later(hours=1)
    assert set(looks.values()) == {2}
    assert len(h.bot_says(case, public=True)) == len(h.bot_says(case, public=False)) == 1, h.story(case)


@ONE
def test_no_look_counts_while_the_old_request_may_be_under_way(house):
    h = house()
    h.api.plan, cut = each_write_once("reset_before", times=1, methods=("POST",))
    case = h.writes_in(DISPUTE)
    assert len(cut) == 1
    for _ in range(5):
        handle(h.app, event(h, case).key)
    assert not h.bot_says(case, public=True) + h.bot_says(case, public=False)
    h.later(minutes=10)
    assert len(h.bot_says(case, public=True)) == len(h.bot_says(case, public=False)) == 1


@ONE
def test_a_worker_that_wakes_up_late_does_not_repeat_what_another_has_done(house):
    h = house()
    case = h.writes_in(DISPUTE)
    done = next(w for w in h.rows(writes) if w.what == "note")
    stale = replace(typed(WriteRow, done), state=WriteState.PLANNED, opened_at=None)
    ticket = h.seen(case)
    with pytest.raises(writing.Conflict):
        writing.perform(h.app, ticket, stale, Batch(h.app, "support", str(case.id)))
    assert len(h.bot_says(case, public=False)) == 1


@ONE
def test_a_worker_that_is_frozen_over_its_claim_does_not_speak_when_it_thaws(house, monkeypatch):
    h = house()
    claim = store.claim_write

    def slowly(*args):
        taken = claim(*args)
        h.now += timedelta(minutes=5)
        return taken

    monkeypatch.setattr(store, "claim_write", slowly)
    case = h.writes_in(DISPUTE)
    assert not h.bot_says(case, public=True) + h.bot_says(case, public=False)
    assert {w.state for w in h.rows(writes)} == {"planned"}, "given back: it surely was not sent"
    monkeypatch.setattr(store, "claim_write", claim)
    h.later(minutes=2)
    assert len(h.bot_says(case, public=True)) == len(h.bot_says(case, public=False)) == 1


@ONE
def test_two_looks_at_one_new_ticket_at_once_decide_once(house, monkeypatch):
    h = house()
    from core.pipeline import plan

    case = h.desk.customer_writes(NONSENSE, email="carla@example.com")
    real, key = plan.stored, event(h, case).key

    def second_comes_first(*args):
        monkeypatch.setattr(plan, "stored", real)
        handle(h.app, key)
        return real(*args)

    monkeypatch.setattr(plan, "stored", second_comes_first)
    handle(h.app, key)
    h.later(minutes=2)
    assert len(h.bot_says(case, public=True)) == 1
    assert len(h.rows(decisions)) == 1
    assert not h.unsettled()


# --- the store is down ----------------------------------------------------------------------


def test_a_webhook_that_cannot_be_stored_is_answered_with_retry_after(house):
    h = house()
    with h.app.engine.begin() as conn:
        conn.execute(text("ALTER TABLE bs_events RENAME TO away"))
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    delivery = h.fake.hooks.held[0]
    url = f"{h.receiver}/hooks/support"
    with capture_logs() as said:
        answer = requests.post(url, data=delivery.body, headers=delivery.headers, timeout=30)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "a webhook could not be stored" in {line["event"] for line in said}
    with h.app.engine.begin() as conn:
        conn.execute(text("ALTER TABLE away RENAME TO bs_events"))
    h.fake.hooks.release()
    h.settle()
    assert h.ticket(case).state == "auto_resolved"


# --- the classifier is down -----------------------------------------------------------------


@ONE
def test_a_classifier_that_fails_sends_everything_to_the_general_queue_flagged(house):
    h = house()

    class Broken:
        model = "broken"

        def predict(self, words: str):
            raise RuntimeError("out of memory")

    h.app.classifier = Broken()
    case = h.writes_in(ORDER)
    assert (h.ticket(case).state, h.ticket(case).outcome) == ("escalated", "general_queue")
    assert "ai_general_queue" in h.seen(case).tags
    assert len(h.bot_says(case, public=True)) == 1


# --- poison ---------------------------------------------------------------------------------


def test_a_ticket_that_the_desk_refuses_to_show_is_an_alarmed_dead_letter_and_can_be_retried(house):
    h = house()
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    h.api.plan = lambda call: (
        "status_before:422" if call.method == "GET" and str(case.id) in call.path else ""
    )
    h.settle()
    assert event(h, case).state == "dead"
    assert h.ticket(case).state == "dead_letter"
    assert any("given up" in one for one in alarms(h))
    with h.app.engine.begin() as conn:
        listed = [row.key for row in store.dead(conn)]
    assert listed == [event(h, case).key]
    calls = len(h.api.calls)
    h.later(minutes=4)
    assert not [c for c in h.api.calls[calls:] if str(case.id) in c.path and c.fault], "nothing loops"
    h.api.plan = up
    assert queue.retry(h.app, event(h, case).key)
    h.settle()
    assert h.ticket(case).state == "auto_resolved"
    assert len(h.bot_says(case, public=True)) == 1


@ONE
def test_one_ticket_that_always_fails_is_given_up_after_bounded_tries_while_others_go_on(house):
    h = house(limits={"tries": 4})
    h.later(minutes=5)
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    h.api.plan = lambda call: "status_before:500" if f"/{case.id}" in call.path else ""
    h.later(minutes=10)
    other = h.writes_in(ORDER, email="otto@example.com")
    assert event(h, case).state == "dead"
    assert event(h, case).attempts <= 4
    assert h.ticket(other).state == "auto_resolved"


def test_a_desk_that_refuses_every_write_gets_each_once_and_people_are_notified(house):
    h = house()
    h.api.plan = lambda call: "status_before:422" if call.method != "GET" and "oauth" not in call.path else ""
    case = h.writes_in(DISPUTE)
    h.later(minutes=10)
    tried = [c for c in h.api.calls if c.method in {"PUT", "POST", "PATCH"} and "oauth" not in c.path]
    assert len(tried) <= 12, [(c.method, c.path) for c in tried]
    assert any("refused" in one for one in alarms(h)), h.story(case)
    assert h.ticket(case).state in {"escalated", "dead_letter"}
    assert {e.state for e in h.rows(events)} <= {"settled", "dead"}


@ONE
def test_a_credential_without_the_right_is_a_dead_letter_in_the_end(house):
    h = house(limits={"tries": 3})
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    h.api.plan = lambda call: "status_before:403" if f"/{case.id}" in call.path else ""
    h.later(minutes=30)
    assert event(h, case).state == "dead"


# --- the sweep ------------------------------------------------------------------------------


def test_a_dropped_webhook_is_healed_by_the_sweep_under_the_same_key(house):
    h = house()
    h.later(minutes=5)
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    late = list(h.fake.hooks.held)
    h.fake.hooks.held.clear()
    h.later(minutes=5)
    assert h.ticket(case).state == "auto_resolved"
    assert (event(h, case).key, event(h, case).source) == (f"support:{case.id}:created", "sweep")
    h.fake.hooks.held[:] = late
    h.fake.hooks.release()
    h.later(minutes=1)
    assert len(h.bot_says(case, public=True)) == 1
    assert len([d for d in h.rows(decisions) if d.ticket_id == str(case.id)]) == 1


def test_a_dropped_reply_is_healed_too(house):
    h = house()
    h.later(minutes=5)
    case = h.writes_in(ORDER)
    h.later(minutes=5)
    h.fake.hooks.hold = True
    h.desk.customer_writes("That does not help at all.", email="carla@example.com", case_id=case.id)
    h.fake.hooks.held.clear()
    h.later(minutes=6)
    assert h.ticket(case).state == "reescalated", h.story(case)


def test_old_mail_of_a_new_desk_is_not_answered_but_its_next_reply_is(house):
    h = house()
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    h.fake.hooks.held.clear()
    h.fake.hooks.hold = False
    h.now += timedelta(hours=3)
    with h.app.engine.begin() as conn:
        store.put_desk(conn, "support", started_at=h.now)
    h.later(minutes=5)
    assert h.ticket(case).state == "left_alone", h.story(case)
    assert not h.bot_says(case, public=True)
    h.desk.customer_writes(ORDER, email="carla@example.com", case_id=case.id)
    h.later(minutes=2)
    assert h.ticket(case).state != "left_alone", h.story(case)
    assert len(h.bot_says(case, public=True)) == 1


@ONE
def test_the_cursor_moves_only_with_its_page(house, monkeypatch):
    h = house()
    h.later(minutes=5)
    h.fake.hooks.hold = True
    case = h.desk.customer_writes(ORDER, email="carla@example.com")
    with h.app.engine.begin() as conn:
        before = store.desk(conn, "support").cursor
    h.now += timedelta(minutes=2)

    def crash(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "_keep", crash)
        with pytest.raises(KeyboardInterrupt):
            sweep.sweep(h.app, "support", h.now)
    with h.app.engine.begin() as conn:
        assert store.desk(conn, "support").cursor == before
    assert not h.rows(events)
    h.sweep()
    assert h.ticket(case).state == "auto_resolved"
    with h.app.engine.begin() as conn:
        assert store.desk(conn, "support").cursor not in {"", before}, "and then it does move"


def test_deleted_merged_and_spam_tickets_come_to_an_end(house):
    h = house()
    gone, source, target, spam = (
        h.desk.customer_writes(NONSENSE, email=f"{n}@example.com")
        for n in ("gone", "source", "target", "spam")
    )
    h.desk.delete(gone.id, h.ann.id)
    h.desk.merge(source.id, target.id, h.ann.id)
    spam.spam = True
    h.later(minutes=10)
    assert not h.unsettled(), h.unsettled()
    for case in (gone, spam):
        assert not h.bot_says(case, public=True)
    assert len(h.bot_says(target, public=True)) == 1
    h.later(hours=3)
    told = [n for n in h.rows(notices) if n.ticket_id in {str(gone.id), str(source.id), str(spam.id)}]
    assert not told, "nobody is called for a ticket that is gone"


@ONE
def test_an_escalation_is_notified_although_the_desk_cannot_show_its_claims(house):
    h = house()
    h.writes_in(DISPUTE)
    before = len(h.urgent.sent)
    h.api.plan = down
    h.later(minutes=35)
    assert len(h.urgent.sent) > before


def test_watching_an_open_escalation_knows_its_due_time(house):
    h = house()
    case = h.writes_in(DISPUTE)
    assert h.ticket(case).next_due_at > h.now
    reminders.remind(h.app, h.now)
    assert h.ticket(case).next_due_at > h.now
