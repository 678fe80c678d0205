"""What the automatic band is worth where most messages are of no intent, and what the desk's own unlabelled tickets do for it.

    python bench/share.py --data DIR [--rows val] [--seeds 5] [--size 10] [--tickets 300]

DIR as for bench/classifier.py, and the same rows. 20 intents are drawn by seed, and live traffic with a share of .3, .6 and .8 of no
intent, of which a third or a half is near one (other intents of the same set). The band begins where it is proven for the share that
is expected at first, for the one that so many tickets without labels show, and for the true one. "Worst" is the worst draw.
"""

from __future__ import annotations

import argparse
import os
import sys
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from bench.classifier import AUTO, DRAWS, Data, Row, drawn, options, test_rows, val_rows  # noqa: E402
from core.classify.linear import LinearClassifier, fit  # noqa: E402
from core.classify.starter import starter  # noqa: E402

TRUE = (0.3, 0.6, 0.8)
NEAR = {"a third near": 1 / 3, "half near": 1 / 2}
WAYS = ("expected", "estimated", "known")
Cell = tuple[float, float, float]  # coverage, right and answered per message


@dataclass(eq=False)
class Draw:
    """One classifier and the groups of messages that it is asked about, with which of them its best intent is right for."""

    model: LinearClassifier
    groups: list[list[str]]  # of an intent, near one, far, of none
    meant: list[str]
    seed: int
    made: dict[float, list[np.ndarray]] = field(default_factory=dict)

    def answered(self, share: float) -> list[np.ndarray]:
        """Return for each group which messages are answered with the band of this share; the first group's, and rightly."""
        floor = self.model.shares.floor(share)
        if floor not in self.made:
            model = copy(self.model)
            model.expect(share)
            found = [model.predict_many(texts, explained=False) for texts in self.groups]
            flags = [
                np.array([one.intent in model.intents and one.confidence >= AUTO for one in group])
                for group in found
            ]
            same = [one.intent == name for one, name in zip(found[0], self.meant, strict=True)]
            self.made[floor] = [*flags, flags[0] & np.array(same)]
        return self.made[floor]

    def estimated(self, share: float, near: float, tickets: int) -> float:
        """Return the share that tickets drawn from such traffic show."""
        chance = np.random.default_rng(self.seed)
        many = chance.multinomial(tickets, mixed(share, near))
        sure = [chance.choice(one, n) for one, n in zip(self.sure(), many, strict=True)]
        return self.model.shares.estimate(np.concatenate(sure), [None] * tickets)

    def sure(self) -> list[np.ndarray]:
        """Return how sure the model is of each message, by group."""
        if not hasattr(self, "_sure"):
            self._sure = [self.model.sure(texts) for texts in self.groups]
        return self._sure


def main() -> None:
    args = _arguments()
    data, oos = (val_rows if args.rows == "val" else test_rows)(args.data)
    first = DRAWS[args.rows]
    print("| data | true share | band by the share | coverage | precision >= .85 (worst draw) | estimated |")
    print("|---|---|---|---|---|---|")
    pooled: dict[str, list[Cell]] = {way: [] for way in WAYS}
    for name, other in (("banking77", "clinc150"), ("clinc150", "banking77")):
        strangers = [data[other]["asked"], oos]
        draws = [_draw(data[name], strangers, args.size, seed) for seed in range(first, first + args.seeds)]
        for kind, near in NEAR.items():
            for share in TRUE:
                for way in WAYS:
                    pooled[way] += _line(f"{name}, {kind}", draws, way, (share, near), args.tickets)
    for way, cells in pooled.items():
        print(f"pooled, {way}: precision {sum(c[1] for c in cells) / sum(c[2] for c in cells):.3f}")


def _draw(own: Data, strangers: list[list[Row]], size: int, seed: int) -> Draw:
    examples = drawn(own, size, seed)
    model = fit(examples, starter().background)
    inside = [row for row in own["asked"] if row["label"] in examples]
    near = [row for row in own["asked"] if row["label"] not in examples][::3]
    groups = [[row["text"] for row in rows] for rows in (inside, near, strangers[0][::3], strangers[1])]
    return Draw(model, groups, [row["label"] for row in inside], seed)


def _line(name: str, draws: list[Draw], way: str, true: tuple[float, float], tickets: int) -> list[Cell]:
    share = true[0]
    taken = [
        {"expected": one.model.shares.start, "known": share}.get(way) or one.estimated(*true, tickets)
        for one in draws
    ]
    cells = [_cell(one.answered(at), *true) for one, at in zip(draws, taken, strict=True)]
    precision = sum(c[1] for c in cells) / sum(c[2] for c in cells)
    worst = min(c[1] / c[2] for c in cells)
    coverage = np.mean([c[0] for c in cells])
    print(
        f"| {name} | {share} | {way} | {coverage:.3f} | {precision:.3f} ({worst:.3f}) | {np.mean(taken):.2f} |",
        flush=True,
    )
    return cells


def _cell(answered: list[np.ndarray], share: float, near: float) -> Cell:
    *groups, right = (one.mean() for one in answered)
    parts = mixed(share, near)
    return groups[0], parts[0] * right, sum(p * g for p, g in zip(parts, groups, strict=True))


def mixed(share: float, near: float) -> list[float]:
    """Return the parts of traffic: of an intent, near one, far, of none."""
    return [1 - share, share * near, share * (1 - near) / 2, share * (1 - near) / 2]


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--size", type=int, default=10)
    parser.add_argument("--tickets", type=int, default=300)
    return parser.parse_args()


if __name__ == "__main__":
    main()
