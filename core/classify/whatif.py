"""Replays past tickets through other thresholds. Reads rows, writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.classify.evaluate import Judged, band_of
from core.model import NO_INTENT, Priority

NIGHT = (time(22), time(7))
PAGED = frozenset({Priority.URGENT, Priority.HIGH})


@dataclass(frozen=True)
class Past:
    """One past ticket: what was predicted, and what humans finally made of it ("" while unknown)."""

    at: datetime
    guess: str
    confidence: float
    human_intent: str = ""
    human_queue: str = ""
    automatic: bool = True  # neither a follow-up nor any other message that rules keep from being answered


@dataclass(frozen=True)
class Handling:
    """The rules a replay needs: who may be answered, who is paged, who goes where."""

    answerable: Collection[str]
    priorities: Mapping[str, Priority]
    queues: Mapping[str, str]
    own_auto: Mapping[str, float]
    timezone: str = "UTC"
    night: tuple[time, time] = NIGHT


def replay(rows: Sequence[Past], auto: float, route: float, handling: Handling) -> dict[str, Any]:
    """Return what would have happened to these tickets at these thresholds."""
    total = dict.fromkeys(
        ("answered", "routed", "general", "paged", "paged_at_night", "wrong_answers", "disagreements"), 0
    )
    for row in rows:
        outcome = outcome_of(row, auto, route, handling)
        paged = outcome != "answered" and _paged(row, outcome, handling)
        total[outcome] += 1
        total["paged"] += paged
        total["paged_at_night"] += paged and at_night(row.at, handling)
        total["wrong_answers"] += outcome == "answered" and _disagrees(row, outcome, handling)
        total["disagreements"] += _disagrees(row, outcome, handling)
    return {"auto": auto, "route": route, **total}


def outcome_of(row: Past, auto: float, route: float, handling: Handling) -> str:
    """answered, routed or general."""
    limit = max(handling.own_auto.get(row.guess, auto), route)
    band = band_of(Judged(row.human_intent, row.guess, row.confidence), limit, route)
    urgent = handling.priorities.get(row.guess) in PAGED
    if band == "auto" and row.automatic and row.guess in handling.answerable and not urgent:
        return "answered"
    return "general" if band == "general" else "routed"


def at_night(at: datetime, handling: Handling) -> bool:
    """Return whether it was night at the desk."""
    return night(at, handling.timezone, handling.night)


def night(at: datetime, timezone: str, span: tuple[time, time] = NIGHT) -> bool:
    """Return whether it was night in this time zone: from ten to seven, unless `span` says otherwise."""
    clock = at.astimezone(ZoneInfo(timezone)).time()
    begin, end = span
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def _paged(row: Past, outcome: str, handling: Handling) -> bool:
    return outcome == "routed" and handling.priorities.get(row.guess) in PAGED


def _disagrees(row: Past, outcome: str, handling: Handling) -> bool:
    """Humans called it something else, or moved it elsewhere. What nobody judged disagrees with nothing."""
    if outcome == "general":
        return False
    if row.human_intent:
        return row.human_intent != row.guess
    planned = handling.queues.get(row.guess, "")
    return bool(row.human_queue and planned and row.human_queue != planned)


def curve(rows: Sequence[Past]) -> list[dict[str, Any]]:
    """Return precision against coverage of the automatic band at each whole per cent, over rows that humans labelled."""
    known = [row for row in rows if row.human_intent]
    points = []
    for percent in range(50, 100):
        above = [row for row in known if row.confidence >= percent / 100 and row.guess != NO_INTENT]
        hits = sum(row.guess == row.human_intent for row in above)
        precision = hits / len(above) if above else None
        points.append(
            {
                "auto": percent / 100,
                "n": len(above),
                "coverage": len(above) / max(len(known), 1),
                "precision": precision,
            }
        )
    return points


def plot_curve(rows: Sequence[Past], path: Path, marks: Sequence[float] = ()) -> None:
    """Draw precision against coverage into a PNG; `marks` are thresholds to point at."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot(
        xlabel="share of tickets answered automatically", ylabel="share right", ylim=(0, 1.02)
    )
    points = [point for point in curve(rows) if point["n"]]
    axes.plot([p["coverage"] for p in points], [p["precision"] for p in points], marker=".")
    for point in points:
        if point["auto"] in {round(mark, 2) for mark in marks}:
            axes.annotate(f"{point['auto']:.2f}", (point["coverage"], point["precision"]))
    figure.savefig(path, dpi=120, bbox_inches="tight")


def run_whatif(
    rows: Sequence[Past],
    handling: Handling,
    *,
    now: tuple[float, float],
    then: tuple[float, float],
    plot: Path | None = None,
) -> dict[str, Any]:
    """Return what the command prints as JSON: the thresholds of today beside others."""
    if plot:
        plot_curve(rows, plot, (now[0], then[0]))
    return {
        "tickets": len(rows),
        "labelled": sum(bool(row.human_intent) for row in rows),
        "now": replay(rows, *now, handling),
        "then": replay(rows, *then, handling),
        "curve": curve(rows),
    }
