"""What Help Scout's lists prove, and who has taken which conversation."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import pytest

from connectors.helpscout.fake import state as fake_state
from core import errors
from core.model import AddTags, EventKind, Reply, SetQueue, Solve, Status, reply_key
from tests.connectors.conftest import NOON

ACK = Reply("acknowledgment", "ack", text="We got it.")
START = NOON - timedelta(days=1)


@pytest.fixture
def w(world):
    return world("helpscout")


def seen_in(w, cursor: str = "") -> tuple[dict[str, object], str]:
    found, cursor = w.changes(cursor, START)
    return {one.ticket_id: one for one in found}, cursor


def test_pending_closed_and_spam_ones_are_seen_too(w):
    ids = {
        name: w.customer(name, email=f"{name}@example.com")
        for name in ("active", "pending", "solved", "spam")
    }
    w.desk.agent_sets(int(ids["pending"]), w.ann.id, status="pending")
    w.desk.agent_sets(int(ids["solved"]), w.ann.id, status="solved")
    w.desk.agent_sets(int(ids["spam"]), w.ann.id, spam=True)
    seen, _ = seen_in(w)
    assert {name: seen[one].status for name, one in ids.items()} == {
        "active": Status.OPEN,
        "pending": Status.PENDING,
        "solved": Status.SOLVED,
        "spam": Status.SPAM,
    }


def test_spam_is_looked_for_once_an_hour(w):
    w.customer("Hello")
    cursor = seen_in(w)[1]
    lists = []
    for _ in range(5):
        w.later(minutes=25)
        w.app.calls.clear()
        cursor = seen_in(w, cursor)[1]
        lists.append(sum("status=spam" in call.query for call in w.app.calls))
    assert lists == [0, 0, 1, 0, 0]


def test_spam_marked_between_two_looks_is_found_at_the_next(w):
    ticket_id = w.customer("Hello")
    cursor = seen_in(w)[1]
    w.later(minutes=5)
    w.desk.agent_sets(int(ticket_id), w.ann.id, spam=True)
    w.later(minutes=60)
    assert seen_in(w, cursor)[0][ticket_id].status is Status.SPAM


def test_a_reply_is_proved_by_its_own_id_and_old_ones_are_left_in_peace(w):
    ticket_id = w.customer("Hello")
    w.later(minutes=5)
    w.desk.customer_writes("anybody?", case_id=int(ticket_id))
    old = w.desk.cases[int(ticket_id)].entries[-1].id
    cursor = seen_in(w)[1]
    w.later(hours=3)
    w.desk.agent_says(int(ticket_id), w.ann.id, "here I am")
    w.later(hours=3)
    cursor = seen_in(w, cursor)[1]
    w.later(minutes=20)
    w.desk.customer_writes("thanks, but", case_id=int(ticket_id))
    new = w.desk.cases[int(ticket_id)].entries[-1].id
    one = seen_in(w, cursor)[0][ticket_id]
    replies = [event.key for event in one.events if event.kind is EventKind.REPLY]
    assert replies == [reply_key("support", ticket_id, str(new))]
    assert str(old) not in str(replies)
    assert one.customer_wrote_at == w.now


def test_a_list_without_threads_still_says_when_the_customer_wrote(w, monkeypatch):
    ticket_id = w.customer("Hello")
    module = sys.modules["connectors.helpscout.fake.conversations"]  # the package has a function of that name
    monkeypatch.setattr(module, "_embedded", lambda: False)
    assert seen_in(w)[0][ticket_id].customer_wrote_at == NOON


def test_a_reply_that_did_not_come_along_still_says_when_the_customer_wrote(w, monkeypatch):
    ticket_id = w.customer("Hello")
    w.later(minutes=3)
    w.desk.customer_writes("anybody?", case_id=int(ticket_id))
    whole = fake_state.threads_json
    monkeypatch.setattr(fake_state, "threads_json", lambda state, case: whole(state, case)[-1:])
    assert seen_in(w)[0][ticket_id].customer_wrote_at == w.now


def test_every_page_is_requested_with_all_parameters(w):
    for n in range(60):
        w.customer("x", email=f"c{n}@example.com")
    seen, _ = seen_in(w)
    assert len(seen) == 60
    lists = [
        call.query for call in w.app.calls if call.path == "/v2/conversations" and "status=all" in call.query
    ]
    assert [q.rpartition("page=")[2] for q in lists] == ["1", "1", "2", "3"]
    assert all("modifiedSince=" in q and "sortField=modifiedAt" in q and "sortOrder=asc" in q for q in lists)


def test_a_conversation_that_changes_while_the_list_is_read_makes_no_other_one_skipped(w):
    cases = []
    for n in range(120):
        w.later(seconds=1)
        cases.append(w.customer("x", email=f"c{n}@example.com"))
    first = w.ours.changed_since("", START, w.now)
    w.later(seconds=1)
    for one in cases[:20]:  # moves to the end, and all others move up by as many places
        w.desk.agent_sets(int(one), w.ann.id, tags=["moved"])
    rest, _ = seen_in(w, first.cursor)
    assert {s.ticket_id for s in first.changed_tickets} | set(rest) == set(cases)


def test_hundreds_changed_by_a_rule_in_one_second_are_all_seen_although_the_list_shows_no_time_of_it(w):
    cases = [w.customer("x", email=f"c{n}@example.com") for n in range(130)]
    w.later(hours=5)
    for one in cases:
        w.desk.touch(w.desk.cases[int(one)], 0, "tags")  # without an actor: only the hidden time changes
    assert set(seen_in(w)[0]) == set(cases)


def test_the_cursor_never_runs_ahead_of_what_was_shown(w):
    """The list is an index: what is indexed late must still be found."""
    w.customer("Hello")
    late = w.customer("indexed late", email="late@example.com")
    w.fake.state.hidden.add(int(late))
    cursor = seen_in(w)[1]
    w.later(hours=7)
    seen, cursor = seen_in(w, cursor)
    assert late not in seen
    w.fake.state.hidden.clear()
    assert late in seen_in(w, cursor)[0]


def test_a_time_from_the_future_does_not_carry_the_cursor_along(w):
    ticket_id = w.customer("Hello")
    w.desk.cases[int(ticket_id)].created_at = w.now + timedelta(days=300)
    cursor = seen_in(w)[1]
    assert json.loads(cursor)["high"] < "2027"


@pytest.mark.parametrize("off", [timedelta(minutes=1), timedelta(days=300)], ids=["a minute", "months"])
def test_a_message_whose_time_is_off_makes_no_other_one_skipped(w, off):
    cases = []
    for n in range(80):
        w.later(seconds=1)
        cases.append(w.customer("x", email=f"c{n}@example.com"))
    w.desk.cases[int(cases[3])].entries[0].at += off
    w.later(minutes=30)
    assert set(seen_in(w)[0]) == set(cases)


def test_a_pass_cut_off_in_the_middle_goes_on_where_it_was(w):
    ids = {w.customer("x", email=f"c{n}@example.com") for n in range(40)}
    page = w.ours.changed_since("", START, w.now)
    assert page.more
    w.ours = w.connect()
    rest, _ = seen_in(w, page.cursor)
    assert {s.ticket_id for s in page.changed_tickets} | set(rest) == ids


def test_the_cursor_of_another_vendor_starts_from_the_start(w):
    ticket_id = w.customer("Hello")
    for foreign in ("1764000000|abc", '{"high":"x","list":0}', "[]"):
        assert ticket_id in seen_in(w, foreign)[0]


# --- claims -----------------------------------------------------------------------------------


def situations(w) -> dict[str, str]:
    """One conversation of each kind; our acknowledgment is in all of them."""
    names = (
        "waiting",
        "team",
        "held",
        "answered",
        "noted",
        "drafted",
        "ours",
        "workflow",
        "closed",
        "deleted",
        "merged",
        "spam",
    )
    ids = {name: w.customer(name, email=f"{name}@example.com") for name in names}
    for one in ids.values():
        w.do(w.ours.fetch(one), AddTags(("ai_escalated",)), ACK)
    w.later(minutes=5)
    case = {name: int(one) for name, one in ids.items()}
    w.do(w.ours.fetch(ids["team"]), SetQueue("Billing"))
    w.desk.agent_claims(case["held"], w.ann.id)
    w.desk.agent_says(case["answered"], w.ann.id, "I look into it")
    w.desk.agent_says(case["noted"], w.ann.id, "hm", public=False)
    w.desk.agent_says(case["drafted"], w.ann.id, "Dear").meta["state"] = "draft"
    w.desk.agent_claims(case["ours"], w.desk.bot.id)
    w.desk.cases[case["workflow"]].assignee_id = w.ann.id
    w.desk.touch(w.desk.cases[case["workflow"]], 0, "automation", w.ann.id)
    w.desk.agent_sets(case["closed"], w.ann.id, status="closed")
    w.desk.delete(case["deleted"], w.ann.id)
    w.desk.merge(case["merged"], case["waiting"], w.ann.id)
    w.desk.agent_sets(case["spam"], w.ann.id, spam=True)
    return ids


@pytest.mark.parametrize("others", [0, 40], ids=["singly", "in bulk"])
def test_only_a_humans_hand_or_answer_is_a_claim(w, others):
    crowd = [w.customer("x", email=f"c{n}@example.com") for n in range(others)]
    ids = situations(w)
    if others:
        claims = w.ours.unclaimed([*crowd, *ids.values()])
    else:
        claims = {one: w.ours.unclaimed([one])[one] for one in ids.values()}
    told = {name: (claims[one].by, claims[one].via, claims[one].closed) for name, one in ids.items()}
    nobody, over = ("", "", False), ("", "", True)
    assert told == {
        "waiting": nobody,
        "team": nobody,
        "held": ("Ann", "assignee", False),
        "answered": ("Ann", "reply", False),
        "noted": nobody,
        "drafted": nobody,
        "ours": nobody,
        "workflow": nobody,
        "closed": over,
        "deleted": over,
        "merged": over,
        "spam": over,
    }
    assert claims[ids["answered"]].answered_at == NOON + timedelta(minutes=5)
    assert (claims[ids["held"]].by_email, claims[ids["held"]].at) == ("ann@desk.example", w.now)
    assert not any(claims[one].by or claims[one].closed for one in crowd)


def test_many_waiting_ones_cost_a_few_calls_and_later_changes_are_noticed(w):
    ids = [w.customer("x", email=f"c{n}@example.com") for n in range(300)]
    w.ours.unclaimed(ids)
    w.later(minutes=20)
    w.customer("somebody else", email="else@example.com")
    w.ours.unclaimed(ids)
    w.later(minutes=20)
    w.desk.agent_says(int(ids[0]), w.ann.id, "I look into it")
    w.desk.agent_claims(int(ids[250]), w.ann.id)
    w.app.calls.clear()
    claims = w.ours.unclaimed(ids)
    assert len(w.app.calls) <= 3
    assert {one for one, claim in claims.items() if claim.by} == {ids[0], ids[250]}


def test_what_was_deleted_is_noticed_within_the_hour_even_among_many(w):
    ids = [w.customer("x", email=f"c{n}@example.com") for n in range(30)]
    w.ours.unclaimed(ids)
    w.desk.delete(int(ids[3]), w.ann.id)
    w.later(minutes=61)
    assert w.ours.unclaimed(ids)[ids[3]].closed


def test_with_a_lagging_index_tickets_are_read_singly_and_the_rest_later(w):
    ids = [w.customer("x", email=f"c{n}@example.com") for n in range(70)]
    w.ours.whoami()
    w.fake.state.hidden |= {int(one) for one in ids}
    with pytest.raises(errors.TryLater):
        w.ours.unclaimed(ids)
    assert set(w.ours.unclaimed(ids)) == set(ids)


def test_an_answered_and_closed_one_is_not_waiting(w):
    ticket_id = w.customer("Where is my order?")
    w.do(w.ours.fetch(ticket_id), ACK, Solve())
    claim = w.ours.unclaimed([ticket_id])[ticket_id]
    assert (claim.closed, claim.by) == (True, "")
