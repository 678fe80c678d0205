"""Judge mail that the desk suspended or took for spam: is it genuine? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.model import HeldBack, Prediction, Priority, Rules
from core.policy import UNREADABLE, guesses, suspected, suspicious


@dataclass(frozen=True)
class Judged:
    """`why` in words for the team; `urgent`: the team is notified at once, not by the next digest."""

    genuine: bool
    urgent: bool
    why: str


def judge(
    entry: HeldBack, prediction: Prediction, rules: Rules, *, known_customer: bool, machine: str
) -> Judged:
    """Judge whether a person who needs an answer most likely wrote it. `machine`: why its words or sender are a
    machine's, or ""."""
    alarming = {name for name, rule in rules.intents.items() if rule.priority is Priority.URGENT}
    urgent = bool(prediction.dangers) or any(
        one.intent in alarming and suspicious(one, rules) for one in guesses(prediction)
    )
    sure = prediction.intent in rules.intents and prediction.confidence >= rules.route
    human = suspected(prediction, rules, rules.human_request)
    if entry.by_machine or machine:
        return Judged(False, False, machine or f"the desk says: {entry.cause}")
    reasons = [
        (known_customer, "a known customer wrote it"),
        (bool(entry.ticket_id), f"it belongs to ticket {entry.ticket_id}"),
        (urgent, "it may be urgent"),
        (human, "it asks for a person"),
        (sure, f"it reads like {prediction.intent}"),
        (prediction.model == UNREADABLE.model, "it could not be read"),
    ]
    why = "; ".join(words for holds, words in reasons if holds)
    return Judged(bool(why), bool(why) and urgent, why or "nothing speaks for a customer")
