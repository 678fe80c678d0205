"""The decision about a message that a human must always see: self-harm, threats, legal steps and the like. Pure.

Which messages these are is found by their words (`core.classify.safety`), beside the classifier. Whatever the
guess, it is not answered automatically, the ticket is marked, and the safety channel is notified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.model import (
    Action,
    AddNote,
    AddTags,
    Danger,
    Decision,
    History,
    Outcome,
    Priority,
    Reply,
    Rules,
    SetPriority,
)

RULE = "safety"
"""The name of this rule in a decision."""

AUDIENCE = "safety"
"""The audience of `[safety]`: its channels are notified in place of the team's."""


def why(dangers: Sequence[Danger]) -> str:
    """Return why a human must see it, without a word of the customer's."""
    return f"it is about {_listed([one.title for one in dangers])}: a human must see it"


def raised(decision: Decision, dangers: Sequence[Danger], history: History, rules: Rules) -> Decision:
    """Return the decision as it is for such a message: marked, raised, noted with the words that say so. While the
    ticket waits for a human because of the same topics, nobody is called twice."""
    waiting = decision.outcome is Outcome.LEFT_ALONE
    if waiting and all(one.title in history.reason for one in dangers):
        return decision
    priority = min(decision.priority, rules.safety, key=lambda p: p.rank)
    tags = [tag for one in decision.actions if isinstance(one, AddTags) for tag in one.tags]
    others = [one for one in decision.actions if not isinstance(one, AddTags | SetPriority | AddNote | Reply)]
    said = [one for one in decision.actions if isinstance(one, Reply)]
    actions: list[Action] = [AddTags((*tags, f"{rules.tag_prefix}safety")), *others]
    if priority is not Priority.NORMAL:
        actions.append(SetPriority(priority))
    note = AddNote("note", {"why": f"{why(dangers)} ({'; '.join(map(_quoted, dangers))})"})
    return replace(
        decision,
        outcome=Outcome.ROUTED if waiting else decision.outcome,
        reason=why(dangers),
        priority=priority,
        queue=decision.queue or history.queue,
        actions=(*actions, note, *said),
        escalates=True,
        rule=RULE,
    )


def _quoted(one: Danger) -> str:
    return f"{one.title}: {', '.join(f'“{words}”' for words in one.words)}"


def _listed(titles: Sequence[str]) -> str:
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
