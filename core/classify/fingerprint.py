"""What a fitted classifier was made from, as one hash: a cache made from anything else is not used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from core.classify.starter import of_the_starter, starter


@cache
def _code() -> str:
    """Return the learning code's own hash: a cache made by other code is not used."""
    parts = (
        "text",
        "courtesy",
        "turned",
        "asked",
        "marked",
        "spelling",
        "concepts",
        "features",
        "columns",
        "coverage",
        "kernel",
        "meaning",
        "calibrate",
        "evidence",
        "share",
        "linear",
    )
    files = [*(f"{part}.py" for part in parts), "courtesy.toml", "asked.toml", "turned.toml"]
    return hashlib.sha256(b"".join(Path(__file__).with_name(one).read_bytes() for one in files)).hexdigest()


def fingerprint(
    examples: Mapping[str, Sequence[str]],
    background: Sequence[str],
    outside: float | None,
    language: str = "",
    meaning: str = "",
) -> str:
    """Return a hash of everything that decides what is learned: data, settings, version of the code."""
    ordered = {name: list(texts) for name, texts in sorted(examples.items())}
    meanings = starter(language).concepts if language else {}
    texts = [*(text for lines in ordered.values() for text in lines), *background]
    ours = of_the_starter(texts, len(background), language)
    parts = [_code(), ordered, list(background), outside, language, meanings, ours, meaning]
    content = json.dumps(parts, ensure_ascii=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()
