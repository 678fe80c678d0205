"""How good a classifier is on labelled messages: pure functions on rows, and a reader for files of them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from core.model import NO_INTENT, Prediction
from core.ports import Classifier

BINS = 10
CONFUSIONS = 20


@dataclass(frozen=True)
class Example:
    """One labelled message; `intent` is NO_INTENT where none fits, `at` when it came if known."""

    text: str
    intent: str
    at: datetime | None = None


@dataclass(frozen=True)
class Judged:
    """A labelled message with what the classifier said of it."""

    intent: str
    guess: str
    confidence: float

    @property
    def right(self) -> bool:
        """Whether the guess was right."""
        return self.guess == self.intent


@runtime_checkable
class InBulk(Protocol):
    """A classifier that reads many texts faster than one by one."""

    def predict_many(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one prediction for each text."""


def judge(examples: Sequence[Example], classifier: Classifier) -> list[Judged]:
    """Ask the classifier about every example, in bulk where it can."""
    if isinstance(classifier, InBulk):
        found = classifier.predict_many([example.text for example in examples])
    else:
        found = [classifier.predict(example.text) for example in examples]
    return [judged(example.intent, prediction) for example, prediction in zip(examples, found, strict=True)]


def judged(intent: str, prediction: Prediction) -> Judged:
    """Return one prediction beside its label."""
    return Judged(intent, prediction.intent, prediction.confidence)


def evaluate(rows: Sequence[Judged], auto: float = 0.85, route: float = 0.6) -> dict[str, Any]:
    """Return everything that can be said of judged rows, as a JSON-able dictionary."""
    return {
        "rows": len(rows),
        "outside": sum(row.intent == NO_INTENT for row in rows),
        "accuracy": _share(row.right for row in rows),
        "ece": ece(rows),
        "intents": per_intent(rows),
        "bands": bands(rows, auto, route),
        "reliability": reliability(rows),
        "confusions": confusions(rows),
    }


def per_intent(rows: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Return precision and recall of every intent that was meant or guessed; None where there is nothing to divide
    by."""
    table = {}
    for intent in sorted({row.intent for row in rows} | {row.guess for row in rows}):
        meant = [row for row in rows if row.intent == intent]
        guessed = [row for row in rows if row.guess == intent]
        table[intent] = {
            "rows": len(meant),
            "guessed": len(guessed),
            "precision": _share(row.right for row in guessed),
            "recall": _share(row.right for row in meant),
        }
    return table


def band_of(row: Judged, auto: float, route: float) -> str:
    """Return the band a guess falls into; "none of these" is always the general queue's."""
    if row.guess == NO_INTENT or row.confidence < route:
        return "general"
    return "auto" if row.confidence >= auto else "route"


def bands(rows: Sequence[Judged], auto: float, route: float) -> dict[str, dict[str, Any]]:
    """Return per band: its share of the rows in scope and out of scope, and how often the guess is right in it."""
    inside = sum(row.intent != NO_INTENT for row in rows)
    table = {}
    for band in ("auto", "route", "general"):
        mine = [row for row in rows if band_of(row, auto, route) == band]
        known = sum(row.intent != NO_INTENT for row in mine)
        table[band] = {
            "rows": len(mine),
            "precision": _share(row.right for row in mine),
            "coverage": known / inside if inside else None,
            "outside_share": (len(mine) - known) / (len(rows) - inside) if len(rows) > inside else None,
        }
    return table


def ece(rows: Sequence[Judged], bins: int = BINS) -> float | None:
    """Expected calibration error: how far confidence and truth are apart on average; None without rows."""
    if not rows:
        return None
    gaps: list[float] = [
        bin["rows"] * abs(bin["confidence"] - bin["right"]) for bin in reliability(rows, bins)
    ]
    return sum(gaps) / len(rows)


def reliability(rows: Sequence[Judged], bins: int = BINS) -> list[dict[str, Any]]:
    """Confidence against truth, bin by bin (empty bins left out)."""
    groups: dict[int, list[Judged]] = {}
    for row in rows:
        groups.setdefault(min(int(row.confidence * bins), bins - 1), []).append(row)
    return [
        {
            "from": number / bins,
            "to": (number + 1) / bins,
            "rows": len(group),
            "confidence": sum(row.confidence for row in group) / len(group),
            "right": sum(row.right for row in group) / len(group),
        }
        for number, group in sorted(groups.items())
    ]


def confusions(rows: Sequence[Judged], most: int = CONFUSIONS) -> list[dict[str, Any]]:
    """Return which intent was taken for which, most frequent first."""
    pairs = Counter((row.intent, row.guess) for row in rows if not row.right)
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [{"intent": intent, "guess": guess, "rows": count} for (intent, guess), count in ordered]


def plot_reliability(rows: Sequence[Judged], path: Path) -> None:
    """Draw confidence against truth into a PNG."""
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    figure = Figure(figsize=(5, 5))
    axes = figure.add_subplot(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    points = reliability(rows)
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--")
    axes.plot([p["confidence"] for p in points], [p["right"] for p in points], marker="o")
    for point in points:
        axes.annotate(f"n={point['rows']}", (point["confidence"], point["right"]), fontsize=7)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def read_examples(path: Path) -> list[Example]:
    """Labelled messages from CSV (header text,intent[,at]) or JSONL; `label` is taken for `intent`, "" for none."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist: give a .csv or .jsonl file with text and intent")
    content = path.read_text("utf-8-sig", errors="replace")
    rows = _jsonl(content, path) if path.suffix in {".jsonl", ".ndjson", ".json"} else _csv(content, path)
    return [_example(row, f"{path}:{line}") for line, row in rows]


def _csv(content: str, path: Path) -> Iterable[tuple[int, Mapping[str, object]]]:
    reader = csv.DictReader(io.StringIO(content))
    names = set(reader.fieldnames or ())
    if "text" not in names or not names & {"intent", "label"}:
        raise ValueError(
            f"{path}: the first line must name the columns text and intent, found {sorted(names)}"
        )
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num}: not readable as CSV: {error}") from error


def _jsonl(content: str, path: Path) -> Iterable[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: each line must be one JSON object: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f'{path}:{number}: each line must be an object like {{"text": …, "intent": …}}')  # noqa: TRY004
        yield number, row


def _example(row: Mapping[str, object], where: str) -> Example:
    text, intent = row.get("text"), row.get("intent", row.get("label"))
    if not isinstance(text, str) or not (intent is None or isinstance(intent, str)):
        raise ValueError(f"{where}: text and intent must both be text")
    at = row.get("at") or None
    try:
        when = datetime.fromisoformat(str(at)) if at else None
    except ValueError as error:
        raise ValueError(f"{where}: `at` must be a time like 2026-03-01T10:00:00Z, found {at!r}") from error
    return Example(
        text, intent or NO_INTENT, when if when is None or when.tzinfo else when.replace(tzinfo=UTC)
    )


def run_evaluate(
    examples: Sequence[Example],
    classifier: Classifier,
    *,
    auto: float,
    route: float,
    plot: Path | None = None,
) -> dict[str, Any]:
    """Return what the command prints as JSON; draws the reliability plot when asked to."""
    rows = judge(examples, classifier)
    if plot:
        plot_reliability(rows, plot)
    return {"model": classifier.model, "auto": auto, "route": route, **evaluate(rows, auto, route)}


def _share(flags: Iterable[bool]) -> float | None:
    values = list(flags)
    return sum(values) / len(values) if values else None
