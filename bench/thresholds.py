"""Does the threshold guarantee hold? Over random samples, how often does the recommended threshold's true precision miss 95 %.

    python bench/thresholds.py --data DIR [--splits 300]

A desk of 20 intents with 30 examples each (train rows) gets traffic of which 30 % belongs to no intent (test rows, as in
bench/classifier.py). Five such desks a set. Each split draws n labelled rows from a desk's traffic with replacement, so that the true
precision of a threshold is known exactly: the traffic's own.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from core.classify.evaluate import Example, Judged, judge, read_examples  # noqa: E402
from core.classify.linear import fit  # noqa: E402
from core.classify.starter import starter  # noqa: E402
from core.classify.thresholds import TARGET, lower_bound, recommend  # noqa: E402
from core.model import NO_INTENT  # noqa: E402

INTENTS, PER_INTENT, DESKS = 20, 30, 5
OUTSIDE = 0.3


@dataclass(frozen=True)
class Traffic:
    """What a desk's classifier says of every message that may come, and how often each comes."""

    rows: list[Judged]
    mass: np.ndarray

    def __post_init__(self) -> None:
        facts = [(row.guess != NO_INTENT, row.right, row.confidence) for row in self.rows]
        guessed, right, confidence = map(np.array, zip(*facts, strict=True))
        object.__setattr__(self, "_facts", (guessed, right, confidence))

    def missed(self, threshold: float | None) -> bool:
        """Whether the guesses from this threshold on are less often right than the target asks."""
        if threshold is None:
            return False
        guessed, right, confidence = self._facts  # type: ignore[attr-defined]
        above = guessed & (confidence >= threshold)
        return bool(above.any()) and self.mass[above & right].sum() / self.mass[above].sum() < TARGET


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("BACKSTOP_BENCH_DATA", "../shared/data"))
    )
    parser.add_argument("--splits", type=int, default=300)
    args = parser.parse_args()
    print(
        "| data | rows a split | recommended | median threshold | median coverage | missed the target | of splits | by point estimate |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, other in (("banking77", "clinc150"), ("clinc150", "banking77")):
        desks = [_traffic(args.data, name, other, seed) for seed in range(DESKS)]
        for n in (100, 300, 1000, 3000):
            _line(name, n, desks, args.splits)


def _line(name: str, n: int, desks: list[Traffic], splits: int) -> None:
    draw = np.random.default_rng(n)
    used, missed, naive = [], 0, 0
    for number in range(splits):
        desk = desks[number % len(desks)]
        sample = [desk.rows[i] for i in draw.choice(len(desk.rows), n, p=desk.mass)]
        found = recommend(sample)
        used += [found] if found.threshold is not None else []
        missed += desk.missed(found.threshold)
        naive += desk.missed(_point_estimate(sample))
    middle = float(np.median([one.threshold for one in used])) if used else float("nan")
    share = float(np.median([one.coverage for one in used])) if used else 0.0
    sure = 1 - lower_bound(splits - missed, splits)
    print(
        f"| {name} | {n} | {len(used) / splits:.0%} | {middle:.2f} | {share:.0%} | {missed} = {missed / splits:.1%} (at most {sure:.1%}) "
        f"| {splits} | {naive / splits:.0%} |",
        flush=True,
    )


def _point_estimate(rows: list[Judged]) -> float | None:
    """What one would do without a bound: the lowest threshold whose measured precision reaches the target."""
    guesses = sorted((row for row in rows if row.guess != NO_INTENT), key=lambda row: -row.confidence)
    right = np.cumsum([row.right for row in guesses]) / np.arange(1, len(guesses) + 1)
    good = [row.confidence for row, share in zip(guesses, right, strict=True) if share >= TARGET]
    return min(good) if good else None


def _traffic(data: Path, name: str, other: str, seed: int) -> Traffic:
    examples: dict[str, list[str]] = {}
    for row in read_examples(data / name / "train.jsonl"):
        examples.setdefault(row.intent, []).append(row.text)
    draw = np.random.default_rng(seed)
    intents = {str(one) for one in draw.choice(sorted(examples), INTENTS, replace=False)}
    learned = {
        one: [examples[one][i] for i in draw.permutation(len(examples[one]))[:PER_INTENT]]
        for one in sorted(intents)
    }
    model = fit(learned, starter().background)
    own = read_examples(data / name / "test.jsonl")
    strangers = (
        [row for row in own if row.intent not in intents][::3],
        read_examples(data / other / "test.jsonl")[::3],
        read_examples(data / "clinc150" / "oos_test.jsonl"),
    )
    parts = [[row for row in own if row.intent in intents]]
    parts += [[Example(row.text, NO_INTENT) for row in part] for part in strangers]
    shares = [1 - OUTSIDE] + [OUTSIDE / len(strangers)] * len(strangers)
    mass = np.concatenate(
        [np.full(len(part), share / len(part)) for part, share in zip(parts, shares, strict=True)]
    )
    return Traffic(judge([row for part in parts for row in part], model), mass / mass.sum())


if __name__ == "__main__":
    main()
