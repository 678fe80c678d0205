"""Ticket + Prediction + History + Rules → Decision. Pure. The questions in order, each answered "left alone" or
passed on: may the ticket be changed? Does a human handle it? Is it a reply to what we did? Only then does the
confidence decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core import automatic, safety
from core.model import (
    NO_INTENT,
    Action,
    AddNote,
    AddTags,
    Author,
    Band,
    Decision,
    Grade,
    Guess,
    History,
    IntentRule,
    Message,
    Mode,
    Outcome,
    Prediction,
    Priority,
    Reopen,
    Reply,
    Rules,
    RunAction,
    SetFields,
    SetPriority,
    SetQueue,
    Solve,
    Status,
    Ticket,
    TicketState,
    whole_percent,
)
from core.outgoing import answered, held

SET_ASIDE = "set aside"
"""The rule of a decision that leaves a ticket alone because of the state that it is in."""

UNREADABLE = Prediction(NO_INTENT, 0.0, model="none")
"""The prediction that is used when the classifier is down or the message cannot be read."""


def decide(
    ticket: Ticket, messages: Sequence[Message], prediction: Prediction, history: History, rules: Rules
) -> Decision:
    """Return what to do about `messages`, the customer's words not yet dealt with (oldest first)."""
    aside, alone = set_aside(ticket, history), not_ours(ticket, messages)
    if aside or alone:
        rule = "" if alone else SET_ASIDE
        return _stamp(Decision(Outcome.LEFT_ALONE, aside or alone, rule=rule), prediction, rules)
    return _stamp(_wanted(ticket, messages, prediction, history, rules), prediction, rules)


def _wanted(
    ticket: Ticket, messages: Sequence[Message], prediction: Prediction, history: History, rules: Rules
) -> Decision:
    """Return the decision for a ticket that may be changed, by whomever the message was written."""
    prediction = automatic.heard(messages, prediction, rules)
    rule = _rule(prediction.intent, rules)
    priority = _priority(prediction, rule, rules)
    machine, dangers = automatic.written_by(messages), prediction.dangers
    nothing = automatic.adds_nothing(ticket, messages, priority, history, rules)
    if nothing is not None and not (dangers and machine is None):
        return nothing
    if machine is not None and machine.grade is Grade.PROVEN:
        return automatic.proven(machine, history, rules)
    heard = rules if machine is None else replace(rules, acknowledge=False)
    held = safety.why(dangers) if dangers else f"looks automatic because {machine.reason}" if machine else ""
    decision = _for_a_person(ticket, prediction, rule, priority, history, heard, held=held)
    decision = _with_cause(decision, prediction, rules)
    if dangers:
        decision = safety.raised(decision, dangers, history, rules)
    return decision if machine is None else automatic.looks_automatic(decision, machine, rules)


def _for_a_person(
    ticket: Ticket,
    prediction: Prediction,
    rule: IntentRule,
    priority: Priority,
    history: History,
    rules: Rules,
    *,
    held: str = "",
) -> Decision:
    """Return the decision on a person's message. `held`: why it is not answered automatically, however sure the guess is."""
    if history.auto_answered:
        return _again(ticket, prediction, rule, priority, history, rules)
    if history.escalated:
        return _still_waiting(prediction, priority, history, rules)
    if history.acknowledged:  # by the desk's own AI, which has promised a person
        rules = replace(rules, acknowledge=False)
    held = held or ("the desk's AI has handed it over to a person" if history.handed_over else "")
    return _first(ticket, prediction, rule, priority, rules, held=held)


def set_aside(ticket: Ticket, history: History) -> str:
    """Return why the ticket must not be changed in its present state; "" when it may be. When the state changes, the messages
    that arrived meanwhile are processed."""
    gone = {Status.CLOSED: "it is closed", Status.SPAM: "it is spam", Status.DELETED: "it is deleted"}
    if ticket.status in gone:
        return gone[ticket.status]
    if ticket.locked:
        return f"nothing can be added to it: {ticket.locked}"
    if ticket.status is Status.SOLVED and not history.auto_answered:
        return "it is solved"
    return "" if answered(ticket) or history.handed_over else held(ticket)


def not_ours(ticket: Ticket, messages: Sequence[Message]) -> str:
    """Return why there is nothing for us to do, in any state of the ticket; "" when there is."""
    if ticket.customer.is_staff or ticket.opened_by is Author.AGENT:
        return "staff opened it"
    if not messages:
        return "there is no customer message in it"
    return answered(ticket)


def _first(
    ticket: Ticket,
    prediction: Prediction,
    rule: IntentRule,
    priority: Priority,
    rules: Rules,
    *,
    held: str = "",
) -> Decision:
    """Return the decision by the three bands."""
    if suspected(prediction, rules, rules.human_request):
        return _route(
            ticket, prediction, rule, priority, rules, why="the customer asks for a human", human=True
        )
    band = band_of(prediction, rule, rules)
    if prediction.blind and band is Band.GENERAL:
        return _noted(_general(prediction, priority, rules), _blind(prediction))
    if prediction.blind:
        return _route(ticket, prediction, rule, priority, rules, why=_blind(prediction))
    if band is Band.AUTO:
        held = held or held_back(rule, priority, ticket, rules) or prediction.unread
        if not held:
            return _answer(prediction, rule, priority, rules)
        return _route(ticket, prediction, rule, priority, rules, why=held)
    if band is Band.ROUTE:
        between = f"{_limit(rules.route)} and {_limit(_auto(rule, rules))}"
        why = f"{_percent(prediction)}% is between {between}"
        return _route(ticket, prediction, rule, priority, rules, why=why)
    return _general(prediction, priority, rules)


def band_of(prediction: Prediction, rule: IntentRule, rules: Rules) -> Band:
    """Return the band: at or above auto: auto; at or above route: route; below, or none of the intents: general."""
    if prediction.intent == NO_INTENT or prediction.confidence < rules.route:
        return Band.GENERAL
    return Band.AUTO if prediction.confidence >= _auto(rule, rules) else Band.ROUTE


def held_back(rule: IntentRule, priority: Priority, ticket: Ticket, rules: Rules) -> str:
    """Return why a sure guess is not answered automatically; "" when it may be."""
    if rule.name in rules.never_automatic or priority in {Priority.URGENT, Priority.HIGH}:
        return f"{rule.name} is never answered automatically at priority {priority}"
    if not rule.reply and not rule.action:
        return f"{rule.name} has no reply"
    if Mode.SUGGEST in {rules.mode, rule.mode} or rule.mode is Mode.OBSERVE:
        return f"{rule.name} may only suggest"
    if not ticket.replyable:
        return "a reply does not reach the customer on this channel"
    return ""


def suspected(prediction: Prediction, rules: Rules, intent: str) -> bool:
    """Return whether this intent is the guess, a runner-up, or what a single sentence is about, above the floor."""
    return any(g.intent == intent and suspicious(g, rules) for g in guesses(prediction))


def suspicious(guess: Guess, rules: Rules) -> bool:
    """Return whether a guess is at or above the floor of its intent: its share of the rules' suspicion."""
    return (
        guess.intent != NO_INTENT and guess.confidence >= rules.suspicion * _rule(guess.intent, rules).doubt
    )


def guesses(prediction: Prediction) -> tuple[Guess, ...]:
    """Return the guess, its runner-ups, and what single sentences may be about."""
    return (Guess(prediction.intent, prediction.confidence), *prediction.alternatives, *prediction.suspects)


def _noted(decision: Decision, why: str, cause: str = "") -> Decision:
    """Return the decision with another reason, which a private note states before anything is sent to the customer."""
    said = [a for a in decision.actions if isinstance(a, Reply)]
    quiet = [a for a in decision.actions if not isinstance(a, Reply)]
    return replace(
        decision,
        reason=why,
        actions=(*quiet, AddNote("note", {"why": f"{why}; {cause}" if cause else why}), *said),
    )


def _blind(prediction: Prediction) -> str:
    """Return why a message in a language that we do not know well is for a person."""
    return f"it is written in a language ({prediction.blind}) in which an urgent message may be missed: please read it"


def _priority(prediction: Prediction, rule: IntentRule, rules: Rules) -> Priority:
    """Return the guess's own when it is sure enough, and that of any more urgent intent above the floor of suspicion."""
    own = rule.priority if prediction.confidence >= rules.route else Priority.NORMAL
    if prediction.intent == NO_INTENT:
        own = Priority.NORMAL
    if prediction.blind:
        own = min(own, Priority.HIGH, key=lambda p: p.rank)
    suspects = [_rule(g.intent, rules).priority for g in guesses(prediction) if suspicious(g, rules)]
    alarming = [p for p in suspects if p in {Priority.URGENT, Priority.HIGH}]
    return min([own, *alarming], key=lambda p: p.rank)


def _with_cause(decision: Decision, prediction: Prediction, rules: Rules) -> Decision:
    """Return the decision with a note that says why the priority is raised, for the person who is paged."""
    cause = _cause(decision.priority, prediction, rules) if decision.escalates else ""
    if not cause:
        return decision
    if not any(isinstance(a, AddNote) for a in decision.actions):
        return _noted(decision, decision.reason, cause)
    actions = (
        AddNote(a.template, {**a.facts, "why": f"{a.facts.get('why', decision.reason)}; {cause}"})
        if isinstance(a, AddNote)
        else a
        for a in decision.actions
    )
    return replace(decision, actions=tuple(actions))


def _cause(priority: Priority, prediction: Prediction, rules: Rules) -> str:
    """Return why a ticket is urgent or high, in words; "" when it is not, or not because of an intent."""
    meant = [
        g for g in guesses(prediction) if suspicious(g, rules) and _rule(g.intent, rules).priority is priority
    ]
    if priority not in {Priority.URGENT, Priority.HIGH} or not meant:
        return ""
    best = max(meant, key=lambda g: g.confidence)
    return f"{priority} because {best.intent} may be meant: {whole_percent(best.confidence)}%"


def _rule(intent: str, rules: Rules) -> IntentRule:
    return rules.intents.get(intent) or IntentRule(intent)


def _auto(rule: IntentRule, rules: Rules) -> float:
    return rule.auto if rule.auto is not None else rules.auto


def _percent(prediction: Prediction) -> int:
    return whole_percent(prediction.confidence)


def _limit(threshold: float) -> str:
    return f"{100 * threshold:.4g}%"  # 0.855 is not 86%


def _answer(prediction: Prediction, rule: IntentRule, priority: Priority, rules: Rules) -> Decision:
    tags = AddTags((f"{rules.tag_prefix}intent_{rule.name}",))
    mark = AddTags((f"{rules.tag_prefix}{Outcome.AUTO_RESOLVED}",), says="answer" if rule.reply else "")
    done: list[Action] = [Reply("answer", rule.reply), Solve()] if rule.reply else []
    if rule.action:
        done.append(RunAction(rule.action))
    return Decision(
        Outcome.AUTO_RESOLVED,
        f"{_percent(prediction)}% reaches {_limit(_auto(rule, rules))}: answered by the rule of {rule.name}",
        band=Band.AUTO,
        priority=priority,
        queue=rule.queue,
        actions=(tags, mark, _fields(prediction, Outcome.AUTO_RESOLVED), *done),
        rule=f"intents.{rule.name}",
    )


def _route(
    ticket: Ticket,
    prediction: Prediction,
    rule: IntentRule,
    priority: Priority,
    rules: Rules,
    *,
    why: str,
    human: bool = False,
) -> Decision:
    sure = prediction.confidence >= rules.route and prediction.intent != NO_INTENT
    queue = (rule.queue if sure else "") or rules.general_queue
    names = [f"intent_{rule.name}"] if sure else []
    names += [Outcome.ROUTED, TicketState.ESCALATED, *(["human_requested"] if human else [])]
    tags = AddTags(tuple(f"{rules.tag_prefix}{name}" for name in names))
    actions: list[Action | None] = [
        tags,
        _fields(prediction, Outcome.ROUTED),
        SetQueue(queue),
        _urgency(priority),
    ]
    actions += [AddNote("note", {"why": why}), *_acknowledgment(rules)]
    return Decision(
        Outcome.ROUTED,
        why,
        band=Band.ROUTE if band_of(prediction, rule, rules) is not Band.AUTO else Band.AUTO,
        priority=priority,
        queue=queue,
        actions=_only(actions),
        escalates=True,
        rule=f"intents.{rule.name}" if rule.name in rules.intents else "bands",
    )


def _general(prediction: Prediction, priority: Priority, rules: Rules) -> Decision:
    names = [Outcome.GENERAL_QUEUE, TicketState.ESCALATED]
    tags = AddTags(tuple(f"{rules.tag_prefix}{name}" for name in names))
    actions: list[Action | None] = [
        tags,
        _fields(prediction, Outcome.GENERAL_QUEUE),
        SetQueue(rules.general_queue),
        _urgency(priority),
        *_acknowledgment(rules),
    ]
    why = f"{_percent(prediction)}% is below {_limit(rules.route)}"
    return Decision(
        Outcome.GENERAL_QUEUE,
        "it belongs to none of the intents" if prediction.intent == NO_INTENT else why,
        band=Band.GENERAL,
        priority=priority,
        queue=rules.general_queue,
        actions=_only(actions),
        escalates=True,
        rule="bands.route",
    )


def _again(
    ticket: Ticket,
    prediction: Prediction,
    rule: IntentRule,
    priority: Priority,
    history: History,
    rules: Rules,
) -> Decision:
    """Return the decision after an automatic answer that did not help: a human, and no further automatic answer."""
    why = "the customer wrote again after an automatic answer"
    queue = _rule(history.intent, rules).queue or rule.queue or rules.general_queue
    raised = min(Priority.NORMAL, priority, key=lambda p: p.rank)
    tags = AddTags(
        tuple(f"{rules.tag_prefix}{name}" for name in (Outcome.REESCALATED, TicketState.ESCALATED))
    )
    actions: list[Action | None] = [tags, SetQueue(queue), _urgency(raised)]
    if ticket.status in {Status.SOLVED, Status.PENDING}:
        actions.append(Reopen())
    actions += [AddNote("note", {"why": why}), *([] if history.acknowledged else _acknowledgment(rules))]
    return Decision(
        Outcome.REESCALATED,
        why,
        band=Band.ROUTE,
        priority=raised,
        queue=queue,
        actions=_only(actions),
        escalates=True,
        rule="follow-up",
    )


def _still_waiting(prediction: Prediction, priority: Priority, history: History, rules: Rules) -> Decision:
    """Return the decision for a ticket that already waits for a human: nothing is said twice; a higher priority notifies the
    team at once."""
    before = history.priority or Priority.NORMAL
    if priority.rank >= before.rank or priority not in {Priority.URGENT, Priority.HIGH}:
        return Decision(
            Outcome.LEFT_ALONE, "it is waiting for a human already", priority=before, rule="follow-up"
        )
    tags = AddTags((f"{rules.tag_prefix}{priority}",))
    return Decision(
        Outcome.ROUTED,
        f"the new message may be about {prediction.intent}: raised from {before} to {priority}",
        band=Band.ROUTE,
        priority=priority,
        queue=history.queue,
        actions=_only(
            [tags, _urgency(priority), AddNote("note", {"why": "a further message raised the priority"})]
        ),
        escalates=True,
        rule="follow-up",
    )


def fallback(ticket: Ticket, why: str, history: History, rules: Rules, *, speak: bool = True) -> Decision:
    """Return the decision when something of ours is broken: the general queue, flagged and acknowledged."""
    base = _general(UNREADABLE, history.priority or Priority.NORMAL, rules)
    if not speak or history.acknowledged:
        base = replace(base, actions=tuple(a for a in base.actions if not isinstance(a, Reply)))
    return _stamp(replace(base, reason=why, rule="fallback"), UNREADABLE, rules)


def for_mode(decision: Decision, mode: Mode) -> Decision:
    """Return the decision of observe mode: no write and no notification; what would have been done is recorded."""
    return replace(decision, actions=(), escalates=False) if mode is Mode.OBSERVE else decision


def _acknowledgment(rules: Rules) -> list[Action]:
    return [Reply("acknowledgment", "acknowledgment")] if rules.acknowledge else []


def _urgency(priority: Priority) -> SetPriority | None:
    return SetPriority(priority) if priority is not Priority.NORMAL else None


def _fields(prediction: Prediction, outcome: str) -> SetFields:
    return SetFields(prediction.intent, _percent(prediction), outcome)


def _only(actions: Sequence[Action | None]) -> tuple[Action, ...]:
    """Return the actions without empty ones: no queue named, priority unchanged."""
    return tuple(a for a in actions if a is not None and not (isinstance(a, SetQueue) and not a.queue))


def _stamp(decision: Decision, prediction: Prediction, rules: Rules) -> Decision:
    return replace(
        decision, intent=prediction.intent, confidence=prediction.confidence, rules_version=rules.version
    )
