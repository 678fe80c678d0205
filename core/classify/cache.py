"""A fitted classifier on disk: plain arrays and JSON in one file, never a pickle."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.classify.calibrate import Calibrator
from core.classify.features import SIZE, Weights
from core.classify.linear import FORMAT, OUTSIDE, LinearClassifier, fingerprint, fit
from core.errors import said_of

log = logging.getLogger(__name__)


def save(classifier: LinearClassifier, path: Path) -> None:
    """Write the classifier in one step: a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".classifier-")
    try:
        with os.fdopen(handle, "wb") as file:
            _write(classifier, file)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(path: Path) -> LinearClassifier:
    """Read what `save` wrote. Raises ValueError when the file is damaged or of another version."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _read(dict(arrays))
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is not a classifier of this version ({type(error).__name__}); delete it or train again"
        ) from error


def load_or_fit(
    examples: Mapping[str, Sequence[str]],
    background: Sequence[str],
    cache_dir: Path | None,
    *,
    outside: float = OUTSIDE,
) -> LinearClassifier:
    """The classifier for this data, from the cache when it is there. Several processes may race."""
    if cache_dir is None:
        return fit(examples, background, outside=outside)
    path = Path(cache_dir) / f"classifier-{fingerprint(examples, background, outside)[:16]}.npz"
    try:
        return load(path)
    except (ValueError, OSError) as error:
        log.info("classifier is fitted anew: %s", said_of(error))
    classifier = fit(examples, background, outside=outside)
    try:
        save(classifier, path)
    except OSError as error:
        log.warning(
            "classifier cannot be cached in %s: %s; it is fitted again at every start",
            cache_dir,
            said_of(error),
        )
    return classifier


def _write(classifier: LinearClassifier, file: BinaryIO) -> None:
    facts = {
        "version": FORMAT,
        "model": classifier.model,
        "intents": classifier.intents,
        "temperature": classifier.temperature,
    }
    arrays: dict[str, Any] = {
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
        "data": classifier.rows.data,
        "indices": classifier.rows.indices,
        "indptr": classifier.rows.indptr,
        "starts": classifier.starts,
        "alpha": classifier.alpha,
        "seen_at": np.flatnonzero(classifier.weights.seen),
        "seen": classifier.weights.seen[classifier.weights.seen > 0],
    }
    for name, idf in zip(("words", "pieces"), classifier.weights.idf, strict=True):
        common = np.flatnonzero(idf < idf.max())
        arrays |= {f"{name}_at": common, f"{name}_idf": idf[common], f"{name}_rest": idf.max()}
    for name, calibrator in (("right", classifier.right), ("inside", classifier.inside)):
        arrays |= {f"{name}_{key}": value for key, value in calibrator.arrays().items()}
    np.savez_compressed(file, **arrays)


def _read(arrays: Mapping[str, Any]) -> LinearClassifier:
    from scipy import sparse

    facts = json.loads(arrays["facts"].tobytes())
    if facts["version"] != FORMAT:
        raise ValueError(f"version {facts['version']}, expected {FORMAT}")
    size = (len(arrays["indptr"]) - 1, 2 * SIZE)
    rows = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=size)
    seen = np.zeros(SIZE, np.int32)
    seen[arrays["seen_at"]] = arrays["seen"]
    return LinearClassifier(
        facts["model"],
        tuple(facts["intents"]),
        Weights((_idf(arrays, "words"), _idf(arrays, "pieces")), seen),
        rows,
        arrays["starts"],
        arrays["alpha"],
        facts["temperature"],
        _calibrator(arrays, "right"),
        _calibrator(arrays, "inside"),
    )


def _idf(arrays: Mapping[str, Any], name: str) -> Any:
    idf = np.full(SIZE, arrays[f"{name}_rest"], np.float32)
    idf[arrays[f"{name}_at"]] = arrays[f"{name}_idf"]
    return idf


def _calibrator(arrays: Mapping[str, Any], name: str) -> Calibrator:
    prefix = f"{name}_"
    return Calibrator.from_arrays(
        {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
    )
