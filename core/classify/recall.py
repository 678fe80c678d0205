"""How much of what is urgent is seen in each language: measured on held-out messages that nothing is learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.classify.multilingual import TARGET, Multilingual, alarms
from core.classify.plain import table
from core.classify.starter import URGENT, held_out
from core.classify.thresholds import lower_bound
from core.language import LANGUAGES
from core.model import NO_INTENT, Guess, Prediction

ANGRY = "complaint"  # neither urgent nor ordinary
CONFIDENCE = 0.95


def by_language(
    classifier: Multilingual, suspicion: float, languages: Iterable[str] = LANGUAGES
) -> list[dict[str, Any]]:
    """Return for each language the urgent messages seen (as urgent, or as a wish for a human), by kind and with a 95 %
    interval; the ordinary ones taken for urgent; those whose intent is ranked first; and whether the language is known."""
    return [_measured(classifier, language, suspicion) for language in languages]


def _measured(classifier: Multilingual, language: str, suspicion: float) -> dict[str, Any]:
    found = {
        intent: [(one, alarms(one, suspicion)) for one in map(classifier.predict, texts)]
        for intent, texts in held_out(language).items()
    }
    kinds = {kind: _counted(bool(seen) for _, seen in found[kind]) for kind in URGENT}
    ordinary = [
        (intent, row) for intent, rows in found.items() if intent not in {*URGENT, ANGRY} for row in rows
    ]
    asked = [(intent, one) for intent, (one, _) in ordinary if intent != NO_INTENT]
    seen = {key: sum(one[key] for one in kinds.values()) for key in ("right", "of")}
    return {
        "language": language,
        "known": classifier.known(language),
        "target": TARGET,
        "urgent": {**seen, "interval": interval(seen["right"], seen["of"])},
        "kinds": kinds,
        "falsely_urgent": _counted(bool(seen.keys() & set(URGENT[:-1])) for _, (_, seen) in ordinary),
        "ranked_right": _counted(first(one) == intent for intent, one in asked),
    }


def interval(right: int, of: int) -> tuple[float, float]:
    """Return the exact two-sided interval of a share."""
    sure = 1 - (1 - CONFIDENCE) / 2  # of each side
    return lower_bound(right, of, sure), 1 - lower_bound(of - right, of, sure)


def _counted(flags: Iterable[bool]) -> dict[str, int]:
    values = list(flags)
    return {"right": sum(values), "of": len(values)}


def first(found: Prediction) -> str:
    """Return the likeliest real intent."""
    guesses = (Guess(found.intent, found.confidence), *found.alternatives)
    return max(
        (g for g in guesses if g.intent != NO_INTENT), key=lambda g: g.confidence, default=guesses[0]
    ).intent


def plain_languages(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the figures for people."""

    def share(one: Mapping[str, int]) -> str:
        return f"{one['right']} of {one['of']}"

    lines = [
        (
            row["language"],
            share(row["urgent"]),
            "{:.2f} to {:.2f}".format(*row["urgent"]["interval"]),
            *(share(row["kinds"][kind]) for kind in URGENT),
            share(row["falsely_urgent"]),
            share(row["ranked_right"]),
            "known" if row["known"] else "unknown: a human, high priority",
        )
        for row in rows
    ]
    head = (
        "language",
        "urgent seen",
        "95 % interval",
        *URGENT,
        "falsely urgent",
        "ranked first",
        "treated as",
    )
    return f"held-out messages; a language counts as known from {TARGET:.0%} of the urgent ones on\n\n{table(head, lines)}"
