"""How fast and how large the embedded classifier is with the starter intents, on one core, beside plain TF-IDF + logistic regression.

python bench/classifier_speed.py
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np  # noqa: E402

from core.classify.cache import load, save  # noqa: E402
from core.classify.linear import fit  # noqa: E402
from core.classify.starter import starter  # noqa: E402


def speed_table() -> None:
    """One message at a time, many at once, start-up, memory, file."""
    texts = [text for intent in starter().intents for text in intent.examples]
    print(
        "| starter model | fit s | start from cache s (processor s) | resident MB | file KB "
        "| one message p50 / p99 ms, processor | batch per second |"
    )
    print("|---|---|---|---|---|---|---|")
    seconds, model = _timed(lambda: fit(starter().examples, starter().background))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        save(model, path)
        size = path.stat().st_size
        command = [sys.executable, __file__, "--start", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        start, busy, memory = json.loads(done.stdout)
    _line(
        "embedded",
        seconds,
        f"{start:.2f} ({busy:.2f}) | {memory:.0f}",
        size,
        model.predict,
        model.predict_many,
        texts,
    )
    seconds, plain = _timed(lambda: fit_plain(starter().examples))
    size = len(pickle.dumps(plain))
    _line(
        "plain TF-IDF + LR",
        seconds,
        "– (no safe file) | –",
        size,
        lambda text: plain.predict_proba([text]),
        plain.predict_proba,
        texts,
    )


def _line(
    name: str,
    seconds: float,
    start: str,
    size: int,
    one: Callable[[str], Any],
    many: Callable[[list[str]], Any],
    texts: list[str],
) -> None:
    times = [_timed(lambda text=text: one(text))[0] for text in texts * 3]  # type: ignore[misc]
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    rate = len(texts) * 5 / _timed(lambda: many(texts * 5))[0]
    print(
        f"| {name} | {seconds:.1f} | {start} | {size / 1024:.0f} | {p50:.2f} / {p99:.2f} | {rate:.0f} |",
        flush=True,
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time of this thread: a busy machine does not count."""
    before = time.thread_time()
    made = work()
    return time.thread_time() - before, made


def fit_plain(examples: Mapping[str, Sequence[str]]) -> Any:
    """What one would take otherwise: TF-IDF of words and characters, logistic regression."""
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
    return model


def _start(path: Path) -> None:
    load(path).predict("where is my order")
    import psutil

    me = psutil.Process()
    print(json.dumps([time.time() - me.create_time(), time.process_time(), me.memory_info().rss / 2**20]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--start"]:
        _start(Path(sys.argv[2]))
    else:
        speed_table()
