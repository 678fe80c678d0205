"""How much of a message stands in an intent's examples: whichever of them it is, a word that none of them has speaks against the intent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Index = NDArray[np.int64]


def occurring(rows: Any, starts: Index) -> Any:
    """Return in how many examples of each intent each piece occurs (pieces x intents). Rows are sorted by intent, background last."""
    from scipy import sparse

    intents, inside = len(starts) - 1, int(starts[-1])
    counted = sparse.csr_matrix((np.ones_like(rows.data), rows.indices, rows.indptr), rows.shape)[:inside]
    ends = np.append(np.asarray(starts[:-1]), inside)
    members = sparse.csr_matrix((np.ones(inside, np.float32), np.arange(inside), ends), (intents, inside))
    return (members @ counted).T.tocsr()


def present(counted: Any) -> Any:
    """Return 1 where a piece occurs in an intent at all."""
    found = counted.copy()
    found.data = np.ones_like(found.data)
    return found


def covered(rows: Any, known: Any) -> Matrix:
    """Return the share of each row that each intent's examples have (rows x intents); `known`: what `present` returned."""
    shares: Matrix = (_squared(rows) @ known).toarray().astype(np.float32)
    return shares


def covered_apart(rows: Any, starts: Index, labels: Index) -> Matrix:
    """Return the same for the rows that the pieces were counted in: what only the row itself has does not count for its own intent."""
    counted = occurring(rows, starts)
    shares = covered(rows, present(counted))
    inside = int(starts[-1])
    alone = counted.copy()
    alone.data = (alone.data == 1).astype(np.float32)
    own = _squared(rows[:inside]) @ alone
    at = np.arange(inside)
    shares[at, labels[:inside]] -= np.asarray(own[at, labels[:inside]], np.float32).ravel()
    return shares


def _squared(rows: Any) -> Any:
    """Rows have unit length, so their squares add up to 1."""
    found = rows.copy()
    found.data = found.data**2
    return found
