"""Which texts are like which, by their words and pieces of words: for people who want to see why, never for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.classify.build import examples_of
from core.classify.configured import ENGLISH
from core.classify.features import counts, read, weights
from core.classify.linear import lexicon_of
from core.language import LANGUAGES, guess
from core.settings import Settings

ROOM = 2000  # examples that are compared at once


def rows_of(texts: Sequence[str], language: str = "") -> Any:
    """Return one sparse row of unit length for each text: the dot product of two is their similarity, 0 to 1."""
    lexicon = lexicon_of(language)
    blocks = counts(read(texts, lexicon), lexicon)
    return weights(blocks, len(texts)).transform(blocks)


def nearest(settings: Settings, text: str, size: int = 3) -> list[tuple[str, str]]:
    """Return the configuration's examples that are most like a text, as pairs of intent and example, the nearest first; those
    of its own language where there are any. What shares nothing with it is none."""
    language = guess(text).language
    language = language if language in LANGUAGES else ENGLISH
    pairs = [(name, line) for name, lines in examples_of(settings, language).items() for line in lines]
    pairs = pairs[:ROOM]
    if not pairs:
        return []
    rows = rows_of([*(line for _, line in pairs), text], language)
    like = (rows[:-1] @ rows[-1].T).toarray().ravel()
    return [pairs[n] for n in np.argsort(-like, kind="stable")[:size] if like[n] > 0]


def grouped(texts: Sequence[str], apart: float) -> list[int]:
    """Return the number of each text's group: two groups are one while the mean distance of their texts (1 less the
    similarity) is at most `apart`."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    rows = rows_of(texts)
    distances = np.clip(1 - (rows @ rows.T).toarray().astype(float), 0, None)
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    return [int(number) for number in fcluster(tree, apart, "distance")]
