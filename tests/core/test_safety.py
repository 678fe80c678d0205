"""What a human must always see is never answered, is marked and raised, whatever the guess and whatever waits already."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_policy import RULES, TICKET

from core import policy
from core.model import (
    AddNote,
    AddTags,
    Danger,
    Evidence,
    Grade,
    History,
    MachineKind,
    Outcome,
    Prediction,
    Priority,
    Reopen,
    Reply,
    SetPriority,
    Solve,
    Status,
    TicketState,
)

SELF_HARM = Danger("self_harm", "self-harm", ("end my life",))
LEGAL = Danger("legal", "legal steps", ("my lawyer",))


def decide(*dangers, intent="order_status", confidence=0.99, ticket=TICKET, history=None, rules=RULES):
    guess = Prediction(intent, confidence, dangers=dangers)
    return policy.decide(ticket, ticket.messages, guess, history or History(), rules)


def tags_of(decision):
    return {tag for one in decision.actions if isinstance(one, AddTags) for tag in one.tags}


def note_of(decision):
    return next(a.facts["why"] for a in decision.actions if isinstance(a, AddNote))


@pytest.mark.parametrize(
    ("intent", "confidence"), [("order_status", 0.99), ("order_status", 0.7), ("none_of_these", 0.1)]
)
def test_it_is_never_answered_whatever_the_guess(intent, confidence):
    assert decide(intent=intent, confidence=confidence).priority is not Priority.URGENT
    decision = decide(SELF_HARM, intent=intent, confidence=confidence)
    assert decision.outcome in {Outcome.ROUTED, Outcome.GENERAL_QUEUE}
    assert decision.escalates
    assert decision.priority is Priority.URGENT
    assert SetPriority(Priority.URGENT) in decision.actions
    assert not any(isinstance(a, Solve) for a in decision.actions)
    assert [a.purpose for a in decision.actions if isinstance(a, Reply)] == ["acknowledgment"]
    assert "ai_safety" in tags_of(decision)


def test_the_note_names_topic_and_words_and_the_ledger_contains_no_customer_text():
    decision = decide(SELF_HARM, LEGAL)
    assert note_of(decision) == (
        "it is about self-harm and legal steps: a human must see it (self-harm: “end my life”; legal steps: “my lawyer”)"
    )
    assert decision.reason == "it is about self-harm and legal steps: a human must see it"


def test_the_configured_priority_holds_unless_the_intent_is_more_urgent():
    rules = replace(RULES, safety=Priority.HIGH)
    assert decide(LEGAL, rules=rules).priority is Priority.HIGH
    assert decide(LEGAL, intent="billing_dispute", rules=rules).priority is Priority.URGENT


def test_a_ticket_that_waits_already_is_raised_once_for_each_topic():
    waiting = History(
        state=TicketState.ESCALATED, escalated=True, acknowledged=True, priority=Priority.URGENT
    )
    raised = decide(SELF_HARM, history=waiting)
    assert raised.outcome is Outcome.ROUTED
    assert raised.escalates
    assert not any(isinstance(a, Reply) for a in raised.actions)
    known = replace(waiting, reason=raised.reason)
    assert decide(SELF_HARM, history=known).outcome is Outcome.LEFT_ALONE
    assert decide(SELF_HARM, LEGAL, history=known).escalates


def test_after_an_automatic_answer_the_ticket_is_opened_again():
    history = History(state=TicketState.AUTO_RESOLVED, auto_answered=True, intent="order_status")
    decision = decide(SELF_HARM, ticket=replace(TICKET, status=Status.SOLVED), history=history)
    assert decision.outcome is Outcome.REESCALATED
    assert Reopen() in decision.actions
    assert {"ai_reescalated", "ai_safety"} <= tags_of(decision)


def test_even_thanks_with_such_words_reach_a_human():
    history = History(state=TicketState.AUTO_RESOLVED, auto_answered=True, acknowledged=True)
    thanks = replace(TICKET, messages=tuple(replace(m, thanks=True) for m in TICKET.messages))
    assert decide(ticket=thanks, history=history).outcome is Outcome.LEFT_ALONE
    assert decide(SELF_HARM, ticket=thanks, history=history).escalates


@pytest.mark.parametrize("kind", [MachineKind.AUTOMATIC, MachineKind.LOOP, MachineKind.ABSENCE])
def test_for_mail_that_looks_automatic_people_are_notified_and_no_reply_is_sent(kind):
    machine = Evidence(Grade.LIKELY, kind, "it says so", whole=kind is MachineKind.LOOP)
    ticket = replace(TICKET, messages=tuple(replace(m, machine=machine) for m in TICKET.messages))
    decision = decide(SELF_HARM, ticket=ticket)
    assert decision.escalates
    assert decision.priority is Priority.URGENT
    assert not any(isinstance(a, Reply) for a in decision.actions)
    assert {"ai_safety", "ai_automatic_mail"} <= tags_of(decision)
