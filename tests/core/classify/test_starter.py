from __future__ import annotations

import pytest

from core.classify.linear import LinearClassifier
from core.classify.starter import starter
from core.model import NO_INTENT, Priority

SURE = {
    "where is my order 12345, it should have arrived last week": "order_status",
    "there is a charge on my card I did not make": "billing_dispute",
    "someone logged into my account and changed the email": "account_compromise",
    "your whole site is down, nobody can work": "critical_bug",
    "How do I reset my password?": "login_problem",
    "I want a refund": "refund_request",
    "I'd like to cancel my subscription please": "cancellation",
    "what are your opening hours?": "general_inquiry",
    "I want to talk to a human": "human_request",
}
VAGUE = [
    "hello",
    "",
    "😀",
    "asdf",
    "it does not work",
    "I have a question about my account",
    "tell me a joke",
    "help",
    "hmm so about that thing",
]


def test_every_starter_intent_has_priority_description_and_enough_examples() -> None:
    assert len(starter().intents) >= 20
    for intent in starter().intents:
        assert intent.description
        assert len(set(intent.examples)) >= 25, intent.name
    assert len(set(starter().background)) >= 250


def test_the_dangerous_starter_intents_are_urgent() -> None:
    urgent = {intent.name for intent in starter().intents if intent.priority is Priority.URGENT}
    assert urgent == {"billing_dispute", "account_compromise", "critical_bug"}


@pytest.mark.parametrize(("text", "intent"), SURE.items())
def test_a_plain_request_is_recognised_with_confidence(
    embedded: LinearClassifier, text: str, intent: str
) -> None:
    found = embedded.predict(text)
    assert (found.intent, found.confidence >= 0.85) == (intent, True)


@pytest.mark.parametrize("text", VAGUE)
def test_a_vague_message_is_no_intent_or_a_weak_guess(embedded: LinearClassifier, text: str) -> None:
    found = embedded.predict(text)
    assert found.intent == NO_INTENT or found.confidence < 0.6
    assert all(guess.confidence < 0.6 for guess in found.alternatives)
