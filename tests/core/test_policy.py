"""Every branch of the policy, as a case; and hypothesis: whatever comes in, the promises hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import policy
from core.model import (
    NO_INTENT,
    AddNote,
    AddTags,
    Assignee,
    Author,
    Band,
    Customer,
    Decision,
    Evidence,
    Grade,
    Guess,
    History,
    IntentRule,
    MachineKind,
    Message,
    Mode,
    Outcome,
    Prediction,
    Priority,
    Reopen,
    Reply,
    Rules,
    RunAction,
    SetPriority,
    SetQueue,
    Solve,
    Status,
    Ticket,
    TicketState,
    whole_percent,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
INTENTS = {
    "order_status": IntentRule("order_status", Priority.LOW, "Orders", "order.txt"),
    "refund_request": IntentRule("refund_request", Priority.NORMAL, "Refunds"),
    "billing_dispute": IntentRule("billing_dispute", Priority.URGENT, "Billing"),
    "human_request": IntentRule("human_request", Priority.NORMAL, "Front"),
    "password": IntentRule("password", Priority.LOW, "Tech", action="macro-1"),
    "strict": IntentRule("strict", Priority.LOW, "Orders", "order.txt", auto=0.95),
    "shy": IntentRule("shy", Priority.LOW, "Orders", "order.txt", mode=Mode.SUGGEST),
}
RULES = Rules(0.85, 0.60, INTENTS, frozenset({"billing_dispute", "human_request"}), "General", version="v1")
PROVEN = Evidence(Grade.PROVEN, MachineKind.BOUNCE, "its return path is empty", whole=True)
LIKELY = Evidence(Grade.LIKELY, MachineKind.AUTOMATIC, "its header says auto-submitted: auto-generated")
MESSAGE = Message("m1", Author.CUSTOMER, NOW, "Where is my order?")
TICKET = Ticket(
    "support", "7", "Hello", (MESSAGE,), Customer("c1", "carla@example.com"), Status.NEW, NOW, NOW
)


def decide(intent="order_status", confidence=0.9, *, ticket=TICKET, history=None, rules=RULES, others=()):
    guess = Prediction(intent, confidence, tuple(Guess(*one) for one in others), "test")
    return policy.decide(ticket, ticket.messages, guess, history or History(), rules)


def decide_with(confidence=0.95, history=None, **seen):
    """As `decide`, with what was seen beside the guess about the whole message."""
    guess = Prediction("order_status", confidence, (), "test", **seen)
    return policy.decide(TICKET, TICKET.messages, guess, history or History(), RULES)


def test_an_alarm_in_one_sentence_makes_the_message_urgent_and_holds_the_answer_back():
    assert decide_with().outcome is Outcome.AUTO_RESOLVED
    alarmed = decide_with(suspects=(Guess("billing_dispute", 0.5),))
    assert (alarmed.outcome, alarmed.priority) == (Outcome.ROUTED, Priority.URGENT)
    faint = decide_with(suspects=(Guess("billing_dispute", 0.1),))
    assert faint.outcome is Outcome.AUTO_RESOLVED


def test_a_sentence_that_requests_a_human_is_recognised():
    assert "human" in decide_with(suspects=(Guess("human_request", 0.5),)).reason


def test_an_alarm_in_a_sentence_of_a_later_message_raises_the_priority():
    waiting = History(state=TicketState.ESCALATED, escalated=True, priority=Priority.NORMAL)
    assert decide_with(history=waiting, suspects=(Guess("billing_dispute", 0.5),)).priority is Priority.URGENT


def test_a_guess_that_leaves_a_part_of_the_message_out_of_account_is_never_answered_automatically():
    decision = decide_with(unread="it quotes text that is not in the ticket")
    assert decision.outcome is Outcome.ROUTED
    assert decision.reason == "it quotes text that is not in the ticket"
    assert decision.escalates


def kinds(decision: Decision) -> set[type]:
    return {type(action) for action in decision.actions}


def tags(decision: Decision) -> set[str]:
    return {tag for action in decision.actions if isinstance(action, AddTags) for tag in action.tags}


@pytest.mark.parametrize(
    ("intent", "confidence", "outcome", "band"),
    [
        ("order_status", 0.85, Outcome.AUTO_RESOLVED, Band.AUTO),
        ("order_status", 0.8499, Outcome.ROUTED, Band.ROUTE),
        ("order_status", 0.60, Outcome.ROUTED, Band.ROUTE),
        ("order_status", 0.5999, Outcome.GENERAL_QUEUE, Band.GENERAL),
        ("strict", 0.94, Outcome.ROUTED, Band.ROUTE),
        ("strict", 0.95, Outcome.AUTO_RESOLVED, Band.AUTO),
        (NO_INTENT, 0.99, Outcome.GENERAL_QUEUE, Band.GENERAL),
        ("password", 0.9, Outcome.AUTO_RESOLVED, Band.AUTO),
    ],
)
def test_the_bands_begin_exactly_where_they_say(intent, confidence, outcome, band):
    decision = decide(intent, confidence)
    assert (decision.outcome, decision.band) == (outcome, band)


@pytest.mark.parametrize("intent", ["refund_request", "billing_dispute", "shy", "never heard of"])
def test_a_sure_guess_without_leave_to_answer_is_routed(intent):
    decision = decide(intent, 0.99)
    assert decision.outcome is Outcome.ROUTED
    assert decision.escalates
    assert AddNote in kinds(decision)


def test_an_answer_is_the_reply_and_solves():
    decision = decide()
    assert kinds(decision) >= {Reply, Solve, AddTags}
    assert tags(decision) == {"ai_intent_order_status", "ai_auto_resolved"}
    assert not decision.escalates


def test_an_action_may_replace_a_reply():
    assert RunAction("macro-1") in decide("password").actions


def test_an_urgent_intent_goes_to_its_queue_with_its_priority():
    decision = decide("billing_dispute", 0.99)
    assert decision.priority is Priority.URGENT
    assert SetQueue("Billing") in decision.actions
    assert SetPriority(Priority.URGENT) in decision.actions


def test_suspicion_counts_even_when_the_top_guess_is_sure():
    decision = decide("order_status", 0.9, others=[("billing_dispute", 0.25)])
    assert decision.outcome is Outcome.ROUTED
    assert decision.priority is Priority.URGENT
    assert decide("order_status", 0.9, others=[("billing_dispute", 0.24)]).outcome is Outcome.AUTO_RESOLVED


def test_an_intent_may_be_suspected_from_a_share_of_the_floor_on():
    rules = replace(
        RULES, intents={**RULES.intents, "hacked": IntentRule("hacked", Priority.URGENT, doubt=0.5)}
    )
    assert decide("order_status", 0.9, others=[("hacked", 0.125)], rules=rules).priority is Priority.URGENT
    assert decide("order_status", 0.9, others=[("hacked", 0.12)], rules=rules).priority is not Priority.URGENT


def test_suspicion_makes_an_unsure_message_urgent():
    decision = decide("billing_dispute", 0.3)
    assert (decision.outcome, decision.priority) == (Outcome.GENERAL_QUEUE, Priority.URGENT)


def test_a_wish_for_a_human_wins_over_everything():
    decision = decide("order_status", 0.99, others=[("human_request", 0.3)])
    assert decision.outcome is Outcome.ROUTED
    assert "ai_human_requested" in tags(decision)
    assert not any(isinstance(a, Reply) and a.purpose == "answer" for a in decision.actions)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"status": Status.CLOSED}, "closed"),
        ({"status": Status.SPAM}, "spam"),
        ({"status": Status.DELETED}, "deleted"),
        ({"status": Status.SOLVED}, "solved"),
        ({"locked": "100 threads"}, "100 threads"),
        ({"customer": Customer("c1", is_staff=True)}, "staff"),
        ({"opened_by": Author.AGENT}, "staff"),
        ({"assignee": Assignee("9", "Ann")}, "Ann"),
        ({"messages": (MESSAGE, Message("m2", Author.AGENT, NOW, "Hi"))}, "answered"),
        ({"messages": ()}, "no customer message"),
    ],
)
def test_what_is_not_ours_is_left_alone_with_the_reason(change, word):
    decision = decide(ticket=replace(TICKET, **change))
    assert decision.outcome is Outcome.LEFT_ALONE
    assert word in decision.reason
    assert decision.actions == ()


def test_a_bots_assignment_and_an_agents_private_note_do_not_keep_us_away():
    held = replace(TICKET, assignee=Assignee("1", "Bot", human=False))
    noted = replace(TICKET, messages=(MESSAGE, Message("m2", Author.AGENT, NOW, "hm", public=False)))
    assert decide(ticket=held).outcome is Outcome.AUTO_RESOLVED
    assert decide(ticket=noted).outcome is Outcome.AUTO_RESOLVED


@pytest.mark.parametrize(
    ("kind", "whole", "calm"),
    [
        (MachineKind.ABSENCE, True, True),
        (MachineKind.ABSENCE, False, False),
        (MachineKind.ACKNOWLEDGMENT, False, False),
        (MachineKind.BULK, False, True),
        (MachineKind.AUTOMATIC, False, False),
    ],
)
def test_only_what_no_person_can_have_written_notifies_no_one(kind, whole, calm):
    seen = Evidence(Grade.LIKELY, kind, "it reads so", whole=whole)
    ticket = replace(TICKET, messages=(replace(MESSAGE, machine=seen),))
    unsure = Prediction(NO_INTENT, 0.2)
    decision = policy.decide(ticket, ticket.messages, unsure, History(), RULES)
    assert decision.escalates
    assert (decision.priority is Priority.LOW) is calm
    assert (decision.rule == "automatic mail") is calm


BOUNCED = Evidence(Grade.LIKELY, MachineKind.BOUNCE, "it reads like a delivery report", whole=True)


@pytest.mark.parametrize("message", [replace(MESSAGE, machine=BOUNCED), replace(MESSAGE, thanks=True)])
def test_nothing_urgent_is_suspected_in_an_empty_message(message):
    ticket = replace(TICKET, messages=(message,))
    feared = (Guess("billing_dispute", 0.3),)
    decision = policy.decide(
        ticket, ticket.messages, Prediction("password", 0.3, feared, suspects=feared), History(), RULES
    )
    assert decision.priority not in {Priority.URGENT, Priority.HIGH}
    sure = policy.decide(ticket, ticket.messages, Prediction("billing_dispute", 0.9), History(), RULES)
    assert sure.priority is Priority.URGENT


def test_a_machines_new_ticket_is_queued_and_its_second_message_is_left_alone():
    ticket = replace(TICKET, messages=(replace(MESSAGE, machine=PROVEN),))
    first = decide(ticket=ticket)
    assert first.outcome is Outcome.GENERAL_QUEUE
    assert not first.escalates
    assert Reply not in kinds(first)
    later = decide(ticket=ticket, history=History(state=TicketState.ESCALATED, escalated=True))
    assert later.outcome is Outcome.LEFT_ALONE


def test_a_follow_up_on_an_answer_reopens_and_goes_to_the_intents_queue():
    history = History(TicketState.AUTO_RESOLVED, auto_answered=True, intent="order_status")
    decision = decide(ticket=replace(TICKET, status=Status.SOLVED), history=history)
    assert decision.outcome is Outcome.REESCALATED
    assert Reopen in kinds(decision)
    assert decision.queue == "Orders"
    assert {"ai_reescalated", "ai_escalated"} <= tags(decision)


def test_a_waiting_customer_receives_nothing_twice():
    history = History(TicketState.ESCALATED, acknowledged=True, escalated=True, priority=Priority.NORMAL)
    assert decide(history=history).outcome is Outcome.LEFT_ALONE
    raised = decide("billing_dispute", 0.9, history=history)
    assert (raised.outcome, raised.priority) == (Outcome.ROUTED, Priority.URGENT)
    assert Reply not in kinds(raised)


def test_observe_mode_keeps_the_verdict_and_drops_the_deeds():
    decision = policy.for_mode(decide("billing_dispute", 0.9), Mode.OBSERVE)
    assert decision.outcome is Outcome.ROUTED
    assert decision.actions == ()
    assert not decision.escalates


def test_when_we_are_broken_a_human_gets_it():
    decision = policy.fallback(TICKET, "the template is broken", History(), RULES)
    assert decision.outcome is Outcome.GENERAL_QUEUE
    assert decision.escalates
    assert {AddTags, SetQueue, Reply} <= kinds(decision)


guesses = st.builds(Guess, st.sampled_from([*INTENTS, NO_INTENT, "new"]), st.floats(0, 1))
histories = st.builds(
    History,
    state=st.one_of(st.none(), st.sampled_from(TicketState)),
    auto_answered=st.booleans(),
    acknowledged=st.booleans(),
    escalated=st.booleans(),
    priority=st.one_of(st.none(), st.sampled_from(Priority)),
    intent=st.sampled_from(["", *INTENTS]),
)
threads = st.lists(
    st.builds(
        Message,
        id=st.uuids().map(str),
        author=st.sampled_from(Author),
        at=st.just(NOW),
        text=st.text(max_size=20),
        public=st.booleans(),
        machine=st.sampled_from([None, PROVEN, LIKELY]),
        thanks=st.booleans(),
    ),
    max_size=4,
).map(tuple)


@given(
    guesses,
    st.lists(guesses, max_size=3),
    histories,
    threads,
    st.sampled_from(Status),
    st.booleans(),
    st.sampled_from(Mode),
)
def test_whatever_comes_in_the_promises_hold(guess, others, history, thread, status, replyable, mode):
    ticket = replace(TICKET, messages=thread, status=status, replyable=replyable)
    rules = replace(RULES, mode=mode)
    said = [m for m in thread if m.author in {Author.CUSTOMER, Author.MACHINE}]
    prediction = Prediction(guess.intent, guess.confidence, tuple(others))
    decision = policy.decide(ticket, said, prediction, history, rules)
    replies = [a for a in decision.actions if isinstance(a, Reply)]
    answers = [a for a in replies if a.purpose == "answer"]
    assert len(replies) <= 1
    if answers or any(isinstance(a, RunAction) for a in decision.actions):
        assert guess.intent not in rules.never_automatic
        assert guess.confidence >= rules.auto
        assert mode is not Mode.SUGGEST
        assert not history.auto_answered
        assert not history.escalated
    if history.acknowledged:
        assert not any(a.purpose == "acknowledgment" for a in replies) or not (
            history.auto_answered or history.escalated
        )
    if status in {Status.CLOSED, Status.SPAM, Status.DELETED}:
        assert decision.actions == ()
    if said and all(m.machine for m in said):
        assert not replies
    if decision.outcome is not Outcome.LEFT_ALONE and not answers:
        assert (
            decision.escalates
            or (decision.rule == "machine mail" and all(m.machine == PROVEN for m in said))
            or decision.outcome is Outcome.AUTO_RESOLVED
        )
    assert decision.reason


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.8499, 84), (0.85, 85), (0.849999, 84), (0.57, 57), (0.29, 29), (0.9999, 99), (1.0, 100)],
)
def test_a_confidence_is_said_rounded_down_and_what_is_whole_stays_whole(share, said):
    assert whole_percent(share) == said


def test_whoever_is_paged_reads_why_it_is_urgent():
    suspect = decide("order_status", 0.9, others=[("billing_dispute", 0.25)])
    (note,) = [a for a in suspect.actions if isinstance(a, AddNote)]
    assert "urgent because billing_dispute may be meant: 25%" in note.facts["why"]
    faint = decide("refund", 0.1, others=[("billing_dispute", 0.3)])
    (note,) = [a for a in faint.actions if isinstance(a, AddNote)]
    assert "urgent because billing_dispute may be meant: 30%" in note.facts["why"]
