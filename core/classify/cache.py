"""A fitted classifier on disk: plain arrays and JSON in one file, never a pickle."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from core.classify.calibrate import Calibrator
from core.classify.features import Sparse, Weights
from core.classify.fingerprint import fingerprint
from core.classify.linear import FORMAT, LinearClassifier, fit
from core.classify.meaning import Embedder, Meaning
from core.classify.multilingual import Multilingual
from core.classify.share import Shares
from core.classify.spelling import Spelling
from core.errors import said_of
from core.language import LANGUAGES

log = logging.getLogger(__name__)

SHARED = ("floors", "edges", "inside", "outside")  # the arrays of `Shares`


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


def save_all(classifier: Multilingual, path: Path) -> None:
    """Write a trained classifier: the main one to `path`, those of the languages that learned something beside it."""
    save(classifier.main, path)
    for language in LANGUAGES:
        place = of_language(path, language)
        if language in classifier.learned:
            save(classifier.of(language), place)
        else:
            place.unlink(missing_ok=True)


def of_language(path: Path, language: str) -> Path:
    """Where one language's classifier stands beside the main one."""
    return path.with_name(f"{path.stem}-{language}{path.suffix}")


def load_or_fit(
    examples: Mapping[str, Sequence[str]],
    background: Sequence[str],
    cache_dir: Path | None,
    *,
    outside: float | None = None,
    language: str = "",
    embed: Embedder | None = None,
) -> LinearClassifier:
    """Return the classifier for this data, from the cache when it is there. Several processes may race."""
    if cache_dir is None:
        return fit(examples, background, outside=outside, language=language, embed=embed)
    name = fingerprint(examples, background, outside, language, embed.name if embed else "")[:16]
    path = Path(cache_dir) / f"classifier-{name}.npz"
    try:
        return with_embedder(load(path), embed)
    except (ValueError, OSError) as error:
        log.info("the classifier is fitted again: %s", said_of(error))
    classifier = fit(examples, background, outside=outside, language=language, embed=embed)
    try:
        save(classifier, path)
    except OSError as error:
        log.warning(
            "classifier cannot be cached in %s: %s; it is fitted again at every start",
            cache_dir,
            said_of(error),
        )
    return classifier


def with_embedder(classifier: LinearClassifier, embed: Embedder | None) -> LinearClassifier:
    """Return what `load` read with its embedding model. Raises ValueError where it was learned with another one, or without."""
    wanted, found = (one.name if one else "" for one in (embed, classifier.meaning))
    if wanted != found:
        raise ValueError("it was learned with other embeddings than the configuration's; train again")
    return (
        replace(classifier, meaning=replace(classifier.meaning, embed=embed))
        if classifier.meaning
        else classifier
    )


def _write(classifier: LinearClassifier, file: BinaryIO) -> None:
    facts: dict[str, Any] = {
        "version": FORMAT,
        "model": classifier.model,
        "intents": classifier.intents,
        "temperature": classifier.temperature,
        "language": classifier.language,
        "taught": classifier.taught,
        "stated": classifier.stated,
        "share": classifier.shares.start,
        "blocks": len(classifier.weights.idf),
    }
    arrays: dict[str, Any] = {
        "columns": classifier.columns,
        "data": classifier.rows.data,
        "indices": classifier.rows.indices,
        "indptr": classifier.rows.indptr,
        "starts": classifier.starts,
        "spelling": classifier.spelling.known,
        "alpha": classifier.alpha,
        "usual": classifier.usual,
    }
    arrays |= {f"shares_{name}": getattr(classifier.shares, name) for name in SHARED}
    if classifier.meaning:
        facts["meaning"] = classifier.meaning.name
        arrays |= {"meaning_centre": classifier.meaning.centre, "meaning_rows": classifier.meaning.rows}
    for name, kept in (("seen", classifier.weights.seen), *_named(classifier.weights.idf)):
        arrays |= {f"{name}_at": kept.at, f"{name}_values": kept.values, f"{name}_rest": kept.rest}
    for name, calibrator in (("right", classifier.right), ("inside", classifier.inside)):
        arrays |= {f"{name}_{key}": value for key, value in calibrator.arrays().items()}
    np.savez_compressed(file, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)


def _read(arrays: Mapping[str, Any]) -> LinearClassifier:
    from scipy import sparse

    facts = json.loads(arrays["facts"].tobytes())
    if facts["version"] != FORMAT:
        raise ValueError(f"version {facts['version']}, expected {FORMAT}")
    size = (len(arrays["indptr"]) - 1, len(arrays["columns"]))
    rows = sparse.csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=size)
    idf = tuple(_sparse(arrays, f"idf{number}") for number in range(facts["blocks"]))
    return LinearClassifier(
        facts["model"],
        tuple(facts["intents"]),
        Weights(idf, _sparse(arrays, "seen")),
        arrays["columns"],
        rows,
        arrays["starts"],
        arrays["alpha"],
        arrays["usual"],
        facts["temperature"],
        _calibrator(arrays, "right"),
        _calibrator(arrays, "inside"),
        Shares(facts["share"], *(arrays[f"shares_{name}"] for name in SHARED)),
        facts["language"],
        Spelling(arrays["spelling"]),
        tuple(facts["taught"]),
        tuple(facts["stated"]),
        _meaning(facts, arrays),
    )


def _meaning(facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> Meaning | None:
    name = facts.get("meaning")
    return Meaning(name, arrays["meaning_centre"], arrays["meaning_rows"]) if name else None


def _named(idf: Sequence[Sparse]) -> Iterable[tuple[str, Sparse]]:
    return ((f"idf{number}", kept) for number, kept in enumerate(idf))


def _sparse(arrays: Mapping[str, Any], name: str) -> Sparse:
    return Sparse(arrays[f"{name}_at"], arrays[f"{name}_values"], float(arrays[f"{name}_rest"]))


def _calibrator(arrays: Mapping[str, Any], name: str) -> Calibrator:
    prefix = f"{name}_"
    return Calibrator.from_arrays(
        {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
    )
