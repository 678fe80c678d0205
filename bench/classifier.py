"""How good, how honest and how fast the embedded classifier is, beside plain TF-IDF + logistic regression in the same run.

    python bench/classifier.py --data DIR [--quick] [--seeds 5] [--skip-full]

DIR holds clinc150/ and banking77/ as JSONL; train rows train, test rows test, never mixed. Few-example rows: 20 intents drawn
by seed, tested in traffic of which 30 % belongs to no intent (a third each: other intents of the same set, the other set, CLINC's oos).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from core.classify.cache import load, save  # noqa: E402
from core.classify.linear import OUTSIDE as DEFAULT_OUTSIDE  # noqa: E402
from core.classify.linear import LinearClassifier, fit  # noqa: E402
from core.classify.starter import starter  # noqa: E402
from core.model import NO_INTENT  # noqa: E402

AUTO = 0.85
OUTSIDE = 0.3
Row = dict[str, str]
Scored = tuple[list[str], np.ndarray]  # best intent and confidence that it is right


def main() -> None:
    args = _arguments()
    if args.only_speed:
        speed_table()
        return
    data = {
        name: {part: _rows(args.data / name / f"{part}.jsonl") for part in ("train", "test")}
        for name in ("clinc150", "banking77")
    }
    oos = _rows(args.data / "clinc150" / "oos_test.jsonl")
    print(f"rows: { {n: {p: len(r) for p, r in d.items()} for n, d in data.items()} }, oos test {len(oos)}\n")
    seeds = 2 if args.quick else args.seeds
    if not args.only_full:
        few_table(data, oos, seeds, (10,) if args.quick else (5, 10, 30))
    if not (args.quick or args.skip_full):
        full_table(data, oos)
    speed_table()


def few_table(
    data: dict[str, dict[str, list[Row]]], oos: list[Row], seeds: int, sizes: Sequence[int]
) -> None:
    """20 intents, few examples each, traffic with 30 % from outside."""
    print(
        "| data | model | examples | accuracy | precision >= .85 (worst seed) | coverage | ECE | leak near / far / oos | fit s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, other in (("banking77", "clinc150"), ("clinc150", "banking77")):
        for size in sizes:
            for model, train in MODELS.items():
                runs = [
                    _few(data[name], data[other]["test"], oos, train, size, seed) for seed in range(seeds)
                ]
                m = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
                worst = min(run["precision"] for run in runs)
                print(
                    f"| {name} | {model} | {size} | {m['accuracy']:.3f} | {m['precision']:.3f} ({worst:.3f}) | {m['coverage']:.3f} "
                    f"| {m['ece']:.3f} | {m['near']:.3f} / {m['far']:.3f} / {m['oos']:.3f} | {m['fit']:.1f} |",
                    flush=True,
                )
    print()


def _few(
    own: dict[str, list[Row]], other: list[Row], oos: list[Row], train: Callable, size: int, seed: int
) -> dict[str, float]:
    draw = np.random.default_rng(seed)
    intents = list(draw.choice(sorted({row["label"] for row in own["train"]}), 20, replace=False))
    examples = {}
    for intent in intents:
        texts = [row["text"] for row in own["train"] if row["label"] == intent]
        examples[str(intent)] = [texts[i] for i in draw.permutation(len(texts))[:size]]
    before = time.perf_counter()
    predict = train(examples)
    seconds = time.perf_counter() - before
    inside = [row for row in own["test"] if row["label"] in examples]
    near = [row for row in own["test"] if row["label"] not in examples][::3]
    groups = {
        "near": predict([r["text"] for r in near]),
        "far": predict([r["text"] for r in other[::3]]),
        "oos": predict([r["text"] for r in oos]),
    }
    return _measures(inside, predict([row["text"] for row in inside]), groups) | {"fit": seconds}


def full_table(data: dict[str, dict[str, list[Row]]], oos: list[Row]) -> None:
    """All training rows; ECE and precision in scope, and the share of CLINC's oos that reaches the band."""
    print(
        "| data (all rows) | model | accuracy | ECE | precision / coverage >= .85 | precision .60-.85 | oos >= .85 | fit s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, parts in data.items():
        examples: dict[str, list[str]] = {}
        for row in parts["train"]:
            examples.setdefault(row["label"], []).append(row["text"])
        for model, train in FULL_MODELS.items():
            before = time.perf_counter()
            predict = train(examples)
            seconds = time.perf_counter() - before
            m = _measures(
                parts["test"],
                predict([row["text"] for row in parts["test"]]),
                {"oos": predict([row["text"] for row in oos])},
                outside=0.0,
            )
            print(
                f"| {name} | {model} | {m['accuracy']:.3f} | {m['ece']:.3f} | {m['precision']:.3f} / {m['coverage']:.3f} "
                f"| {m['middle']:.3f} | {m['oos']:.3f} | {seconds:.0f} |",
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
    bins = np.minimum((confidence * 15).astype(int), 14)
    ece = sum(abs((mass * (confidence - correct))[bins == b].sum()) for b in range(15))
    return {
        "accuracy": float(right.mean()),
        "precision": float(mass[auto & correct].sum() / max(mass[auto].sum(), 1e-12)),
        "coverage": float((found[1] >= AUTO).mean()),
        "middle": float(mass[middle & correct].sum() / max(mass[middle].sum(), 1e-12)),
        "ece": float(ece),
    } | {name: float((group[1] >= AUTO).mean()) for name, group in groups.items()}


def _embedded(
    examples: dict[str, list[str]], outside: float = DEFAULT_OUTSIDE
) -> Callable[[list[str]], Scored]:
    model = fit(examples, starter().background, outside=outside)

    def predict(texts: list[str]) -> Scored:
        found = [p.alternatives[0] if p.intent == NO_INTENT else p for p in model.predict_many(texts)]
        return [guess.intent for guess in found], np.array([guess.confidence for guess in found])

    return predict


def _plain(examples: dict[str, list[str]]) -> Callable[[list[str]], Scored]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    words, pieces = (
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    model = make_pipeline(
        make_union(words, pieces), LogisticRegression(C=20, class_weight="balanced", max_iter=300)
    )
    rows = [(text, name) for name, texts in examples.items() for text in texts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit([text for text, _ in rows], [name for _, name in rows])

    def predict(texts: list[str]) -> Scored:
        shares = model.predict_proba(texts)
        return list(model.classes_[shares.argmax(axis=1)]), shares.max(axis=1)

    return predict


def _embedded_few_strangers(examples: dict[str, list[str]]) -> Callable[[list[str]], Scored]:
    return _embedded(examples, 0.1)


MODELS = {"plain TF-IDF + LR": _plain, "embedded": _embedded}
FULL_MODELS = MODELS | {"embedded, told 10 % from outside": _embedded_few_strangers}


def speed_table() -> None:
    """The starter model on one core, start-up and memory in a process of its own."""
    begin = time.perf_counter()
    model = fit(starter().examples, starter().background)
    seconds = time.perf_counter() - begin
    texts = [text for intent in starter().intents for text in intent.examples]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        save(model, path)
        size = path.stat().st_size
        command = [sys.executable, __file__, "--start", str(path)]
        start, busy, memory = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout
        )
    times = _times(model, texts * 3)
    before = time.perf_counter()
    model.predict_many(texts * 5)
    rate = len(texts) * 5 / (time.perf_counter() - before)
    print(
        "| starter model: fit s | start from cache s (processor s) | resident MB | file KB | one message p50 / p99 ms, processor | batch per second |"
    )
    print("|---|---|---|---|---|---|")
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    print(
        f"| {seconds:.1f} | {start:.2f} ({busy:.2f}) | {memory:.0f} | {size / 1024:.0f} | {p50:.2f} / {p99:.2f} | {rate:.0f} |"
    )


def _times(model: LinearClassifier, texts: list[str]) -> np.ndarray:
    """Processor time of each call: a busy machine does not count."""
    times = []
    for text in texts:
        before = time.thread_time()
        model.predict(text)
        times.append(time.thread_time() - before)
    return np.array(times)


def _start(path: Path) -> None:
    load(path).predict("where is my order")
    import psutil

    me = psutil.Process()
    print(json.dumps([time.time() - me.create_time(), time.process_time(), me.memory_info().rss / 2**20]))


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("BACKSTOP_BENCH_DATA", "../shared/data"))
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--skip-full", action="store_true")
    parser.add_argument("--only-full", action="store_true")
    parser.add_argument("--only-speed", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--start"]:
        _start(Path(sys.argv[2]))
    else:
        main()
