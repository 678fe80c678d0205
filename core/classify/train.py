"""Learning from the desk: a candidate is trained on older tickets and must beat the current model on newer ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from core.classify.cache import save_all
from core.classify.evaluate import Example, Judged, bands, ece, judge
from core.classify.linear import LinearClassifier, fit
from core.classify.meaning import Embedder
from core.classify.multilingual import LEARNED, Multilingual
from core.classify.share import LEAST, PRIOR, SHARES, UNKNOWN
from core.classify.text import normalise
from core.language import guess
from core.model import NO_INTENT
from core.ports import Classifier

Lines = tuple[Mapping[str, Sequence[str]], Sequence[str]]
"""Examples by intent, and lines of none."""

FEWEST = 10
HELD_OUT = 0.2
FEWEST_HELD_OUT = 20
FEW_STRANGERS = 5
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Training:
    """The report, and the model to use from now on (None: keep the current one)."""

    report: dict[str, Any]
    candidate: Multilingual | None


def train(
    rows: Sequence[Example],
    current: Classifier | None = None,
    *,
    base: Mapping[str, Sequence[str]] | None = None,
    background: Sequence[str] = (),
    languages: Mapping[str, Lines] | None = None,
    fewest: int = FEWEST,
    auto: float = 0.85,
    route: float = 0.6,
    force: bool = False,
    embed: Embedder | None = None,
) -> Training:
    """Train on `rows` (and the configuration's `base` examples), compare on the newest fifth, decide.

    `languages`: examples and background lines of the languages that have a classifier of their own.
    """
    languages = languages or {}
    rows = _distinct(rows)
    kept, refused = _enough(rows, base or {}, fewest)
    older, newer = time_split(kept)
    report: dict[str, Any] = {
        "refused": refused,
        "used": len(kept),
        "intents": sorted({r.intent for r in kept} - {NO_INTENT}),
    }
    if not report["intents"]:
        reason = f"no intent has {fewest} labelled tickets: label more tickets, or use a longer period"
        return Training({**report, "verdict": "kept", "reason": reason}, None)
    trial = _fitted(older, base or {}, background, languages, embed)
    report["candidate"] = _measures(judge(newer, trial), auto, route)
    report["current"] = _measures(judge(newer, current), auto, route) if current else None
    better, reason = _better(report["candidate"], report["current"])
    if not better and not force:
        return Training({**report, "verdict": "kept", "reason": reason}, None)
    whole = _fitted(kept, base or {}, background, languages, embed)
    forced = "" if better else "forced, although "
    return Training({**report, "verdict": "replaced", "reason": forced + reason, "model": whole.model}, whole)


def time_split(rows: Sequence[Example], share: float = HELD_OUT) -> tuple[list[Example], list[Example]]:
    """Older rows to train, the newest `share` to test; what was asked in both is tested only."""
    ordered = sorted(rows, key=lambda row: row.at or EPOCH)
    cut = len(ordered) - round(len(ordered) * share)
    newer = ordered[cut:]
    known = {normalise(row.text) for row in newer}
    return [row for row in ordered[:cut] if normalise(row.text) not in known], newer


def _distinct(rows: Sequence[Example]) -> list[Example]:
    """Return each text once, with its newest label; empty texts teach nothing."""
    newest: dict[str, Example] = {}
    for row in sorted(rows, key=lambda row: row.at or EPOCH):
        newest[normalise(row.text)] = row
    return [row for key, row in newest.items() if key]


def _enough(
    rows: Sequence[Example], base: Mapping[str, Sequence[str]], fewest: int
) -> tuple[list[Example], list[dict[str, Any]]]:
    counts = Counter(row.intent for row in rows)
    thin = {
        name: n for name, n in counts.items() if name != NO_INTENT and n + len(base.get(name, ())) < fewest
    }
    refused = [
        {"intent": name, "rows": n, "reason": f"{n} examples, {fewest} are needed"}
        for name, n in sorted(thin.items())
    ]
    return [row for row in rows if row.intent not in thin], refused


def _fitted(
    rows: Sequence[Example],
    base: Mapping[str, Sequence[str]],
    background: Sequence[str],
    languages: Mapping[str, Lines],
    embed: Embedder | None,
) -> Multilingual:
    """Each row is learned by the classifier of the language it is surely written in, the others by the main one."""
    spoken: dict[str, list[Example]] = {}
    for row in rows:
        found = guess(row.text)
        spoken.setdefault(found.language if found.sure else "", []).append(row)
    outside = _outside(rows)
    mine = [row for language, said in spoken.items() if language not in languages for row in said]
    taught = tuple(sorted(one for one, said in spoken.items() if one and len(said) >= LEARNED))
    others = {
        language: partial(_learned, spoken.get(language, ()), *lines, outside, language, embed)
        for language, lines in languages.items()
    }
    main = replace(_learned(mine, base, background, outside, embed=embed), taught=taught)
    return Multilingual(main, others, frozenset(taught), frozenset(spoken) & frozenset(languages))


def _learned(
    rows: Sequence[Example],
    base: Mapping[str, Sequence[str]],
    background: Sequence[str],
    outside: float,
    language: str = "",
    embed: Embedder | None = None,
) -> LinearClassifier:
    examples = {name: list(texts) for name, texts in base.items()}
    nothing = list(background)
    # newest first: the cap drops the oldest
    for row in sorted(rows, key=lambda row: row.at or EPOCH, reverse=True):
        (nothing if row.intent == NO_INTENT else examples.setdefault(row.intent, [])).append(row.text)
    return fit(examples, nothing, outside=outside, model="trained", language=language, embed=embed)


def _outside(rows: Sequence[Example]) -> float:
    """Return the share of messages of no intent: what we expect of a desk that nobody knows weighs as much as `PRIOR`
    of its tickets."""
    strangers = sum(row.intent == NO_INTENT for row in rows)
    share = (strangers + PRIOR * UNKNOWN) / (len(rows) + PRIOR)
    least = UNKNOWN if strangers < FEW_STRANGERS else LEAST  # a desk may not label what is of no intent
    return min(max(share, least), SHARES[-1])


def _measures(rows: Sequence[Judged], auto: float, route: float) -> dict[str, Any]:
    top = bands(rows, auto, route)["auto"]
    right = sum(row.right for row in rows)
    return {
        "rows": len(rows),
        "right": right,
        "accuracy": right / len(rows) if rows else None,
        "ece": ece(rows),
        "auto_rows": top["rows"],
        "auto_precision": top["precision"],
        "auto_coverage": top["coverage"],
        "auto_wrong": sum(
            not row.right and row.confidence >= auto and row.guess != NO_INTENT for row in rows
        ),
    }


def _better(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Better means: more right, and the automatic band no less precise."""
    if new["rows"] < FEWEST_HELD_OUT:
        return False, f"only {new['rows']} newer tickets to compare on, {FEWEST_HELD_OUT} are needed"
    if old is None:
        return True, "there was no model before"
    said = f"{new['right']} of {new['rows']} newer tickets right, {old['right']} with the current model"
    if (new["auto_precision"] or 0) < (old["auto_precision"] or 0) and new["auto_wrong"] > old["auto_wrong"]:
        return False, f"{said}, but {new['auto_wrong']} wrong in the automatic band, {old['auto_wrong']} now"
    return new["right"] > old["right"], said


def run_train(
    rows: Sequence[Example], current: Classifier | None, target: Path, *, force: bool = False, **options: Any
) -> dict[str, Any]:
    """Train, write the candidate to `target` when it replaces the current model, and report as JSON."""
    result = train(rows, current, force=force, **options)
    if result.candidate:
        save_all(result.candidate, target)
    return result.report
