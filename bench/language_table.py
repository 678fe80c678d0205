"""Count the table that `core.language` reads, from the starter lines of the twelve languages and a few lines of others.

python bench/language_table.py [--out FILE]

To be run again when a language is added. Nothing that is measured (core/classify/heldout, bench/data/languages/*.txt) is read.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from numpy.typing import NDArray

from core.classify.starter import starter
from core.language import LANGUAGES, TABLE, pieces

HERE = Path(__file__).parent
WORDS = HERE.parent / "core" / "mail" / "phrases"  # lists of common words, as the mail reader knows them
PRIOR = 0.1  # how often a piece is taken to have been seen in a language beside what was counted
KEPT = 12_000
UNIT = 0.05


def counted() -> dict[str, Counter[str]]:
    """Pieces by language."""
    found: dict[str, Counter[str]] = {}
    others = tomllib.loads((HERE / "data" / "languages" / "other.toml").read_text("utf-8"))
    for language in (*LANGUAGES, *others):
        counts: Counter[str] = Counter()
        for line in others.get(language) or _lines(language):
            counts.update(pieces(line))
        counts.update(pieces(_words(language)))
        found[language] = counts
    return found


def table(counts: dict[str, Counter[str]]) -> tuple[list[str], NDArray[np.int8]]:
    """The pieces that tell languages apart best, and what each says for each language: log-probabilities about their mean."""
    total = sum(counts.values(), Counter())
    names = [piece for piece, times in sorted(total.items()) if times > 1]
    seen = np.array([[count[piece] for piece in names] for count in counts.values()], float)
    size = np.array([count.total() for count in counts.values()], float)[:, None]
    chance = (seen + PRIOR) / (size + PRIOR * len(total))
    share = chance / chance.sum(axis=0)
    told = chance.mean(axis=0) * (np.log(len(counts)) + (share * np.log(share)).sum(axis=0))
    kept = np.sort(np.argsort(-told, kind="stable")[:KEPT])
    weights = np.log(chance[:, kept])
    weights -= weights.mean(axis=0)
    return [names[i] for i in kept], np.clip(np.round(weights.T / UNIT), -127, 127).astype(np.int8)


def _lines(language: str) -> list[str]:
    one = starter(language)
    return [*one.background, *(line for lines in one.examples.values() for line in lines)]


def _words(language: str) -> str:
    file = WORDS / f"{language}.toml"
    return str(tomllib.loads(file.read_text("utf-8")).get("words", "")) if file.exists() else ""


def main() -> None:
    """Write the table and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TABLE)
    out = parser.parse_args().out
    counts = counted()
    names, weights = table(counts)
    np.savez_compressed(
        out,
        languages=np.frombuffer(" ".join(counts).encode("ascii"), np.uint8),
        pieces=np.frombuffer("\n".join(names).encode("utf-8"), np.uint8),
        weights=weights,
        unit=UNIT,
    )
    print(f"{out}: {len(names)} pieces, {len(counts)} languages, {out.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
