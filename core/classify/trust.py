"""What an outside classifier's own confidence is worth: learned from messages whose intent we know, kept as JSON.

Without enough such messages nothing is known of it, and then it may suggest but not answer: its confidence stays below every
automatic threshold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.classify.calibrate import Array, Calibrator, fit_calibrator, score_evidence
from core.classify.evaluate import Judged, ece
from core.model import NO_INTENT

FEWEST = 100  # guesses on known messages; 59 right out of 59 would just prove 95 %
STRANGERS = 0.2  # the weight of background lines among the known messages
FEWEST_STRANGERS = 50  # known messages of no intent: from here on they stand for themselves
FOLDS = 5
BELOW = 0.001


@dataclass(frozen=True)
class Trust:
    """From the confidence a service claims to the one we act on."""

    calibrator: Calibrator | None = None
    most: float = 1.0

    def __call__(self, claimed: float) -> float:
        """Return what the claim is worth."""
        if self.calibrator is None:
            return min(claimed, self.most)
        return min(float(self.calibrator(score_evidence(np.array([claimed])))[0]), self.most)


def untried(thresholds: Sequence[float]) -> Trust:
    """For a service of which nothing is known: below every threshold from which an answer goes out by itself."""
    return Trust(most=max(min(thresholds) - BELOW, 0.0))


def learn(known: Sequence[Judged], background: Sequence[Judged]) -> tuple[Trust | None, dict[str, Any]]:
    """Trust learned from judged rows, and the report; None when they are too few to tell."""
    own = [row for row in known if row.guess != NO_INTENT]
    far = [row for row in background if row.guess != NO_INTENT]
    report: dict[str, Any] = {"rows": len(own), "right": sum(row.right for row in own)}
    if len(own) < FEWEST:
        reason = f"{len(own)} guesses on messages of known intent, {FEWEST} are needed"
        return None, {**report, "verdict": "kept", "reason": reason}
    many = sum(row.intent == NO_INTENT for row in known) >= FEWEST_STRANGERS
    share = 0.0 if many or not background else STRANGERS * len(far) / len(background)
    rows, weight = _weighed(own, [] if many else far, share)
    trial = _held_out(rows, weight)[: len(own)]
    report |= {
        "verdict": "replaced",
        "reason": f"learned from {len(own)} guesses",
        "ece_claimed": ece(own),
        "ece": ece([Judged(r.intent, r.guess, float(c)) for r, c in zip(own, trial, strict=True)]),
    }
    return Trust(_fitted(rows, weight)), report


def save(trust: Trust, path: Path) -> None:
    """Write it where `load` finds it, in one step."""
    if trust.calibrator is None:
        raise ValueError("nothing was learned that could be saved")
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".new")
    half.write_text(json.dumps({k: v.tolist() for k, v in trust.calibrator.arrays().items()}), "utf-8")
    half.replace(path)


def load(path: Path) -> Trust | None:
    """Return what `save` wrote; None when it never did. Raises ValueError when the file is damaged."""
    if not path.is_file():
        return None
    try:
        arrays: Mapping[str, Any] = {
            k: np.asarray(v, float) for k, v in json.loads(path.read_text("utf-8")).items()
        }
        return Trust(Calibrator.from_arrays(arrays))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}): delete it, or `backstop train --calibrate` again"
        ) from error


def _weighed(own: Sequence[Judged], far: Sequence[Judged], share: float) -> tuple[list[Judged], Array]:
    """Return all rows with their weights. A background line counts as wrong whatever is guessed of it."""
    strangers = [Judged(NO_INTENT, row.guess, row.confidence) for row in far]
    mass = [np.full(len(own), (1 - share) / len(own)), np.full(len(far), share / max(len(far), 1))]
    return [*own, *strangers], np.concatenate(mass)


def _fitted(rows: Sequence[Judged], weight: Array) -> Calibrator:
    claimed, right = np.array([r.confidence for r in rows]), np.array([r.right for r in rows])
    return fit_calibrator(score_evidence(claimed), right, weight)


def _held_out(rows: Sequence[Judged], weight: Array) -> Array:
    """Return each row's calibrated confidence by a calibrator that has not seen it."""
    fold, found = np.arange(len(rows)) % FOLDS, np.empty(len(rows))
    for number in range(FOLDS):
        seen = [row for row, f in zip(rows, fold, strict=True) if f != number]
        trust = Trust(_fitted(seen, weight[fold != number]))
        found[fold == number] = [
            trust(row.confidence) for row, f in zip(rows, fold, strict=True) if f == number
        ]
    return found
