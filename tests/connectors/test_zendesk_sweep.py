"""What changed at Zendesk, and who has taken what, at the price of few reads."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import errors
from core.model import AddTags, Reopen, Reply, SetFields, SetQueue, Solve, Status

ACK = Reply("acknowledgment", "ack", text="We have it.")


@pytest.fixture
def w(world):
    return world("zendesk")


def test_the_newest_minute_is_withheld_and_comes_with_the_next_sweep(w):
    w.later(minutes=5)
    ticket_id = w.customer("Hello")
    found, cursor = w.changes("", w.now - timedelta(days=1))
    assert found == []
    w.later(minutes=2)
    found, _ = w.changes(cursor, w.now)
    assert [one.ticket_id for one in found] == [ticket_id]


def test_a_first_sweep_may_not_ask_for_the_last_minute(w):
    page = w.ours.changed_since("", w.now + timedelta(hours=1), w.now)
    assert page.changed_tickets == ()


def test_a_refused_cursor_costs_a_few_old_tickets_again_but_loses_none(w):
    start = w.now - timedelta(days=1)
    old = w.customer("an hour before")
    w.later(hours=1)
    early = w.customer("some minutes before the cursor")
    w.later(minutes=4)
    near = w.customer("just before the cursor")
    w.later(minutes=5)
    _, cursor = w.changes("", start)
    w.fake.state.cursors.clear()  # as if expired
    fresh = w.customer("after it")
    w.later(minutes=5)
    found, _ = w.changes(cursor, start)
    assert [one.ticket_id for one in found] == [early, near, fresh]
    assert old not in {one.ticket_id for one in found}


def test_a_quiet_sweep_does_not_forget_how_far_we_are(w):
    w.customer("long ago")
    w.later(minutes=5)
    _, cursor = w.changes("", w.now - timedelta(hours=1))
    w.later(hours=2)
    found, cursor = w.changes(cursor, w.now)
    assert found == []
    assert int(cursor.partition("|")[0]) > (w.now - timedelta(hours=3)).timestamp()


def test_a_cursor_refused_for_lack_of_rights_is_not_started_again(w):
    w.later(minutes=5)
    _, cursor = w.changes("", w.now)
    w.fake.state.bot_role = "agent"
    with pytest.raises(errors.NotAllowed):
        w.changes(cursor, w.now)


def test_deleted_and_merged_tickets_are_seen_as_such(w):
    start = w.now - timedelta(hours=1)
    gone, merged, target, spam = (w.customer(f"t{n}") for n in range(4))
    w.desk.delete(int(gone), w.ann.id)
    w.desk.merge(int(merged), int(target), w.ann.id)
    w.desk.cases[int(spam)].spam = True
    w.later(minutes=5)
    seen = {one.ticket_id: one.status for one in w.changes("", start)[0]}
    assert (seen[gone], seen[merged], seen[spam]) == (Status.DELETED, Status.CLOSED, Status.DELETED)


def test_a_sweep_is_one_call(w):
    for n in range(30):
        w.customer(f"t{n}", email=f"c{n}@example.com")
    w.later(minutes=5)
    w.ours.whoami()
    w.app.calls.clear()
    w.changes("", w.now - timedelta(days=1))
    assert [(c.method, c.path) for c in w.app.calls] == [("GET", "/api/v2/incremental/tickets/cursor.json")]


def test_the_intent_is_read_from_the_tag_or_from_the_field_that_an_agent_corrected(world):
    w = world("zendesk", {"intent_field": "900"})
    options = [{"name": one, "value": f"ai_intent_{one}"} for one in ("refund", "billing")]
    w.fake.state.fields[900] = {
        "id": 900,
        "type": "tagger",
        "title": "Intent",
        "active": True,
        "custom_field_options": options,
    }
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), AddTags(("ai_intent_refund",)), SetFields("refund", 90, "routed"))
    w.later(minutes=5)
    seen, _ = w.changes("", w.now - timedelta(days=1))
    assert [one.intent_label for one in seen] == ["refund"]
    w.desk.agent_sets(
        int(ticket_id), w.ann.id, fields={"900": "ai_intent_billing"}, tags=["ai_intent_billing"]
    )
    w.later(minutes=5)
    seen, _ = w.changes("", w.now - timedelta(minutes=6))
    assert [one.intent_label for one in seen] == ["billing"]


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_however_an_old_cursor_is_refused_the_sweep_goes_on_from_the_time(world, status):
    w = world("zendesk")
    ticket_id = w.customer("Hello")
    w.later(minutes=5)
    _, cursor = w.changes("", w.now - timedelta(days=1))
    w.app.plan = lambda call: (
        f"status_before:{status}" if call.query.endswith(cursor[-8:].replace("=", "%3D")) else ""
    )
    found, _ = w.changes(cursor, w.now - timedelta(days=1))
    assert w.app.calls[-2].status == status
    assert [one.ticket_id for one in found] == [ticket_id]


# --- claims -----------------------------------------------------------------------------------


def waiting(w, count: int) -> list[str]:
    """Tickets that are acknowledged and unclaimed."""
    ids = [w.customer(f"t{n}", email=f"c{n}@example.com") for n in range(count)]
    for ticket_id in ids:
        w.do(w.ours.fetch(ticket_id), AddTags(("ai_acknowledged",)), ACK)
    w.later(minutes=5)
    w.app.calls.clear()
    return ids


def test_a_hundred_waiting_tickets_cost_one_call(w):
    ids = waiting(w, 100)
    assert not any(claim.by for claim in w.ours.unclaimed(ids).values())
    assert w.app.count("GET") == 1


def test_a_reply_is_read_once_and_then_remembered(w):
    (ticket_id,) = waiting(w, 1)
    w.desk.agent_sets(int(ticket_id), w.ann.id, status="open")
    w.desk.agent_says(int(ticket_id), w.ann.id, "I am on it")
    assert [w.ours.unclaimed([ticket_id])[ticket_id].by for _ in range(3)] == ["Ann"] * 3
    assert w.app.count("GET") == 3 + 1


def test_a_humans_reply_to_a_ticket_that_bears_our_tag_is_seen(w):
    """The tag may be there although the acknowledgment never went out: one public reply is then a human's."""
    ticket_id = w.customer("Hello")
    w.do(w.ours.fetch(ticket_id), AddTags(("ai_acknowledged",)))
    w.desk.agent_sets(int(ticket_id), w.ann.id, status="open")
    w.desk.agent_says(int(ticket_id), w.ann.id, "I am on it")
    assert w.ours.unclaimed([ticket_id])[ticket_id].via == "reply"


def test_a_private_note_of_a_human_is_no_reply(w):
    (ticket_id,) = waiting(w, 1)
    w.desk.agent_sets(int(ticket_id), w.ann.id, status="open")
    w.desk.agent_says(int(ticket_id), w.ann.id, "who takes this?", public=False)
    assert w.ours.unclaimed([ticket_id])[ticket_id].by == ""


def test_a_chats_replies_are_no_comments_so_only_its_holder_counts(w):
    case = w.desk.customer_writes("Hello", via="chat")
    ticket_id = str(case.id)
    assert w.ours.unclaimed([ticket_id])[ticket_id].by == ""
    w.desk.agent_claims(case.id, w.ann.id)
    assert w.ours.unclaimed([ticket_id])[ticket_id].by == "Ann"
    w.desk.agent_says(case.id, w.ann.id, "typed into the chat")
    w.app.calls.clear()
    assert not w.ours.unclaimed([ticket_id])[ticket_id].answered
    assert w.app.count("GET") == 1


def test_what_we_solved_ourselves_is_no_claim_when_it_comes_back(w):
    ticket_id = w.customer("Where is my order?")
    w.do(
        w.ours.fetch(ticket_id), AddTags(("ai_auto_resolved",)), Reply("answer", "a", text="There."), Solve()
    )
    w.later(minutes=5)
    w.desk.customer_writes("No it is not", case_id=int(ticket_id))
    claim = w.ours.unclaimed([ticket_id])[ticket_id]
    assert (claim.by, claim.answered, claim.closed) == ("", False, False)


def test_a_human_who_holds_and_answered_is_both(w):
    (ticket_id,) = waiting(w, 1)
    w.desk.agent_claims(int(ticket_id), w.ann.id)
    claimed_at = w.now
    w.later(minutes=7)
    w.desk.agent_says(int(ticket_id), w.ann.id, "Here is your answer")
    claim = w.ours.unclaimed([ticket_id])[ticket_id]
    assert (claim.via, claim.at, claim.answered, claim.answered_at) == ("assignee", claimed_at, True, w.now)


def test_a_ticket_that_comes_back_to_us_is_assigned_to_no_one(w):
    ticket_id = w.customer("Where is my order?")
    w.do(w.ours.fetch(ticket_id), Reply("answer", "a", text="There."), Solve(), key="a")
    assert w.desk.cases[int(ticket_id)].assignee_id == w.desk.bot.id
    w.later(minutes=1)
    w.do(w.ours.fetch(ticket_id), Reopen(), SetQueue("Billing"), key="b")
    case = w.desk.cases[int(ticket_id)]
    assert (case.assignee_id, case.status, case.queue_id) == (None, "open", w.billing.id)
