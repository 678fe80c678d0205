"""Decide about a machine's mail, and about a reply that only thanks. Pure.

"Do not write to the customer" and "notify nobody" are two decisions. The first is taken when anything says that a machine wrote;
the second only with proof, or where a reply adds nothing to a ticket that we dealt with. Mail that merely looks
automatic is handled like every other message, without an answer to its sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core import safety
from core.model import (
    NO_INTENT,
    Action,
    AddNote,
    AddTags,
    Band,
    Decision,
    Evidence,
    Grade,
    History,
    MachineKind,
    Message,
    Outcome,
    Prediction,
    Priority,
    Reply,
    Rules,
    SetPriority,
    SetQueue,
    Solve,
    Status,
    Ticket,
    TicketState,
)

RULE, CALM, THANKS = "machine mail", "automatic mail", "thanks"
"""The names of these rules in a decision. `automatic mail` climbs no ladder beyond the team."""

_REPLIES = {
    MachineKind.ABSENCE,
    MachineKind.ACKNOWLEDGMENT,
    MachineKind.RECEIPT,
    MachineKind.CALENDAR,
    MachineKind.REACTION,
    MachineKind.BOUNCE,
}
"""Kinds that answer a message of ours."""
_NEVER_PEOPLE = {
    MachineKind.BULK,
    MachineKind.REPORT,
    MachineKind.BOUNCE,
    MachineKind.RECEIPT,
    MachineKind.CALENDAR,
}
"""Kinds whose texts no person writes to a help desk."""
_ALARMING = {Priority.URGENT, Priority.HIGH}


def written_by(messages: Sequence[Message]) -> Evidence | None:
    """Return the weakest evidence among these messages; None when any of them is a person's."""
    found = [one.machine for one in messages]
    if not found or None in found:
        return None
    likely = [one for one in found if one is not None and one.grade is Grade.LIKELY]
    return min(likely, key=lambda one: one.whole) if likely else found[-1]


def heard(messages: Sequence[Message], prediction: Prediction, rules: Rules) -> Prediction:
    """Return what the words may be about. Where nobody says anything (a machine's own sentences, mere thanks), only a
    sure guess counts: nothing urgent is suspected in them."""
    evidence = written_by(messages)
    empty = evidence.whole if evidence is not None else bool(messages) and all(one.thanks for one in messages)
    if not empty:
        return prediction
    sure = prediction.confidence >= rules.route
    return replace(prediction, intent=prediction.intent if sure else NO_INTENT, alternatives=(), suspects=())


def proven(evidence: Evidence, history: History, rules: Rules) -> Decision:
    """Return the decision on a machine's mail: no answer, no acknowledgment, no notification; a new ticket is put in a queue."""
    why = f"a machine wrote it: {evidence.reason}"
    if history.state is not None and history.state != TicketState.RECEIVED:
        return Decision(Outcome.LEFT_ALONE, why)
    tags = AddTags((f"{rules.tag_prefix}{Outcome.GENERAL_QUEUE}", f"{rules.tag_prefix}automatic_mail"))
    return Decision(
        Outcome.GENERAL_QUEUE,
        f"{why}; put in the general queue, nobody is written to",
        band=Band.GENERAL,
        priority=Priority.LOW,
        queue=rules.general_queue,
        actions=(tags, SetQueue(rules.general_queue)) if rules.general_queue else (tags,),
        rule=RULE,
    )


def adds_nothing(
    ticket: Ticket, messages: Sequence[Message], priority: Priority, history: History, rules: Rules
) -> Decision | None:
    """Return what to do about a reply that needs nobody: an automatic one, or mere thanks, on a ticket that we dealt
    with; None when somebody must see it."""
    if priority in _ALARMING or not (history.auto_answered or history.acknowledged):
        return None
    evidence = written_by(messages)
    if evidence is not None:
        quiet = evidence.grade is Grade.PROVEN or (evidence.whole and evidence.kind in _REPLIES)
        tag = THANKS if evidence.kind is MachineKind.REACTION else "automatic_mail"
        return (
            _solved_again(ticket, f"it adds nothing: {evidence.reason}", tag, history, rules)
            if quiet
            else None
        )
    if history.auto_answered and all(one.thanks for one in messages):
        return _solved_again(ticket, "the customer only thanks: the answer helped", THANKS, history, rules)
    return None


def _solved_again(ticket: Ticket, why: str, tag: str, history: History, rules: Rules) -> Decision:
    """Return the decision to solve the ticket again, without a notification: the desk reopens a solved ticket at every reply."""
    actions: tuple[Action, ...] = ()
    if history.auto_answered:
        solve = () if ticket.status is Status.SOLVED else (Solve(),)
        actions = (AddTags((f"{rules.tag_prefix}{tag}",)), *solve)
    rule = THANKS if tag == THANKS else RULE
    return Decision(
        Outcome.LEFT_ALONE, why, priority=history.priority or Priority.NORMAL, actions=actions, rule=rule
    )


def looks_automatic(decision: Decision, evidence: Evidence, rules: Rules) -> Decision:
    """Return the decision about a message that merely looks automatic: as for anybody, without a word to its sender."""
    if decision.outcome is Outcome.LEFT_ALONE:
        return decision
    why = f"looks automatic because {evidence.reason}"
    calm = _calm(decision, evidence)
    priority = Priority.LOW if calm else decision.priority
    actions = [_without_reply(one, why, priority, rules) for one in decision.actions]
    if not any(isinstance(one, AddNote) for one in actions):
        actions.append(AddNote("note", {"why": f"{decision.reason}; {why}"}))
    if calm and not any(isinstance(one, SetPriority) for one in actions):
        actions.append(SetPriority(priority))
    return replace(
        decision,
        reason=f"{decision.reason}; nobody is written to: it {why}",
        priority=priority,
        actions=tuple(one for one in actions if one is not None),
        rule=CALM if calm else decision.rule,
    )


def _without_reply(action: Action, why: str, priority: Priority, rules: Rules) -> Action | None:
    match action:
        case Reply() | Solve():
            return None
        case AddTags(tags):
            return replace(action, tags=(*tags, f"{rules.tag_prefix}automatic_mail"))
        case AddNote(facts=facts):
            return replace(action, facts={**facts, "why": f"{facts.get('why', '')}; {why}"})
        case SetPriority():
            return SetPriority(priority)
        case _:
            return action


def _calm(decision: Decision, evidence: Evidence) -> bool:
    """Return whether nobody need be called: its words say what machine wrote it, nothing in it is a person's or
    alarming; or the same words came so often that people were called about them before.

    A header or a sender's name alone never calms, nor does a note with a person's sentence in it: people's mail comes
    through lists and forms, and who asks for something may be on holiday, too.
    """
    if decision.rule == safety.RULE:
        return False
    if evidence.kind is MachineKind.LOOP:
        return evidence.whole
    if evidence.kind is MachineKind.AUTOMATIC or decision.priority is Priority.URGENT:
        return False
    return evidence.whole or (decision.priority not in _ALARMING and evidence.kind in _NEVER_PEOPLE)
