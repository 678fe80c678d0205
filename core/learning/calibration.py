"""The outside classifier is asked about messages of known intent: what is its confidence worth?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.classify import trust
from core.classify.build import calibration_path
from core.classify.evaluate import Example, Judged, judged
from core.classify.intents import intent_rules
from core.classify.outside import bare
from core.classify.remote import FAILURES, FULL, Call
from core.classify.starter import starter
from core.classify.train import EPOCH
from core.errors import ConfigError, TryLater
from core.model import NO_INTENT
from core.ports import Guesser
from core.settings import Settings

MOST = 500  # each is a call that may cost money
LINES = 60  # of those that are no support intent


def calibrate(
    known: Sequence[Example], settings: Settings, step: Callable[[int], None] = lambda _answered: None
) -> dict[str, Any]:
    """Ask about the newest known messages and some background lines; keep what was learned when they were enough."""
    if settings.classifier.kind == "embedded":
        raise ConfigError("classifier.kind is embedded: it calibrates itself; only an outside one needs this")
    if len(known) < trust.FEWEST:
        raise ConfigError(
            f"{len(known)} messages of known intent, {trust.FEWEST} are needed: give a FILE, or --from DESK"
        )
    calls: list[Call] = []
    external = bare(settings.classifier, intent_rules(settings), FULL, calls.append)
    newest = sorted(known, key=lambda row: row.at or EPOCH, reverse=True)[:MOST]
    lines = starter().background[:: max(len(starter().background) // LINES, 1)]
    own = _asked(external, newest, step)
    far = _asked(external, [Example(line, NO_INTENT) for line in lines], step)
    learned, report = trust.learn(own, far)
    if learned:
        trust.save(learned, calibration_path(settings))
    return {**_counted(calls), "model": external.model, **report}


def _asked(external: Guesser, rows: Sequence[Example], step: Callable[[int], None]) -> list[Judged]:
    """Return its guesses. Raises TryLater when it fails again and again: what it says of the rest is not worth the
    wait."""
    found: list[Judged] = []
    failed = 0
    for row in rows:
        try:
            found.append(judged(row.intent, external.predict(row.text)))
            failed = 0
        except TryLater:
            failed += 1
            if failed >= FAILURES:
                raise
        step(len(found))
    return found


def _counted(calls: Sequence[Call]) -> dict[str, Any]:
    answered = [call for call in calls if call.outcome == "ok"]
    return {
        "asked": len(calls),
        "failed": len(calls) - len(answered),
        "seconds": sum(call.seconds for call in answered) / max(len(answered), 1),
        "tokens_in": sum(call.tokens_in for call in calls),
        "tokens_out": sum(call.tokens_out for call in calls),
        "cost": sum(call.cost for call in calls),
    }
