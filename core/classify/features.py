"""Text as weighted word and character pieces, hashed: no vocabulary, so no customer's words, in the model file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.classify.text import normalise

BITS = 20
SIZE = 2**BITS
WORD = r"(?u)\b\w+\b"
Floats = NDArray[np.float32]


@cache
def _analyzers() -> tuple[Callable[[str], list[str]], Callable[[str], list[str]]]:
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(token_pattern=WORD, ngram_range=(1, 2), lowercase=False)
    pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False)
    return words.build_analyzer(), pieces.build_analyzer()


@cache
def _hasher() -> Any:
    from sklearn.feature_extraction import FeatureHasher

    return FeatureHasher(SIZE, input_type="string", alternate_sign=False, dtype=np.float32)


def hashed(terms: Iterable[Sequence[str]]) -> Any:
    """One sparse row of counts for each list of terms."""
    return _hasher().transform(terms).tocsr()


def terms_of(text: str) -> list[str]:
    """The words and word pairs of one text, each once, in order."""
    return list(dict.fromkeys(_analyzers()[0](normalise(text))))


def counts(texts: Sequence[str]) -> tuple[Any, Any]:
    """Word and character counts of each text, sublinear."""
    clean = [normalise(text) for text in texts]
    blocks = tuple(hashed(analyse(text) for text in clean) for analyse in _analyzers())
    for block in blocks:
        block.data = 1 + np.log(block.data)
    return blocks[0], blocks[1]


@dataclass(frozen=True)
class Weights:
    """How rare each hashed piece is; a piece never seen is the rarest, so strange words cost similarity."""

    idf: tuple[Floats, Floats]
    seen: NDArray[np.bool_]  # words that occur in the examples of an intent

    def transform(self, blocks: tuple[Any, Any]) -> Any:
        """Rows of unit length, words and characters half each: their dot product is the similarity."""
        from scipy import sparse

        return sparse.hstack([_scaled(b, w) for b, w in zip(blocks, self.idf, strict=True)], format="csr")

    def known_share(self, words: Any) -> Floats:
        """Which share of each text's words and pairs the examples know."""
        known = np.add.reduceat(np.append(self.seen[words.indices], 0.0), words.indptr[:-1])
        size = np.diff(words.indptr)
        share: Floats = np.where(size > 0, known / np.maximum(size, 1), 0.0).astype(np.float32)
        return share


def weights(blocks: tuple[Any, Any], inside: int) -> Weights:
    """Learn rarity from all rows; the first `inside` rows are examples of intents."""
    seen = np.zeros(SIZE, bool)
    seen[blocks[0][:inside].indices] = True
    return Weights((_idf(blocks[0]), _idf(blocks[1])), seen)


def _idf(block: Any) -> Floats:
    frequency = np.bincount(block.indices, minlength=SIZE)
    return (np.log((1 + block.shape[0]) / (1 + frequency)) + 1).astype(np.float32)


def _scaled(block: Any, idf: Floats) -> Any:
    scaled = block.copy()
    scaled.data = (scaled.data * idf[scaled.indices]).astype(np.float32)
    squares = np.add.reduceat(np.append(scaled.data**2, np.float32(0)), scaled.indptr[:-1])
    size = np.diff(scaled.indptr)
    length = np.sqrt(np.where(size > 0, squares, 1.0) * 2)
    scaled.data /= np.repeat(length, size).astype(np.float32)
    return scaled
