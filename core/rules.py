"""What the configuration means for a decision: the rules of each desk and the business hours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from core.classify.intents import intent_rules
from core.errors import ConfigError
from core.hours import Hours
from core.model import IntentRule, Mode, Priority, Rules
from core.sections import HoursSettings
from core.settings import Settings

HIGH = {Priority.URGENT, Priority.HIGH}
ALWAYS_HUMAN = {"billing_dispute", "account_compromise", "critical_bug", "human_request"}
EVERY_DAY = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")


def hours_of(settings: Settings, section: HoursSettings | None = None, key: str = "hours") -> Hours:
    """Return the business hours of a section, by default the file's; without a week every hour counts."""
    section = section or settings.hours
    try:
        return Hours.make(section.timezone, section.week or EVERY_DAY, section.holidays)
    except ValueError as err:
        raise ConfigError(f"{settings.path}: {key}: {err}") from err


def never_automatic(intents: Mapping[str, IntentRule]) -> frozenset[str]:
    """Return the intents that always go to a human, whatever the file says of a reply."""
    return frozenset({name for name, rule in intents.items() if rule.priority in HIGH} | ALWAYS_HUMAN)


def rules_for(settings: Settings, desk: Any, demoted: Collection[str] = ()) -> Rules:
    """Return the rules of one desk, with a version that changes when they do; `demoted` intents only suggest."""
    intents = {
        name: replace(rule, mode=Mode.SUGGEST) if name in demoted and rule.mode is Mode.ACT else rule
        for name, rule in intent_rules(settings).items()
    }
    facts = [settings.bands.model_dump(), desk.general_queue, desk.mode, desk.acknowledge]
    facts += [settings.safety.priority]
    facts += [[r.name, r.priority, r.queue, r.reply, r.action, r.mode, r.auto] for r in intents.values()]
    version = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
    return Rules(
        auto=settings.bands.auto,
        route=settings.bands.route,
        intents=intents,
        never_automatic=never_automatic(intents),
        general_queue=desk.general_queue,
        mode=desk.mode,
        tag_prefix=desk.tag_prefix,
        suspicion=settings.classifier.suspicion,
        safety=settings.safety.priority,
        acknowledge=desk.acknowledge,
        version=version,
    )
