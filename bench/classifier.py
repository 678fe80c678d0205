"""How good, how honest and how fast the embedded classifier is, beside plain TF-IDF + logistic regression in the same run.

    python bench/classifier.py --data DIR [--rows val] [--seeds 5] [--sizes 5,10,30] [--only few|full|speed]
        [--embeddings FILE.onnx [--tokenizer FILE] [--prefix "query: "]]

DIR holds clinc150/ and banking77/ as JSONL. `--rows val` is for choosing: CLINC's val rows and the oos rows beside them, and every
fourth Banking77 train row held back, with other draws; no test row is read. The default, `--rows test`, is for reporting what was
chosen: train rows train, test rows test, never mixed. Few-example rows: 20 intents drawn by seed, in traffic of which 30 % belongs to no
intent (a third each: other intents of the same set, the other set, CLINC's oos). With `--embeddings` the embedded one compares meaning
beside words, by the model of that file and the tokenizer.json beside it or at `--tokenizer`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from bench.classifier_speed import fit_plain, speed_table  # noqa: E402
from core.classify.linear import fit  # noqa: E402
from core.classify.meaning import Embedder, embedder  # noqa: E402
from core.classify.starter import starter  # noqa: E402
from core.model import NO_INTENT  # noqa: E402
from core.settings import Embeddings  # noqa: E402

AUTO = 0.85
OUTSIDE = 0.3
PRECISION, LEAK = 0.97, 0.04  # the points of the curve that are shown
HELD_BACK = 4  # every fourth Banking77 train row, where test rows may not be looked at
DRAWS = {"test": 0, "val": 100}  # the first seed
Row = dict[str, str]
Scored = tuple[list[str], np.ndarray]  # best intent and confidence that it is right
Train = Callable[[dict[str, list[str]]], Callable[[list[str]], Scored]]
Data = dict[str, list[Row]]  # train, asked
Sets = dict[str, Data]


def main() -> None:
    args = _arguments()
    every = MODELS | {"embedded": partial(_embedded, embed=_embedder(args))}
    models = {name: train for name, train in every.items() if args.model in name}
    if args.only in {"", "few", "full"}:
        data, oos = val_rows(args.data) if args.rows == "val" else test_rows(args.data)
        sizes = {n: {p: len(r) for p, r in d.items()} for n, d in data.items()}
        print(f"{args.rows} rows: {sizes}, oos {len(oos)}\n", flush=True)
    if args.only in {"", "few"}:
        first = DRAWS[args.rows]
        few_table(
            data, oos, range(first, first + args.seeds), [int(n) for n in args.sizes.split(",")], models
        )
    if args.only in {"", "speed"}:
        speed_table()
    if args.only in {"", "full"}:
        full_table(data, oos, models)


def test_rows(folder: Path) -> tuple[Sets, list[Row]]:
    """What is reported: learned from train rows, asked about test rows."""
    data = {
        name: {"train": _rows(folder / name / "train.jsonl"), "asked": _rows(folder / name / "test.jsonl")}
        for name in ("clinc150", "banking77")
    }
    return data, _rows(folder / "clinc150" / "oos_test.jsonl")


def val_rows(folder: Path) -> tuple[Sets, list[Row]]:
    """What settings are chosen by: no test row among them."""
    clinc, banking = folder / "clinc150", _rows(folder / "banking77" / "train.jsonl")
    seen: Counter[str] = Counter()
    parts: dict[bool, list[Row]] = {True: [], False: []}
    for row in banking:
        seen[row["label"]] += 1
        parts[seen[row["label"]] % HELD_BACK == 0].append(row)
    names = ("oos_plus_train", "oos_train", "oos_val")
    oos = {row["text"]: row for name in names for row in _rows(clinc / f"{name}.jsonl")}
    own = {"train": _rows(clinc / "train.jsonl"), "asked": _rows(clinc / "val.jsonl")}
    return {"clinc150": own, "banking77": {"train": parts[False], "asked": parts[True]}}, list(oos.values())


def few_table(
    data: Sets, oos: list[Row], seeds: Sequence[int], sizes: Sequence[int], models: Mapping[str, Train]
) -> None:
    """20 intents, few examples each, traffic with 30 % from outside."""
    print(
        "| data | model | examples | accuracy | precision >= .85 (worst draw) | coverage | ECE (of a perfect one) "
        "| leak near / far / oos | coverage at precision .97 | coverage / precision at near leak .04 | fit s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, other in (("banking77", "clinc150"), ("clinc150", "banking77")):
        for size in sizes:
            for model, train in models.items():
                runs = [_few(data[name], data[other]["asked"], oos, train, size, seed) for seed in seeds]
                m = {key: float(np.nanmean([run[key] for run in runs])) for key in runs[0]}
                worst = min(run["precision"] for run in runs)
                print(
                    f"| {name} | {model} | {size} | {m['accuracy']:.3f} | {m['precision']:.3f} ({worst:.3f}) | {m['coverage']:.3f} "
                    f"| {m['ece']:.3f} ({m['chance']:.3f}) | {m['near']:.3f} / {m['far']:.3f} / {m['oos']:.3f} "
                    f"| {m['at_precision']:.3f} | {m['at_leak']:.3f} / {m['precision_at_leak']:.3f} | {m['fit']:.1f} |",
                    flush=True,
                )
    print()


def _few(own: Data, other: list[Row], oos: list[Row], train: Train, size: int, seed: int) -> dict[str, float]:
    examples = drawn(own, size, seed)
    before = time.thread_time()
    predict = train(examples)
    seconds = time.thread_time() - before
    inside = [row for row in own["asked"] if row["label"] in examples]
    near = [row for row in own["asked"] if row["label"] not in examples][::3]
    groups = {
        "near": predict([r["text"] for r in near]),
        "far": predict([r["text"] for r in other[::3]]),
        "oos": predict([r["text"] for r in oos]),
    }
    return _measures(inside, predict([row["text"] for row in inside]), groups) | {"fit": seconds}


def drawn(own: Data, size: int, seed: int) -> dict[str, list[str]]:
    """Return so many examples of each of 20 intents, drawn by seed."""
    draw = np.random.default_rng(seed)
    intents = list(draw.choice(sorted({row["label"] for row in own["train"]}), 20, replace=False))
    examples = {}
    for intent in intents:
        texts = [row["text"] for row in own["train"] if row["label"] == intent]
        examples[str(intent)] = [texts[i] for i in draw.permutation(len(texts))[:size]]
    return examples


def full_table(data: Sets, oos: list[Row], models: Mapping[str, Train]) -> None:
    """All training rows; ECE and precision in scope, and the share of CLINC's oos that reaches the band."""
    print(
        "| data (all rows) | model | accuracy | ECE (of a perfect one) | precision / coverage >= .85 | precision .60-.85 | oos >= .85 "
        "| with 30 % oos: ECE, precision >= .85 | fit s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, parts in data.items():
        examples: dict[str, list[str]] = {}
        for row in parts["train"]:
            examples.setdefault(row["label"], []).append(row["text"])
        for model, train in models.items():
            before = time.thread_time()
            predict = train(examples)
            seconds = time.thread_time() - before
            found = predict([row["text"] for row in parts["asked"]])
            strangers = {"oos": predict([row["text"] for row in oos])}
            m = _measures(parts["asked"], found, strangers, outside=0.0)
            mixed = _measures(parts["asked"], found, strangers)
            print(
                f"| {name} | {model} | {m['accuracy']:.3f} | {m['ece']:.3f} ({m['chance']:.3f}) | {m['precision']:.3f} / {m['coverage']:.3f} "
                f"| {m['middle']:.3f} | {m['oos']:.3f} | {mixed['ece']:.3f}, {mixed['precision']:.3f} | {seconds:.0f} |",
                flush=True,
            )
    print()


def _measures(
    inside: list[Row], found: Scored, groups: dict[str, Scored], outside: float = OUTSIDE
) -> dict[str, float]:
    right = np.array([label == row["label"] for row, label in zip(inside, found[0], strict=True)])
    confidence = np.concatenate([found[1], *(group[1] for group in groups.values())])
    correct = np.concatenate([right, *(np.zeros(len(group[1]), bool) for group in groups.values())])
    mass = np.concatenate(
        [
            np.full(len(right), (1 - outside) / len(right)),
            *(np.full(len(g[1]), outside / len(groups) / len(g[1])) for g in groups.values()),
        ]
    )
    auto = confidence >= AUTO
    middle = (confidence >= 0.6) & ~auto
    draw = np.random.default_rng(0)
    perfect = [_ece(mass, confidence, draw.random(len(confidence)) < confidence) for _ in range(20)]
    return {
        "accuracy": float(right.mean()),
        "precision": _precision(mass, correct, auto),
        "coverage": float((found[1] >= AUTO).mean()),
        "middle": _precision(mass, correct, middle),
        "ece": _ece(mass, confidence, correct),
        "chance": float(np.mean(perfect)),
        **_curve(mass, correct, confidence, len(right), groups),
    } | {name: float((group[1] >= AUTO).mean()) for name, group in groups.items()}


def _ece(mass: np.ndarray, confidence: np.ndarray, correct: np.ndarray) -> float:
    bins = np.minimum((confidence * 15).astype(int), 14)
    return float(sum(abs((mass * (confidence - correct))[bins == b].sum()) for b in range(15)))


def _precision(mass: np.ndarray, correct: np.ndarray, chosen: np.ndarray) -> float:
    return float(mass[chosen & correct].sum() / max(mass[chosen].sum(), 1e-12))


def _curve(
    mass: np.ndarray, correct: np.ndarray, confidence: np.ndarray, inside: int, groups: dict[str, Scored]
) -> dict[str, float]:
    """What other thresholds would give: coverage at the asked precision, and at the asked near leak."""
    if "near" not in groups:
        return {}
    order = np.argsort(-confidence, kind="stable")
    share = np.cumsum((mass * correct)[order]) / np.cumsum(mass[order])
    good = [int(i) for i in np.flatnonzero(share >= PRECISION) if i >= 20]
    edge = float(np.quantile(groups["near"][1], 1 - LEAK))
    return {
        "at_precision": float((order[: good[-1] + 1] < inside).sum() / inside) if good else 0.0,
        "at_leak": float((confidence[:inside] > edge).mean()),
        "precision_at_leak": _precision(mass, correct, confidence > edge) or float("nan"),
    }


def _embedder(args: argparse.Namespace) -> Embedder | None:
    if not args.embeddings:
        return None
    model = str(args.embeddings)
    own = hashlib.sha256(args.embeddings.read_bytes()).hexdigest()
    return embedder(Embeddings(model=model, sha256=own, tokenizer=args.tokenizer, prefix=args.prefix))


def _embedded(examples: dict[str, list[str]], embed: Embedder | None = None) -> Callable[[list[str]], Scored]:
    model = fit(examples, starter().background, embed=embed)

    def predict(texts: list[str]) -> Scored:
        found = [p.alternatives[0] if p.intent == NO_INTENT else p for p in model.predict_many(texts)]
        return [guess.intent for guess in found], np.array([guess.confidence for guess in found])

    return predict


def _plain(examples: dict[str, list[str]]) -> Callable[[list[str]], Scored]:
    model = fit_plain(examples)

    def predict(texts: list[str]) -> Scored:
        shares = model.predict_proba(texts)
        return list(model.classes_[shares.argmax(axis=1)]), shares.max(axis=1)

    return predict


MODELS = {"plain TF-IDF + LR": _plain, "embedded": _embedded}


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def options(purpose: str | None) -> argparse.ArgumentParser:
    """Return the options of every bench on these rows; `purpose`: the script's docstring."""
    parser = argparse.ArgumentParser(
        description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("BACKSTOP_BENCH_DATA", "../shared/data"))
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", choices=["test", "val"], default="test")
    return parser


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    parser.add_argument("--sizes", default="5,10,30")
    parser.add_argument("--model", choices=["", "plain", "embedded"], default="", help="one of the two alone")
    parser.add_argument("--embeddings", type=Path, help="an ONNX sentence embedding model")
    parser.add_argument("--tokenizer", default="", help="its tokenizer.json, where it is not beside it")
    parser.add_argument("--prefix", default="", help='what its page says to put before a text, as "query: "')
    parser.add_argument("--only", choices=["", "few", "full", "speed"], default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
