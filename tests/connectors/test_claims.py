"""An agent who takes a ticket keeps it, at whatever moment of our work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import Conflict, UnknownOutcome
from core.model import AddNote, AddTags, Reply, SetQueue, Solve

TAG = AddTags(("ai_routed",))
NOTE = AddNote("note", text="Likely intent: billing_dispute (72% confidence). Customer message: why")
ACK = Reply("acknowledgment", "ack", text="We have it, and answer within 30 minutes.")
ANSWER = Reply("answer", "order_status", text="Your order is on its way.")
FLOWS = {
    "route": (TAG, SetQueue("Billing"), NOTE, ACK),
    "general queue": (TAG, SetQueue("Billing"), ACK),
    "silent": (SetQueue("Billing"),),
    "answer": (TAG, ANSWER, Solve()),
}
WRITING = {"POST", "PUT", "PATCH"}


def claims_before(w, ticket_id, n, agent=None):
    """Ann takes the ticket while our n-th write is on its way."""
    seen = []

    def plan(call):
        seen.extend([call] if call.method in WRITING else [])
        if call.method in WRITING and len(seen) == n:
            w.desk.agent_claims(int(ticket_id), (agent or w.ann).id)
        return ""

    w.app.plan = plan


def carried_out(w, ticket_id, actions, key="k"):
    """All writes, each read again and repeated when the ticket changed, as the engine does."""
    ticket = w.ours.fetch(ticket_id)
    receipts = []
    for write in w.ours.writes(ticket, actions, key):
        try:
            receipts.append(w.ours.send(ticket, write))
        except Conflict:
            ticket = w.ours.fetch(ticket_id)
            receipts.append(w.ours.send(ticket, write))
    return receipts


def holder(w, ticket_id):
    return w.desk.cases[int(ticket_id)].assignee_id


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("moment", [1, 2, 3])
def test_an_agent_who_takes_the_ticket_while_we_write_keeps_it(world, vendor, flow, moment):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    claims_before(w, ticket_id, moment)
    carried_out(w, ticket_id, FLOWS[flow])
    if w.app.count(*WRITING) < moment:
        return  # the flow has fewer writes here
    assert holder(w, ticket_id) == w.ann.id
    claim = w.ours.unclaimed([ticket_id])[ticket_id]
    assert (claim.by, claim.via) == ("Ann", "assignee")


@pytest.mark.parametrize("flow", FLOWS)
def test_an_agent_who_takes_the_ticket_between_our_reading_and_writing_keeps_it(world, vendor, flow):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    ticket = w.ours.fetch(ticket_id)
    w.later(seconds=2)
    w.desk.agent_claims(int(ticket_id), w.ann.id)
    for write in w.ours.writes(ticket, FLOWS[flow], "k"):
        try:
            w.ours.send(ticket, write)
        except Conflict:
            ticket = w.ours.fetch(ticket_id)
            w.ours.send(ticket, write)
    assert holder(w, ticket_id) == w.ann.id


def test_a_ticket_that_a_person_holds_is_not_moved_and_the_receipt_says_so(world, vendor):
    w = world(vendor)
    ticket_id = w.customer("Hello")
    w.desk.agent_claims(int(ticket_id), w.ann.id)
    before = w.desk.cases[int(ticket_id)].queue_id
    receipts = carried_out(w, ticket_id, (SetQueue("Billing"), NOTE))
    assert any("Ann holds it" in receipt.detail for receipt in receipts)
    assert w.desk.cases[int(ticket_id)].queue_id == before
    assert len(w.desk.by(w.desk.cases[int(ticket_id)], {"bot"})) == 1


# --- Zendesk: the lock is one second coarse ---


def racing(w, ticket_id):
    """The first write of the route, in the very second in which Ann takes the ticket."""
    ticket = w.ours.fetch(ticket_id)
    note, ack = w.ours.writes(ticket, FLOWS["route"], "k")
    claims_before(w, ticket_id, 1)
    return ticket, note, ack


def test_after_a_claim_was_given_back_the_ticket_is_read_before_the_customer_is_written_to(world):
    w = world("zendesk")
    ticket_id = w.customer("Hello")
    ticket, note, ack = racing(w, ticket_id)
    receipt = w.ours.send(ticket, note)
    assert "has it again" in receipt.detail
    with pytest.raises(Conflict):
        w.ours.send(replace(ticket, version=receipt.version), ack)
    assert w.ours.fetch(ticket_id).assignee.name == "Ann"


def test_a_claim_is_given_back_in_the_group_it_was_made_in(world):
    w = world("zendesk")
    support = next(q.id for q in w.desk.queues.values() if q.name == "Support")
    w.ann.queue_ids = [w.desk.add_queue("Care").id, support]
    ticket_id = w.customer("Hello")
    w.desk.cases[int(ticket_id)].queue_id = support
    ticket, note, _ = racing(w, ticket_id)
    w.ours.send(ticket, note)
    assert (holder(w, ticket_id), w.desk.cases[int(ticket_id)].queue_id) == (w.ann.id, support)


def test_a_trigger_that_runs_after_our_update_does_not_keep_the_claim_from_its_owner(world):
    w = world("zendesk")
    ticket_id = w.customer("Hello")
    ticket, note, _ = racing(w, ticket_id)
    claim = w.app.plan

    def plan(call):
        if w.app.count("PUT") == 2:
            w.later(seconds=1)
            w.desk.agent_sets(int(ticket_id), w.desk.bot.id, tags=["by_trigger"])
        return claim(call)

    w.app.plan = plan
    assert "has it again" in w.ours.send(ticket, note).detail
    assert holder(w, ticket_id) == w.ann.id


def test_who_takes_it_after_the_first_one_lost_it_is_left_the_ticket(world):
    w = world("zendesk")
    bob = w.desk.add_person("Bob", "bob@desk.example", "agent")
    ticket_id = w.customer("Hello")
    ticket, note, _ = racing(w, ticket_id)
    claim = w.app.plan

    def plan(call):
        if w.app.count("PUT") == 2:
            w.later(seconds=1)
            w.desk.agent_claims(int(ticket_id), bob.id)
        return claim(call)

    w.app.plan = plan
    assert "somebody holds it" in w.ours.send(ticket, note).detail
    assert holder(w, ticket_id) == bob.id


def test_a_claim_that_cannot_be_restored_raises_an_alarm_and_the_note_is_not_written_twice(world):
    w = world("zendesk")
    ticket_id = w.customer("Hello")
    ticket, note, _ = racing(w, ticket_id)
    claim = w.app.plan
    w.app.plan = lambda call: claim(call) or ("status_before:429" if w.app.count("PUT") == 2 else "")
    assert "could not be given it back" in w.ours.send(ticket, note).detail
    assert len(w.desk.by(w.desk.cases[int(ticket_id)], {"bot"})) == 1


def test_a_claim_lost_to_an_update_without_an_answer_is_given_back_when_the_update_is_found(world):
    w = world("zendesk")
    ticket_id = w.customer("Hello")
    ticket, note, _ = racing(w, ticket_id)
    claim = w.app.plan
    w.app.plan = lambda call: claim(call) or ("reset_after" if call.method == "PUT" else "")
    with pytest.raises(UnknownOutcome):
        w.ours.send(ticket, note)
    w.app.plan = lambda _call: ""
    assert "has it again" in w.ours.landed(ticket_id, note, w.now).detail
    assert holder(w, ticket_id) == w.ann.id
    w.desk.agent_claims(int(ticket_id), None)
    w.ours.landed(ticket_id, note, w.now)
    assert holder(w, ticket_id) is None, "what was let go of later is not given back again"


def test_a_ticket_is_not_given_back_to_the_robot_from_which_we_took_it_on_purpose(world):
    w = world("zendesk", {"bots": ["ai@desk.example"]})
    robot = w.desk.add_person("Clever AI", "ai@desk.example", "agent")
    ticket_id = w.customer("Hello")
    w.desk.agent_claims(int(ticket_id), robot.id)
    receipts = carried_out(w, ticket_id, FLOWS["general queue"])
    assert holder(w, ticket_id) is None
    assert [one.detail for one in receipts] == [""]


# --- Help Scout: there is no lock, and one holder ---


@pytest.mark.parametrize("flow", ["route", "general queue", "silent"])
@pytest.mark.parametrize("fault", ["status_before:503", "status_before:429", "reset_before"])
def test_a_failed_check_after_a_write_raises_an_alarm_and_nothing_is_written_twice(world, flow, fault):
    w = world("helpscout")
    ticket_id = w.customer("Hello")
    ticket = w.ours.fetch(ticket_id)
    *_, last = w.ours.writes(ticket, FLOWS[flow], "k")
    w.app.plan = lambda call: fault if call.method == "GET" and "/conversations/" in call.path else ""
    receipt = w.ours.send(ticket, last)
    assert "could not be looked up" in receipt.detail
    assert w.app.count("POST", "PATCH") - sum("token" in call.path for call in w.app.calls) == 1


def test_a_robots_claim_is_not_given_back(world):
    w = world("helpscout", {"bots": ["ai@desk.example"]})
    robot = w.desk.add_person("Clever AI", "ai@desk.example", "agent")
    ticket_id = w.customer("Hello")
    claims_before(w, ticket_id, 1, robot)
    carried_out(w, ticket_id, FLOWS["silent"])
    assert holder(w, ticket_id) is None


def test_whom_a_workflow_gave_it_to_since_then_is_left_the_conversation(world):
    w = world("helpscout")
    bob = w.desk.add_person("Bob", "bob@desk.example", "agent")
    ticket_id = w.customer("Hello")
    case = w.desk.cases[int(ticket_id)]
    ticket = w.ours.fetch(ticket_id)
    (write,) = w.ours.writes(ticket, FLOWS["silent"], "k")
    claims_before(w, ticket_id, 1)
    claim = w.app.plan

    def plan(call):
        if call.method == "GET" and call.path.endswith(f"/conversations/{ticket_id}"):
            case.assignee_id = bob.id
            w.desk.touch(case, 1, "automation", bob.id)
        return claim(call)

    w.app.plan = plan
    assert w.ours.send(ticket, write).detail == ""
    assert holder(w, ticket_id) == bob.id


def test_who_had_it_long_before_does_not_get_it_back(world):
    w = world("helpscout")
    ticket_id = w.customer("Hello")
    w.desk.agent_claims(int(ticket_id), w.ann.id)
    w.later(minutes=1)
    w.desk.agent_claims(int(ticket_id), None)  # a workflow let go of it
    w.later(minutes=1)
    (receipt,) = carried_out(w, ticket_id, FLOWS["silent"])
    assert (holder(w, ticket_id), receipt.detail) == (None, "")


def test_an_agent_who_assigns_it_to_the_same_team_does_not_get_it_back(world):
    w = world("helpscout")
    ticket_id = w.customer("Hello")
    ticket = w.ours.fetch(ticket_id)
    case = w.desk.cases[int(ticket_id)]
    w.desk.agent_claims(case.id, w.ann.id)
    case.assignee_id = None
    w.desk.agent_sets(case.id, w.ann.id, queue_id=w.billing.id)
    (write,) = w.ours.writes(ticket, FLOWS["silent"], "k")
    assert w.ours.send(ticket, write).detail == ""
    assert holder(w, ticket_id) is None
