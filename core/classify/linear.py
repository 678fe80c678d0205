"""The embedded classifier: similarity to the examples, and a second model that says how far to trust it.

A message's score for an intent is a weighted sum of its similarities to all examples (kernel ridge regression). How far to
trust the best score is learned from rows the scoring model has not seen: examples left out (mostly right), examples of intents
left out altogether, and background lines (always wrong). Weighed as live traffic would bring them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.classify.asked import read_speech, stated
from core.classify.calibrate import BAND, Calibrator, softmax, temperature
from core.classify.columns import compact, has_words, placed, places
from core.classify.concepts import Lexicon, folded, lexicon
from core.classify.coverage import covered, occurring, present
from core.classify.evidence import Traffic, trust, trust_evidence, usual_of
from core.classify.features import Weights, clauses, counts, hashed, read, terms_of, weights, without_parts
from core.classify.fingerprint import fingerprint
from core.classify.kernel import SHARPNESS, HeldOut, capped, kernel, nearest_by_class, solve, together
from core.classify.meaning import Embedder, Meaning, meaning
from core.classify.sentences import among_sentences, sentences, suspects
from core.classify.share import Shares, expected
from core.classify.spelling import UNSPELT, Spelling, spelling
from core.classify.starter import URGENT, of_the_starter, starter
from core.classify.text import single
from core.classify.turned import BELOW, OPPOSITE, turns
from core.model import NO_INTENT, Guess, Prediction

FORMAT = 7  # to be raised when a saved model would be read wrongly by newer code
ALTERNATIVES = 3
BATCH = 256
CLEAR = 0.6  # how surely a part of a message must ask for something else to count
COMMON = 1 / 3  # a word in the examples of more intents than this is grammar
FEW_INTENTS = 3
NEAREST = 8  # examples that say whether a word that turns a wish round belongs to it
ENGLISH = "en"
MAX_ROWS = 16_000  # 1 GB while learning: the kernel is a square of rows
Array = NDArray[np.float64]
Found = tuple[Prediction, NDArray[np.float32]]
"""A prediction without the words that weighed most, and the sharpened similarities that they are found by."""


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
    shares: Shares  # where the band begins by the share of messages of no intent
    language: str = ""  # whose words of one meaning count as one; "" where none are known
    spelling: Spelling = UNSPELT
    taught: tuple[str, ...] = ()  # languages in which a desk's own messages taught it
    stated: tuple[str, ...] = ()  # intents whose examples often ask for nothing
    meaning: Meaning | None = None  # the examples as an embedding model sees them

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

    def examine(self, words: str, everything: str) -> Prediction:
        """`predict` of the words with the `suspects` of everything, in one pass."""
        asked = sentences(everything)
        found = self._found([words, *asked], 1)
        suspected = among_sentences(asked, [one for one, _ in found[1:]])
        return replace(self._explained(words, *found[0]), suspects=suspected)

    def predict_many(self, texts: Sequence[str], *, explained: bool = True) -> list[Prediction]:
        """`predict` for many texts at once; not `explained`: without the words that weighed most, and why a guess is held back
        that is no surer anyway."""
        pairs = zip(texts, self._found(texts, len(texts) if explained else 0), strict=True)
        return [self._explained(text, *pair) if explained else pair[0] for text, pair in pairs]

    def guesses(self, text: str) -> tuple[Guess, ...]:
        """The likeliest intents alone, best first, without what holds a guess back or the words that weighed most."""
        shares, right, _, _, parts = self._read([text])
        return self._guesses(shares[0], float(right[0]), parts[0])

    def sure(self, texts: Sequence[str]) -> Array:
        """Return how sure the best intent of each text is, wherever the band begins."""
        bare = copy(self)
        bare.right = replace(self.right, floor=BAND)
        return bare._read(list(texts))[1]

    def expect(self, share: float) -> None:
        """Let the band begin where it is proven for this share of messages of no intent."""
        self.right = replace(self.right, floor=self.shares.floor(share))

    def _found(self, texts: Sequence[str], explained: int) -> list[Found]:
        """What is made of each text; of the first few, with why a guess is held back in any case."""
        found: list[Found] = []
        for first in range(0, len(texts), BATCH):
            found += self._batch(list(texts[first : first + BATCH]), explained - first)
        return found

    def _batch(self, texts: list[str], explained: int) -> list[Found]:
        shares, right, nothing, sharp, parts = self._read(texts)
        found = []
        for i, text in enumerate(texts):
            guesses = self._guesses(shares[i], float(right[i]), parts[i])
            if i < explained or guesses[0].confidence > _least(guesses[0].intent):
                unread, guesses = self._held_back(text, guesses, sharp[i])
            else:
                unread = ""
            found.append((self._prediction(guesses, float(right[i]), float(nothing[i]), unread), sharp[i]))
        return found

    def _explained(self, text: str, found: Prediction, sharp: NDArray[np.float32]) -> Prediction:
        """The prediction with the words that weighed most."""
        if found.intent == NO_INTENT:
            return found
        return replace(found, evidence=self._words(text, self.intents.index(found.intent), sharp))

    def _read(
        self, texts: list[str]
    ) -> tuple[Array, Array, Array, NDArray[np.float32], list[dict[str, float]]]:
        """What `_judge` makes of each text, and the intents that single parts of it express clearly, with how clearly."""
        parts = [clauses(text) for text in texts]
        place = {text: at for at, text in enumerate(dict.fromkeys([*texts, *chain.from_iterable(parts)]))}
        every = self._judge(list(place))
        at = [place[text] for text in texts]
        shares, right, nothing, sharp = every[0][at], every[1][at], every[2][at], every[3][at]
        clear: list[dict[str, float]] = [{} for _ in texts]
        for i, part in ((i, part) for i, own in enumerate(parts) for part in own):
            trust = float(every[1][place[part]])
            if trust > CLEAR:
                intent = self.intents[int(np.argmax(every[0][place[part], :-1]))]
                clear[i][intent] = max(clear[i].get(intent, 0.0), trust)
        # the rest may be filler, or what nobody understood: never automatic by that
        for i, said in enumerate(clear):
            best = said.get(self.intents[int(np.argmax(shares[i, :-1]))], 0.0)
            right[i] = max(right[i], min((right[i] + best) / 2, BELOW))
        return shares, right, nothing, sharp, clear

    def _judge(self, texts: list[str]) -> tuple[Array, Array, Array, NDArray[np.float32]]:
        """For each text: the intents' shares, is the best right, is it none, the sharpened similarities."""
        clean = map(
            self.spelling.corrected, read(texts, self._lexicon, english=self.language in {"", ENGLISH})
        )
        blocks = counts(list(clean), self._lexicon)
        rows = placed(self.columns, self.weights.transform(blocks))
        similar: list[NDArray[np.float32]] = [(rows @ self._turned).toarray()]
        if self.meaning:
            similar.append(self.meaning.similar(texts))
        sharp = kernel(together(similar))
        nearest = tuple(nearest_by_class(one, self.starts) for one in similar)
        held = HeldOut(sharp @ self.alpha, nearest, covered(rows, self._present))
        known = self.weights.known_share(blocks[0])
        evidence = trust_evidence(held, known, self.usual)
        right = np.where(known > 0, self.right(evidence), 0.0)
        nothing = np.where(known > 0, 1 - self.inside(evidence), 1.0)
        return softmax(held.scores, self.temperature), right, nothing, sharp

    def _prediction(
        self, guesses: tuple[Guess, ...], right: float, nothing: float, unread: str
    ) -> Prediction:
        top = guesses[0]
        if nothing > top.confidence or right == 0:
            sure = min(nothing, 1 - top.confidence)
            return Prediction(NO_INTENT, sure, guesses[:ALTERNATIVES], self.model, unread=unread)
        return Prediction(
            top.intent, top.confidence, guesses[1 : ALTERNATIVES + 1], self.model, unread=unread
        )

    def _held_back(
        self, text: str, guesses: tuple[Guess, ...], sharp: NDArray[np.float32]
    ) -> tuple[str, tuple[Guess, ...]]:
        """Why the best guess is not to be answered automatically, "" when it may be; and the guesses with what it is worth."""
        top = guesses[0]
        why, most = self._worth(text, self.intents.index(top.intent), sharp)
        most = max(most, _least(top.intent))
        return why, guesses if top.confidence <= most else (Guess(top.intent, most), *guesses[1:])

    def _worth(self, text: str, best: int, sharp: NDArray[np.float32]) -> tuple[str, float]:
        """Why a guess is not to be answered automatically, however sure, and what it is worth at most; "" when it may be."""
        if single(text):
            return "it is only a number or a single word", BELOW
        name = self.intents[best]
        message, said = read_speech(text, self.language)
        usual = name in self.stated
        for turn in turns(message, complaint=name in URGENT):
            first, last = self.starts[best : best + 2]
            most = last - first if turn.anywhere else NEAREST
            nearest = first + np.argsort(-sharp[first:last], kind="stable")[:most]
            if not has_words(self.rows[nearest], self.columns, turn.alike):
                words = f"it may mean the opposite, or tell of it: “{turn.said}” stands in none of the examples nearest to it"
                return words, turn.most if said.plainly or usual else OPPOSITE
        if not usual and (said.imagines or not (said.asks or said.negates)):
            return "it may only tell of it: nothing in it asks for anything now", OPPOSITE
        return "", 1.0

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
        place, known = places(self.columns, columns)
        near: Array = self._turned[place] @ pull
        weight = near * known * self.weights.idf[0][columns]
        heaviest = (i for i in np.argsort(-weight, kind="stable") if weight[i] > 0 and len(terms[i]) > 1)
        return without_parts(terms[i] for i in heaviest if self._says_something(place[i]))

    def _says_something(self, column: int) -> bool:
        """Whether a word tells intents apart: what the examples of many have in common is grammar."""
        first, last = self._present.indptr[column : column + 2]
        return bool(last - first <= max(FEW_INTENTS, len(self.intents) * COMMON))


def fit(
    examples: Mapping[str, Sequence[str]],
    background: Sequence[str] = (),
    *,
    outside: float | None = None,
    max_rows: int = MAX_ROWS,
    model: str = "embedded",
    language: str = "",
    embed: Embedder | None = None,
) -> LinearClassifier:
    """Learn from examples by intent and lines that are none; `outside`: the share of such messages, where it is known; `language`: whose
    words of one meaning count as one; `embed`: a model for meaning beside words."""
    intents = tuple(sorted(name for name, texts in examples.items() if texts))
    if not intents:
        raise ValueError("there is no intent with examples: give at least one [intents.NAME] with examples")
    kept = capped([list(dict.fromkeys(examples[name])) for name in intents], max_rows - len(background))
    texts = [text for group in kept for text in group] + list(background)
    labels = np.repeat(np.arange(len(intents) + 1), [*map(len, kept), len(background)])
    clean = read(texts, lexicon_of(language), english=language in {"", ENGLISH})
    blocks = counts(clean, lexicon_of(language))
    scale = weights(blocks, len(texts) - len(background))
    columns, rows = compact(scale.transform(blocks))
    seen = meaning(texts, embed) if embed else None
    solved = solve(rows, labels, len(intents) + 1, seen.rows if seen else None)
    sharpness = temperature(solved.alone.scores, labels[: len(solved.alone.scores)])
    ours, traps = of_the_starter(texts, len(background), language)
    usual = usual_of(solved.alone, labels[: len(solved.alone.scores)])
    traffic = Traffic(expected(ours) if outside is None else outside, ours, np.array(traps, bool))
    trusted = trust(solved, labels, scale, blocks[0], traffic, usual)
    model = f"{model}-{language}" if language else model
    name = f"{model}-{fingerprint(examples, background, outside, language, seen.name if seen else '')[:8]}"
    starts = np.searchsorted(labels, np.arange(len(intents) + 1))
    learned = (scale, columns, rows, starts, solved.alpha, usual, sharpness, *trusted)
    shown = (language, spelling(clean, language))
    return LinearClassifier(name, intents, *learned, *shown, stated=stated(examples, language), meaning=seen)


def _least(intent: str) -> float:
    """Return what a guess that is held back is worth at least: an urgent one a person sees in any case, and soon."""
    return BELOW if intent in URGENT else OPPOSITE


@cache
def lexicon_of(language: str) -> Lexicon | None:
    """The words of one meaning of a language; None for ""."""
    return lexicon(starter(language).concepts) if language else None
