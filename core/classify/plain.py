"""Reports for people: plain lines and aligned columns, no colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned, numbers as people read them, "–" for what cannot be said."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def plain_evaluation(found: Mapping[str, Any]) -> str:
    """Return an evaluation for people."""
    intents = [(name, r["rows"], r["precision"], r["recall"]) for name, r in found["intents"].items()]
    bands = [
        (name, r["rows"], r["precision"], r["coverage"], r["outside_share"])
        for name, r in found["bands"].items()
    ]
    wrong = [(r["intent"], r["guess"], r["rows"]) for r in found["confusions"]]
    head = f"{found['model']}: {found['rows']} messages, {found['outside']} of no intent"
    return "\n\n".join(
        [
            f"{head}\naccuracy {_cell(found['accuracy'])}, calibration error {_cell(found['ece'])}",
            table(("band", "rows", "right", "coverage", "of no intent"), bands),
            table(("intent", "rows", "precision", "recall"), intents),
            table(("meant", "taken for", "rows"), wrong) if wrong else "no confusions",
        ]
    )


def plain_thresholds(found: Mapping[str, Any]) -> str:
    """Recommended thresholds for people."""
    rows = [
        (r["intent"], r["mode"], r["threshold"], r["n"], r["right"], r["bound"], r["coverage"], r["reason"])
        for r in [found["overall"], *found["intents"]]
    ]
    head = f"{found['date']}: precision {found['target']:.0%} with {found['confidence']:.0%} confidence"
    columns = ("intent", "mode", "auto at", "n", "right", "bound", "coverage", "why")
    return f"{head}\n\n{table(columns, rows)}"


def plain_training(found: Mapping[str, Any]) -> str:
    """Return what training came to, for people."""
    lines = [
        f"{found['verdict']}: {found['reason']}",
        f"{found['used']} examples of {len(found['intents'])} intents",
    ]
    lines += [f"left out: {r['intent']} ({r['reason']})" for r in found["refused"]]
    rows = [
        (side, *(found[side][key] for key in MEASURES))
        for side in ("candidate", "current")
        if found.get(side)
    ]
    return "\n".join(lines) + ("\n\n" + table(("model", *MEASURES), rows) if rows else "")


def plain_calibration(found: Mapping[str, Any]) -> str:
    """Return what asking an outside classifier came to, for people."""
    head = (
        f"{found['model']}: asked about {found['asked']} messages, {found['failed']} without an answer; "
        f"{found['seconds']:.2f} s each, cost {found['cost']:.4f}"
    )
    said = f"{found['verdict']}: {found['reason']}; {found['right']} of {found['rows']} guesses were right"
    if found["verdict"] != "replaced":
        return f"{head}\n{said}"
    gap = f"calibration error {_cell(found['ece_claimed'])} as claimed, {_cell(found['ece'])} as calibrated"
    return f"{head}\n{said}\n{gap}\n\nStart `backstop serve` (or the workers) again to use it."


MEASURES = ("rows", "accuracy", "ece", "auto_precision", "auto_coverage")


def plain_whatif(found: Mapping[str, Any]) -> str:
    """Return a replay for people."""
    keys = ("answered", "routed", "general", "paged", "paged_at_night", "wrong_answers", "disagreements")
    rows = [(key.replace("_", " "), found["now"][key], found["then"][key]) for key in keys]
    edges = (
        "",
        *(f"auto {found[side]['auto']:.2f} route {found[side]['route']:.2f}" for side in ("now", "then")),
    )
    return f"{found['tickets']} tickets, nothing was written\n\n{table(edges, rows)}"
