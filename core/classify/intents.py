"""The intents of a configuration: its own, and the starter ones that it does not name."""

from __future__ import annotations

from core.classify.starter import known
from core.model import IntentRule, Priority
from core.settings import Settings


def intent_rules(settings: Settings) -> dict[str, IntentRule]:
    """Return the configured intents, and the starter ones that the file does not name."""
    begin = {
        name: IntentRule(name, Priority(row["priority"]), doubt=row.get("doubt", 1.0))
        for name, row in known().items()
    }
    rules = dict(begin) if settings.classifier.starter else {}
    for name, one in settings.intents.items():
        base = begin.get(name, IntentRule(name))
        priority = one.priority or base.priority
        rules[name] = IntentRule(
            name, priority, one.queue, one.reply, one.action, one.mode, one.auto, base.doubt
        )
    return rules
