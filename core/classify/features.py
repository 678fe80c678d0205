"""Text as weighted word and character pieces, hashed: no vocabulary, so no customer's words, in the model file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

import mmh3
import numpy as np
from numpy.typing import NDArray

from core.classify.concepts import Lexicon, folded
from core.classify.courtesy import wish
from core.classify.text import STANDS_FOR, normalise, spelt_out

BITS = 19
SIZE = 2**BITS
PIECES = range(2, 6)  # characters
USUAL = 24  # characters of a padded word, below which its cuts are kept ready
RARITY = 0.3  # similarity squares it: the full weight would count twice
WORD_SHARE = 0.35
CONCEPT_SHARE = 0.45  # where a language's words of one meaning are known
SHARES = {
    2: (WORD_SHARE, 1 - WORD_SHARE),
    3: (WORD_SHARE * (1 - CONCEPT_SHARE), (1 - WORD_SHARE) * (1 - CONCEPT_SHARE), CONCEPT_SHARE),
}
CLAUSE_WORDS = 3
CLAUSE_LIMIT = 2_000
CLAUSES = 16
KEPT = 64  # texts that are kept ready: several classifiers read the same
SHOWN = 5  # words that are shown to people
_WORDS = re.compile(r"\b\w+\b")
_BREAK = re.compile(r"[.!?;,\n]+\s*|\s(?:and|but|also|before)\s")
Floats = NDArray[np.float32]


def words_of(text: str) -> list[str]:
    """Return the words of one text, in order."""
    return _WORDS.findall(text)


def pieces_of(text: str) -> list[str]:
    """Return all pieces of 2 to 5 characters of each word with a blank on either side; a shorter word is a piece
    itself, once."""
    found: list[str] = []
    for word in text.split():
        padded = f" {word} "
        length = len(padded)
        found += (_CUTTERS[length] if length < USUAL else _cutter(length))(padded)
    return found


def _cutter(length: int) -> Callable[[str], tuple[str, ...]]:
    """Return what cuts a padded word of this length, at least 3, into its pieces."""
    spans = [slice(at, at + size) for size in PIECES for at in range(length - size + 1)]
    return itemgetter(*spans)


_CUTTERS = [_cutter(max(length, 3)) for length in range(USUAL)]


def hashed(rows: Iterable[Sequence[str]]) -> Any:
    """Return one sparse row of counts for each list of terms. A term stands at the size of its 32-bit MurmurHash3,
    modulo SIZE."""
    return _counted([_places(terms) for terms in rows])


def _places(terms: Sequence[str]) -> NDArray[np.int32]:
    hashes = np.fromiter(map(mmh3.hash, terms), np.int64, len(terms))
    places: NDArray[np.int32] = (np.abs(hashes) % SIZE).astype(np.int32)
    return places


@lru_cache(maxsize=KEPT)
def _places_in(analyse: Callable[[str], list[str]], clean: str) -> NDArray[np.int32]:
    """Return the places of a text's terms: several classifiers ask for the same text."""
    return _places(analyse(clean))


def _counted(rows: Sequence[NDArray[np.int32]]) -> Any:
    from scipy import sparse

    ends = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    columns = np.concatenate([np.empty(0, np.int32), *rows])
    table = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(rows), SIZE))
    table.sum_duplicates()
    return table


def terms_of(text: str) -> list[str]:
    """Return the words of one text, each once, in order."""
    return list(dict.fromkeys(words_of(normalise(text))))


def without_parts(terms: Iterable[str]) -> tuple[str, ...]:
    """Return the first few terms, leaving out words that an earlier pair already shows."""
    shown: list[str] = []
    for term in terms:
        if not any(set(term.split()) <= set(other.split()) for other in shown):
            shown.append(term)
        if len(shown) == SHOWN:
            break
    return tuple(shown)


def clauses(text: str) -> list[str]:
    """Return the parts of a message that may each be a request; () when there is only one."""
    parts = [part.strip() for part in _BREAK.split(text[:CLAUSE_LIMIT])]
    long = [part for part in parts if part.count(" ") >= CLAUSE_WORDS - 1]
    return long[:CLAUSES] if len(long) > 1 else []


def read(texts: Iterable[str], lexicon: Lexicon | None = None, *, english: bool = True) -> list[str]:
    """Return the form of each text that is counted: with a lexicon, its letters without marks. `english`: what people type for
    English words is spelt out."""
    clean = [_clean(text, english) for text in texts]
    return [folded(text) for text in clean] if lexicon else clean


@lru_cache(maxsize=KEPT)
def _clean(text: str, english: bool) -> str:
    clean = normalise(wish(text))
    return spelt_out(clean) if english else clean


def counts(clean: Sequence[str], lexicon: Lexicon | None = None) -> tuple[Any, ...]:
    """Word and character counts of each text that was `read`, sublinear; with a lexicon, the concepts too."""
    analysers = [words_of, pieces_of, *([lexicon.concepts] if lexicon else [])]
    blocks = [_counted([_places_in(analyse, text) for text in clean]) for analyse in analysers]
    for block in blocks:
        block.data = 1 + np.log(block.data)
    return tuple(blocks)


@dataclass(frozen=True)
class Sparse:
    """An array of SIZE that holds one value nearly everywhere: only where it does not, it is kept."""

    at: NDArray[np.int32]
    values: Any
    rest: float

    @classmethod
    def of(cls, full: Any, rest: float) -> Sparse:
        """Keep what differs from `rest`."""
        at = np.flatnonzero(full != rest).astype(np.int32)
        return cls(at, full[at], rest)

    def __getitem__(self, places: Any) -> Any:
        """Return the values at these places."""
        if not len(self.at):
            return np.full(np.shape(places), self.rest, np.float32)
        near = np.minimum(np.searchsorted(self.at, places), len(self.at) - 1)
        return np.where(self.at[near] == places, self.values[near], np.asarray(self.rest, self.values.dtype))


@dataclass(frozen=True)
class Weights:
    """How rare each hashed piece is; a piece never seen is the rarest, so strange words cost similarity."""

    idf: tuple[Sparse, ...]
    seen: Sparse  # in how many examples of intents each word occurs

    def transform(self, blocks: tuple[Any, ...]) -> Any:
        """Return rows of unit length, all blocks together: their dot product is the similarity."""
        from scipy import sparse

        scaled = [_scaled(*parts) for parts in zip(blocks, self.idf, SHARES[len(blocks)], strict=True)]
        row = np.concatenate([np.repeat(np.arange(one.shape[0]), np.diff(one.indptr)) for one in blocks])
        order = np.argsort(row, kind="stable")
        pieces = np.concatenate([one.indices + SIZE * at for at, one in enumerate(blocks)])[order]
        ends = sum(one.indptr for one in blocks)
        shape = (blocks[0].shape[0], SIZE * len(blocks))
        return sparse.csr_matrix((np.concatenate(scaled)[order], pieces, ends), shape)

    def known_share(self, words: Any, own: NDArray[np.int32] | int = 0) -> Floats:
        """Return which share of each text's words the examples know; `own` occurrences do not count, and what stands
        for a number or an address is no word."""
        less = own if isinstance(own, int) else own[words.indices]
        real = (words.indices[:, None] != _placeholders()).all(axis=1)
        known = (self.seen[words.indices] > less) & real
        total, size = (
            np.add.reduceat(np.append(one, False).astype(float), words.indptr[:-1]) for one in (known, real)
        )
        some = (size > 0) & (np.diff(words.indptr) > 0)
        share: Floats = np.where(some, total / np.maximum(size, 1), 0.0).astype(np.float32)
        return share


@cache
def _placeholders() -> Any:
    return hashed([sorted(STANDS_FOR)]).indices


def occurrences(words: Any) -> NDArray[np.int32]:
    """In how many rows each hashed word occurs."""
    return np.bincount(words.indices, minlength=SIZE).astype(np.int32)


def weights(blocks: tuple[Any, ...], inside: int) -> Weights:
    """Learn rarity from all rows; the first `inside` rows are examples of intents."""
    return Weights(tuple(map(_idf, blocks)), Sparse.of(occurrences(blocks[0][:inside]), 0))


def _idf(block: Any) -> Sparse:
    # A piece seen once counts like one never seen, so that a row left out looks like a new message.
    frequency = np.maximum(occurrences(block), 1)
    idf: Floats = ((np.log((1 + block.shape[0]) / frequency) + 1) ** RARITY).astype(np.float32)
    return Sparse.of(idf, float(idf.max()))


def _scaled(block: Any, idf: Sparse, share: float) -> Floats:
    """Return the block's values by how rare each piece is, each row of the length that makes up `share` of the whole row."""
    values = (block.data * idf[block.indices]).astype(np.float32)
    squares = np.add.reduceat(np.append(values**2, np.float32(0)), block.indptr[:-1])
    size = np.diff(block.indptr)
    length = np.sqrt(np.where(size > 0, squares, 1.0) / share)
    scaled: Floats = values / np.repeat(length, size).astype(np.float32)
    return scaled
