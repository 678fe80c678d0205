"""From template and facts to text: acknowledgments, answers, notes. Jinja, sandboxed, strict about what is missing.

Admins write replies; customers write names and messages. So templates run in `core.sandbox`, nothing undefined renders
as nothing, and what a customer wrote is never a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from core.errors import BrokenTemplate
from core.greeting import first_name
from core.hours import Hours
from core.language import LANGUAGES, guess, language_of
from core.model import (
    Action,
    AddNote,
    Decision,
    Guess,
    IntentRule,
    Outcome,
    Prediction,
    Reply,
    Ticket,
    whole_percent,
)
from core.promise_text import say
from core.sandbox import built_in, filled, is_ours, render, signed, spoken, template_of

ACKNOWLEDGMENT, SECOND_WORD, NOTE = "acknowledgment", "second_word", "note"
NAMES = [
    "",
    "Carla",
    "Łukasz",
    "O’Neil",
    "Anne-Marie",
    "李",
    "Ж",
    "Abcdefghijklmnopqrstuvwxy",
    "<b>",
    "{{ x }}",
    "%s",
]
SHORT = 300  # characters of the customer's message in a note
WORTH_NAMING = 0.01  # a guess of "0%" only confuses the reader


OnBroken = Callable[[BrokenTemplate], None]


def fill(
    env: SandboxedEnvironment,
    actions: Sequence[Action],
    decision: Decision,
    prediction: Prediction,
    ticket: Ticket,
    *,
    words: str,
    promise_at: datetime | None,
    now: datetime,
    hours: Hours,
    on_broken: OnBroken,
) -> tuple[Action, ...]:
    """Return the actions with their texts. Raises BrokenTemplate for an answer; for a broken acknowledgment or
    note `on_broken` is called, and our own text is used."""
    language = language_of(words, ticket.customer.locale)

    def text(action: Reply | AddNote) -> str:
        if isinstance(action, AddNote):
            facts = _note_facts(action, decision, prediction, words, promise_at, now, hours)
            return _ours_if_broken(env, action.template, facts, "en", on_broken)
        if action.purpose == ACKNOWLEDGMENT:
            return acknowledgment(env, action, ticket, promise_at, now, hours, language, on_broken)
        facts = _reply_facts(ticket, promise_at, now, hours, language)
        return signed(env, render(env, action.template, facts, language))

    return tuple(replace(a, text=text(a)) if isinstance(a, Reply | AddNote) else a for a in actions)


def acknowledgment(
    env: SandboxedEnvironment,
    reply: Reply,
    ticket: Ticket,
    promise_at: datetime | None,
    now: datetime,
    hours: Hours,
    language: str,
    on_broken: OnBroken,
) -> str:
    """Return the text of an acknowledgment, or of the second word; ours where the admin's is broken."""
    facts = _reply_facts(ticket, promise_at, now, hours, language)
    return signed(env, _ours_if_broken(env, reply.template, facts, language, on_broken))


def _ours_if_broken(
    env: SandboxedEnvironment, template: str, facts: Mapping[str, Any], language: str, on_broken: OnBroken
) -> str:
    try:
        return render(env, template, facts, language)
    except BrokenTemplate as err:
        on_broken(err)
        return render(built_in(), template, facts, language)


def foreign(env: SandboxedEnvironment, rule: IntentRule | None, words: str) -> str:
    """Return why a rule's reply is not in the language of the customer's words; "" when it is, or nobody can tell."""
    asked = guess(words)
    if rule is None or not rule.reply or not asked.sure:
        return ""
    if spoken(env, rule.reply, asked.language) in {"", asked.language}:
        return ""
    return f"there is no {rule.reply} in the customer's language ({asked.language})"


def check(
    env: SandboxedEnvironment, replies: Iterable[str], now: datetime, hours: Hours
) -> list[tuple[str, BrokenTemplate]]:
    """Render every text of the admin's in every language, with names of every kind; return language and fault
    of each that is broken. Our own are rendered by the tests."""
    found: list[tuple[str, BrokenTemplate]] = []
    for name in sorted({*replies, ACKNOWLEDGMENT, SECOND_WORD, NOTE}):
        languages = ("en",) if name == NOTE else LANGUAGES
        own = (tag for tag in languages if not is_ours(env, name, tag))
        faults = ((tag, _fault(env, name, tag, samples(name, tag, now, hours))) for tag in own)
        found += islice(((tag, fault) for tag, fault in faults if fault), 1)
    return found


def samples(name: str, language: str, now: datetime, hours: Hours) -> Iterator[dict[str, Any]]:
    """What a text may be filled with, case by case: the keys are its variables."""
    at = now + timedelta(hours=4)
    if name == NOTE:
        guess = Prediction("order_status", 0.7, (Guess("refund_request", 0.2),), "model", ("order",))
        decision = Decision(Outcome.ROUTED, "why", rule="rule", rules_version="1")
        note = _note_facts(AddNote(NOTE), decision, guess, "words", at, now, hours)
        yield from (note, note | {"alternatives": [], "evidence": (), "promise": ""})
        return
    promise = say(at, now, hours, language)
    for customer in dict.fromkeys(first_name(one) for one in NAMES):
        said = promise if customer else ""
        yield {"name": customer, "ticket_id": "4711", "language": language, "promise": said}


def _fault(
    env: SandboxedEnvironment, name: str, language: str, facts: Iterable[Mapping[str, Any]]
) -> BrokenTemplate | None:
    try:
        template, file = template_of(env, name, language)
        for one in facts:
            filled(template, file, one)
    except BrokenTemplate as err:
        return err
    return None


def _reply_facts(
    ticket: Ticket, promise_at: datetime | None, now: datetime, hours: Hours, language: str
) -> dict[str, Any]:
    """Return what a message to the customer may use. Nothing the customer wrote but a plausible first name."""
    return {
        "name": first_name(ticket.customer.name),
        "ticket_id": ticket.id,
        "promise": say(promise_at, now, hours, language) if promise_at else "",
        "language": language,
    }


def _note_facts(
    note: AddNote,
    decision: Decision,
    prediction: Prediction,
    words: str,
    promise_at: datetime | None,
    now: datetime,
    hours: Hours,
) -> dict[str, Any]:
    return {
        "intent": prediction.intent,
        "percent": whole_percent(prediction.confidence),
        "message": shortened(words),
        "alternatives": [
            {"intent": g.intent, "percent": whole_percent(g.confidence)}
            for g in prediction.alternatives[:2]
            if g.confidence >= WORTH_NAMING
        ],
        "evidence": prediction.evidence[:5],
        "why": note.facts.get("why", decision.reason),
        "rule": decision.rule,
        "rules_version": decision.rules_version,
        "model": prediction.model,
        "promise": say(promise_at, now, hours, "en") if promise_at else "",
    }


def shortened(words: str) -> str:
    """Return one line, cut between words."""
    line = re.sub(r"\s+", " ", words).strip()
    return line if len(line) <= SHORT else line[:SHORT].rsplit(" ", 1)[0] + " …"
