"""Does the threshold guarantee hold? Over random samples, how often does the recommended threshold's true precision miss 95 %.

    python bench/thresholds.py --data DIR [--splits 300]

The classifier learns from train rows; its guesses on all test rows (and 30 % of CLINC's out-of-scope rows) are the population. Each split
draws n labelled rows from it with replacement, so that the true precision of a threshold is known exactly: the population's own.
"""

from __future__ import annotations

import argparse
import os
import sys
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

PER_INTENT = 10


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
    for name in ("banking77", "clinc150"):
        population = _population(args.data, name)
        for n in (100, 300, 1000, 3000):
            _line(name, n, population, args.splits)


def _line(name: str, n: int, population: list[Judged], splits: int) -> None:
    draw = np.random.default_rng(n)
    found, naive = [], 0
    for _ in range(splits):
        sample = [population[i] for i in draw.integers(0, len(population), n)]
        found.append(recommend(sample))
        naive += _missed(population, _point_estimate(sample))
    used = [one for one in found if one.threshold is not None]
    missed = sum(_missed(population, one.threshold) for one in used)
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


def _missed(population: list[Judged], threshold: float | None) -> bool:
    if threshold is None:
        return False
    above = [row.right for row in population if row.guess != NO_INTENT and row.confidence >= threshold]
    return bool(above) and sum(above) / len(above) < TARGET


def _population(data: Path, name: str) -> list[Judged]:
    examples: dict[str, list[str]] = {}
    for row in read_examples(data / name / "train.jsonl"):
        examples.setdefault(row.intent, []).append(row.text)
    model = fit({intent: texts[:PER_INTENT] for intent, texts in examples.items()}, starter().background)
    inside = read_examples(data / name / "test.jsonl")
    outside = read_examples(data / "clinc150" / "oos_test.jsonl")
    more = [Example(outside[i % len(outside)].text, NO_INTENT) for i in range(len(inside) * 3 // 7)]
    return judge([*inside, *more], model)


if __name__ == "__main__":
    main()
