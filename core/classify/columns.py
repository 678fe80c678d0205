"""Hashed pieces as columns of a table: only those that the examples have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.classify.features import hashed

Columns = NDArray[np.int32]
NOWHERE = -1  # the column of a word that no example has


def compact(rows: Any) -> tuple[Columns, Any]:
    """Return the columns that are not empty, and the rows over them."""
    from scipy import sparse

    columns, place = np.unique(rows.indices, return_inverse=True)
    shape = (rows.shape[0], len(columns))
    return columns.astype(np.int32), sparse.csr_matrix(
        (rows.data, place.astype(np.int32), rows.indptr), shape
    )


def places(columns: Columns, pieces: Any) -> tuple[Any, Any]:
    """Return where hashed pieces stand among the columns, and whether they do."""
    place = np.minimum(np.searchsorted(columns, pieces), len(columns) - 1)
    return place, columns[place] == pieces


def placed(columns: Columns, rows: Any) -> Any:
    """Return rows over all hashed pieces as rows over the columns; a piece that no example has is left out."""
    from scipy import sparse

    place, known = places(columns, rows.indices)
    ends = np.append(0, np.cumsum(known, dtype=np.int32))[rows.indptr]
    return sparse.csr_matrix((rows.data[known], place[known], ends), (rows.shape[0], len(columns)))


def has_words(examples: Any, columns: Columns, alike: tuple[tuple[str, ...], ...]) -> bool:
    """Return whether one of the examples has all words of one of `alike`."""
    if not alike:
        return False
    bounds = zip(examples.indptr, examples.indptr[1:], strict=False)
    pieces = [frozenset(examples.indices[at:end].tolist()) for at, end in bounds]
    place, known = places(columns, _pieces(alike))
    column = iter(np.where(known, place, NOWHERE).tolist())
    wanted: Sequence[set[int]] = [{next(column) for _ in words} for words in alike]
    return any(one <= example for one in wanted for example in pieces)


@lru_cache(maxsize=1024)
def _pieces(alike: tuple[tuple[str, ...], ...]) -> Any:
    """The hashes of all the words, in order: a language's negations are asked for again and again."""
    return hashed([[word] for words in alike for word in words]).indices
