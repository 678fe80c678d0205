"""Classifiers that many tests and processes share: a fit costs two to four seconds, a file read 0.2."""

from __future__ import annotations

import fcntl
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from weakref import WeakKeyDictionary

import pytest

from core.classify import cache, train
from core.classify.fingerprint import fingerprint
from core.classify.linear import LinearClassifier
from core.classify.meaning import Embedder


@contextmanager
def once(folder: Path) -> Iterator[None]:
    """The same examples are fitted and compressed once and the same file is read once, whichever folder is configured; what
    `train` learns of the same rows is fitted once a process. Tests of the fit itself call `core.classify.linear.fit`, and what it returns is written."""
    load, fit, write, learn = cache.load, cache.fit, cache._write, train.fit
    kept: WeakKeyDictionary[LinearClassifier, Path] = WeakKeyDictionary()

    @functools.lru_cache(maxsize=8)  # 8 MB each
    def read(path: Path, _changed: int, _size: int) -> LinearClassifier:
        return load(path)

    def load_once(path: Path) -> LinearClassifier:
        found = path.stat()
        return read(path, found.st_mtime_ns, found.st_size)

    def fit_once(
        examples: Mapping[str, Sequence[str]],
        background: Sequence[str],
        *,
        outside: float | None = None,
        language: str = "",
        embed: Embedder | None = None,
    ) -> LinearClassifier:
        if embed:
            return fit(examples, background, outside=outside, language=language, embed=embed)
        name = fingerprint(examples, background, outside, language)[:16]
        path = folder / f"classifier-{name}.npz"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the other processes wait for it instead of fitting the same
            if not path.exists():
                cache.save(fit(examples, background, outside=outside, language=language), path)
        found = load_once(path)
        kept[found] = path
        return found

    @functools.lru_cache(maxsize=6)
    def learned(
        table: tuple[tuple[str, tuple[str, ...]], ...], background: tuple[str, ...], **how: Any
    ) -> LinearClassifier:
        return learn(dict(table), background, **how)

    def learn_once(
        examples: Mapping[str, Sequence[str]],
        background: Sequence[str],
        *,
        embed: Embedder | None,
        **how: Any,
    ) -> LinearClassifier:
        if embed:
            return learn(examples, background, embed=embed, **how)
        return learned(
            tuple((name, tuple(texts)) for name, texts in examples.items()), tuple(background), **how
        )

    def write_once(classifier: LinearClassifier, file: BinaryIO) -> None:
        if classifier in kept:
            file.write(kept[classifier].read_bytes())
        else:
            write(classifier, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "load", load_once)
        patch.setattr(cache, "fit", fit_once)
        patch.setattr(cache, "_write", write_once)
        patch.setattr(train, "fit", learn_once)
        yield
