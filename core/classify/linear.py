"""The embedded classifier: similarity to the examples, and a second model that says how far to trust it.

A message's score for an intent is a weighted sum of its similarities to all examples (kernel ridge regression). How far to
trust the best score is learned from rows the scoring model has not seen: examples left out (mostly right), examples of intents
left out altogether, and background lines (always wrong). Weighed as live traffic would bring them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.classify.calibrate import Calibrator, softmax, temperature
from core.classify.concepts import Lexicon, folded, lexicon
from core.classify.coverage import covered, occurring, present
from core.classify.evidence import Traffic, trust, trust_evidence, usual_of
from core.classify.features import Weights, clauses, counts, hashed, read, terms_of, weights
from core.classify.fingerprint import fingerprint
from core.classify.kernel import SHARPNESS, HeldOut, capped, kernel, nearest_by_class, solve
from core.classify.sentences import suspects
from core.classify.spelling import UNSPELT, Spelling, spelling
from core.classify.starter import URGENT, of_the_starter, starter
from core.classify.text import single
from core.classify.turned import BELOW, Turn, turns
from core.model import NO_INTENT, Guess, Prediction

FORMAT = 5  # to be raised when a saved model would be read wrongly by newer code
OUTSIDE = 0.3
ALTERNATIVES = 3
EVIDENCE = 5
BATCH = 256
CLEAR = 0.6  # how surely a part of a message must ask for something else to count
COMMON = 1 / 3  # a word in the examples of more intents than this is grammar
FEW_INTENTS = 3
NOWHERE = -1  # the column of a word that no example has
NEAREST = 8  # examples that say whether a word that turns a wish round belongs to it
ENGLISH = "en"
MAX_ROWS = 16_000  # 1 GB while learning: the kernel is a square of rows
Array = NDArray[np.float64]


@dataclass(eq=False)
class LinearClassifier:
    """A fitted classifier; `predict` never raises on any text."""

    model: str
    intents: tuple[str, ...]
    weights: Weights
    columns: NDArray[np.int32]  # the hashed pieces that occur in the examples
    rows: Any  # the examples over these columns, sorted by intent, background last
    starts: NDArray[np.int64]
    alpha: NDArray[np.float32]
    # what an example of each intent usually scores, and has in common with the others
    usual: NDArray[np.float32]
    temperature: float
    right: Calibrator  # is the best intent the right one?
    inside: Calibrator  # does the message belong to any intent at all?
    language: str = ""  # whose words of one meaning count as one; "" where none are known
    spelling: Spelling = UNSPELT
    taught: tuple[str, ...] = ()  # languages in which a desk's own messages taught it

    def __post_init__(self) -> None:
        self._turned = self.rows.T.tocsr()
        self._present = present(occurring(self.rows, self.starts))
        self._lexicon = lexicon_of(self.language)

    def predict(self, text: str) -> Prediction:
        """The intent, its calibrated confidence, the runners-up and the words that weighed most."""
        return self.predict_many([text])[0]

    def suspects(self, text: str) -> tuple[Guess, ...]:
        """The intents that single sentences are about, best first."""
        return suspects(partial(self.predict_many, explained=False), text)

    def predict_many(self, texts: Sequence[str], *, explained: bool = True) -> list[Prediction]:
        """`predict` for many texts at once; not `explained`: without the words that weighed most."""
        found: list[Prediction] = []
        for first in range(0, len(texts), BATCH):
            found += self._batch(list(texts[first : first + BATCH]), explained)
        return found

    def guesses(self, text: str) -> tuple[Guess, ...]:
        """The likeliest intents alone, best first, without what holds a guess back or the words that weighed most."""
        shares, right, _, _, parts = self._read([text])
        return self._guesses(shares[0], float(right[0]), parts[0])

    def _batch(self, texts: list[str], explained: bool) -> list[Prediction]:
        shares, right, nothing, sharp, parts = self._read(texts)
        found = [
            self._prediction(text, shares[i], float(right[i]), float(nothing[i]), sharp[i], parts[i])
            for i, text in enumerate(texts)
        ]
        for i, one in enumerate(found):
            if explained and one.intent != NO_INTENT:
                words = self._words(texts[i], self.intents.index(one.intent), sharp[i])
                found[i] = replace(one, evidence=words)
        return found

    def _read(
        self, texts: list[str]
    ) -> tuple[Array, Array, Array, NDArray[np.float32], list[dict[str, float]]]:
        """What `_judge` makes of each text, and the intents that single parts of it express clearly, with how clearly."""
        parts = [(i, part) for i, text in enumerate(texts) for part in clauses(text)]
        shares, right, nothing, sharp = self._judge([*texts, *(part for _, part in parts)])
        clear: list[dict[str, float]] = [{} for _ in texts]
        for row, (i, _) in enumerate(parts, len(texts)):
            if right[row] > CLEAR:
                intent = self.intents[int(np.argmax(shares[row, :-1]))]
                clear[i][intent] = max(clear[i].get(intent, 0.0), float(right[row]))
        # the rest may be filler, or what nobody understood: never automatic by that
        for i, said in enumerate(clear):
            best = said.get(self.intents[int(np.argmax(shares[i, :-1]))], 0.0)
            right[i] = max(right[i], min((right[i] + best) / 2, BELOW))
        return shares, right, nothing, sharp, clear

    def _judge(self, texts: list[str]) -> tuple[Array, Array, Array, NDArray[np.float32]]:
        """For each text: the intents' shares, is the best right, is it none, the sharpened similarities."""
        clean = map(self.spelling.corrected, read(texts, self._lexicon))
        blocks = counts(list(clean), self._lexicon)
        rows = self._placed(self.weights.transform(blocks))
        similarity: NDArray[np.float32] = (rows @ self._turned).toarray()
        sharp = kernel(similarity)
        nearest = nearest_by_class(similarity, self.starts)
        held = HeldOut(sharp @ self.alpha, nearest, covered(rows, self._present))
        known = self.weights.known_share(blocks[0])
        evidence = trust_evidence(held, known, self.usual)
        right = np.where(known > 0, self.right(evidence), 0.0)
        nothing = np.where(known > 0, 1 - self.inside(evidence), 1.0)
        return softmax(held.scores, self.temperature), right, nothing, sharp

    def _placed(self, rows: Any) -> Any:
        """Return rows over all hashed pieces as rows over the columns; a piece that no example has is left out."""
        from scipy import sparse

        place, known = self._places(rows.indices)
        ends = np.append(0, np.cumsum(known, dtype=np.int32))[rows.indptr]
        shape = (rows.shape[0], len(self.columns))
        return sparse.csr_matrix((rows.data[known], place[known], ends), shape)

    def _places(self, pieces: Any) -> tuple[Any, Any]:
        """Where hashed pieces stand among the columns, and whether they do."""
        place = np.minimum(np.searchsorted(self.columns, pieces), len(self.columns) - 1)
        return place, self.columns[place] == pieces

    def _prediction(
        self,
        text: str,
        shares: Array,
        right: float,
        nothing: float,
        sharp: NDArray[np.float32],
        parts: Mapping[str, float],
    ) -> Prediction:
        guesses = self._guesses(shares, right, parts)
        top = guesses[0]
        unread, most = self._held_back(text, self.intents.index(top.intent), sharp)
        most = max(most, BELOW) if top.intent in URGENT else most  # a person sees it in any case, and soon
        if top.confidence > most:
            guesses = (Guess(top.intent, most), *guesses[1:])
            top = guesses[0]
        if nothing > top.confidence or right == 0:
            sure = min(nothing, 1 - top.confidence)
            return Prediction(NO_INTENT, sure, guesses[:ALTERNATIVES], self.model, unread=unread)
        return Prediction(
            top.intent, top.confidence, guesses[1 : ALTERNATIVES + 1], self.model, unread=unread
        )

    def _held_back(self, text: str, best: int, sharp: NDArray[np.float32]) -> tuple[str, float]:
        """Why a guess is not to be answered automatically, however sure, and what it is worth at most; "" when it may be."""
        if single(text):
            return "it is only a number or a single word", BELOW
        complaint = self.intents[best] in URGENT
        for turn in turns(text, self.language or ENGLISH, complaint=complaint):
            if not self._said_so(turn, best, sharp):
                words = f"it may mean the opposite, or tell of it: “{turn.said}” stands in none of the examples nearest to it"
                return words, turn.most
        return "", 1.0

    def _said_so(self, turn: Turn, best: int, sharp: NDArray[np.float32]) -> bool:
        """Whether one of the examples of the best intent that are nearest has all words of one of the turn's `alike`."""
        alike = turn.alike
        if not alike:
            return False
        first, last = self.starts[best], self.starts[best + 1]
        most = last - first if turn.anywhere else NEAREST
        nearest = first + np.argsort(-sharp[first:last], kind="stable")[:most]
        begins, ends = self.rows.indptr[nearest], self.rows.indptr[nearest + 1]
        examples = [
            frozenset(self.rows.indices[at:end].tolist()) for at, end in zip(begins, ends, strict=True)
        ]
        place, known = self._places(_pieces(alike))
        columns = iter(np.where(known, place, NOWHERE).tolist())
        wanted = [{next(columns) for _ in words} for words in alike]
        return any(one <= example for one in wanted for example in examples)

    def _guesses(self, shares: Array, right: float, parts: Mapping[str, float]) -> tuple[Guess, ...]:
        """The likeliest intents, best first. What the best leaves over is divided as the scores are; where a part of the message
        clearly asks for something else, either may be meant, so the best loses and the other gains half of the part's trust."""
        best = int(np.argmax(shares[:-1]))
        rest = (1 - right) * shares / max(1 - shares[best], 1e-9)
        odds = {name: float(min(rest[i], right)) for i, name in enumerate(self.intents)}
        others = {name: trust / 2 for name, trust in parts.items() if name != self.intents[best]}
        odds |= {name: max(odds[name], half) for name, half in others.items()}
        odds[self.intents[best]] = right * (1 - max(others.values(), default=0.0))
        ordered = sorted(odds.items(), key=lambda item: -item[1])[: ALTERNATIVES + 1]
        return tuple(Guess(name, odd) for name, odd in ordered)

    def _words(self, text: str, best: int, sharp: NDArray[np.float32]) -> tuple[str, ...]:
        """The words that drew the message to its intent, heaviest first."""
        terms = terms_of(text)
        if not terms:
            return ()
        pull = SHARPNESS * sharp * self.alpha[:, best]
        columns = hashed([[folded(term) if self._lexicon else term] for term in terms]).indices
        place, known = self._places(columns)
        near: Array = self._turned[place] @ pull
        weight = near * known * self.weights.idf[0][columns]
        heaviest = (i for i in np.argsort(-weight, kind="stable") if weight[i] > 0 and len(terms[i]) > 1)
        return _without_parts(terms[i] for i in heaviest if self._says_something(place[i]))

    def _says_something(self, column: int) -> bool:
        """Whether a word tells intents apart: what the examples of many have in common is grammar."""
        first, last = self._present.indptr[column : column + 2]
        return bool(last - first <= max(FEW_INTENTS, len(self.intents) * COMMON))


@lru_cache(maxsize=1024)
def _pieces(alike: tuple[tuple[str, ...], ...]) -> Any:
    """The hashes of all the words, in order: a language's negations are asked for again and again."""
    return hashed([[word] for words in alike for word in words]).indices


def fit(
    examples: Mapping[str, Sequence[str]],
    background: Sequence[str] = (),
    *,
    outside: float = OUTSIDE,
    max_rows: int = MAX_ROWS,
    model: str = "embedded",
    language: str = "",
) -> LinearClassifier:
    """Learn from examples by intent and lines that are none; `outside`: the expected share of such messages; `language`: whose
    words of one meaning count as one."""
    intents = tuple(sorted(name for name, texts in examples.items() if texts))
    if not intents:
        raise ValueError("there is no intent with examples: give at least one [intents.NAME] with examples")
    kept = capped([list(dict.fromkeys(examples[name])) for name in intents], max_rows - len(background))
    texts = [text for group in kept for text in group] + list(background)
    labels = np.repeat(np.arange(len(intents) + 1), [*map(len, kept), len(background)])
    clean = read(texts, lexicon_of(language))
    blocks = counts(clean, lexicon_of(language))
    scale = weights(blocks, len(texts) - len(background))
    columns, rows = _compact(scale.transform(blocks))
    solved = solve(rows, labels, len(intents) + 1)
    sharpness = temperature(solved.alone.scores, labels[: len(solved.alone.scores)])
    ours, traps = of_the_starter(texts, len(background), language)
    usual = usual_of(solved.alone, labels[: len(solved.alone.scores)])
    traffic = Traffic(outside, ours, np.array(traps, bool))
    right, inside = trust(solved, labels, scale, blocks[0], traffic, usual)
    model = f"{model}-{language}" if language else model
    name = f"{model}-{fingerprint(examples, background, outside, language)[:8]}"
    starts = np.searchsorted(labels, np.arange(len(intents) + 1))
    learned = (scale, columns, rows, starts, solved.alpha, usual, sharpness, right, inside)
    return LinearClassifier(name, intents, *learned, language, spelling(clean, language))


def _compact(rows: Any) -> tuple[NDArray[np.int32], Any]:
    """The columns that are not empty, and the rows over them."""
    from scipy import sparse

    columns, place = np.unique(rows.indices, return_inverse=True)
    shape = (rows.shape[0], len(columns))
    return columns.astype(np.int32), sparse.csr_matrix(
        (rows.data, place.astype(np.int32), rows.indptr), shape
    )


@cache
def lexicon_of(language: str) -> Lexicon | None:
    """The words of one meaning of a language; None for ""."""
    return lexicon(starter(language).concepts) if language else None


def _without_parts(terms: Iterable[str]) -> tuple[str, ...]:
    """The heaviest terms, leaving out words that a heavier pair already shows."""
    shown: list[str] = []
    for term in terms:
        if not any(set(term.split()) <= set(other.split()) for other in shown):
            shown.append(term)
        if len(shown) == EVIDENCE:
            break
    return tuple(shown)
