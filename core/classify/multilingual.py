"""A message's language chooses what it is compared with: one small classifier for each language known out of the box.

Comparing in one language keeps the examples few, the vocabulary its own and the confidence proven on that language's own
held-out rows. Each is loaded (or fitted) when the first message in its language comes, and looks at once how many of that
language's held-out urgent messages it sees: a language below the target is treated like one that nobody taught it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from core.classify.linear import LinearClassifier
from core.classify.newest import Tickets
from core.classify.none import among
from core.classify.starter import URGENT, held_out, starter
from core.language import Tongue, tongues
from core.model import NO_INTENT, Guess, Prediction, Rules

log = logging.getLogger(__name__)
ENGLISH = "en"
TARGET = 0.9  # of a language's held-out urgent messages
SUSPICION = Rules.suspicion
ALARM = ""  # stands for the alarm among the languages
NEVER = 2.0  # no confidence is as high
LIKELY = 0.2  # a language this probable is asked, too
FEWEST = 30  # tickets, from which on the share of no intent follows them
LEARNED = 5  # lines of a configuration that are surely in a language: it counts as taught


@dataclass(eq=False)
class Multilingual:
    """The classifiers of all languages; `predict` never raises on any text."""

    main: LinearClassifier  # English, and whatever else the configuration or the desk's tickets taught
    others: Mapping[str, Callable[[], LinearClassifier]] = field(default_factory=dict)
    taught: frozenset[str] = frozenset()  # languages that `main` has learned
    learned: frozenset[str] = frozenset()  # those of the others that a desk's own messages taught something
    route: float = 0.6  # a message of no intent is less sure than this
    alarm: Callable[[], LinearClassifier] | None = None  # knows the starter's English words of one meaning
    # the desk's newest tickets, the same object until they are read anew: the band follows their share of no intent
    tickets: Callable[[], Tickets] | None = None

    def __post_init__(self) -> None:
        self.model, self.intents = self.main.model, self.main.intents
        self.share: float | None = None  # of no intent, once tickets have shown it
        self._followed: Tickets | None = None
        self.main = self._own(self.main)
        self._lock = threading.Lock()
        self._loaded: dict[str, LinearClassifier] = {}
        self._seen: dict[str, float] = {}

    def predict(self, text: str) -> Prediction:
        """Return the intent, its calibrated confidence, the runners-up and the words that weighed most."""
        self.follow()
        found = tongues(text)
        asked = self._asked(found)
        return self._settled([one.predict(text) for one in asked], text, found, asked)

    def examine(self, words: str, everything: str) -> Prediction:
        """Return `predict` of the words with the `suspects` of everything, in one pass."""
        self.follow()
        found = tongues(words)
        asked = self._asked(found)
        hearing = asked if words == everything else self._asked(tongues(everything))
        seen = [one.examine(words, everything if one in hearing else "") for one in asked]
        said = [guess for one in seen for guess in one.suspects]
        said += [guess for one in hearing if one not in asked for guess in one.suspects(everything)]
        return replace(self._settled(seen, words, found, asked), suspects=_surest_first(said))

    def predict_many(self, texts: Sequence[str]) -> list[Prediction]:
        """`predict` for many texts."""
        return [self.predict(text) for text in texts]

    def suspects(self, text: str) -> tuple[Guess, ...]:
        """Return the intents that single sentences are about, best first."""
        said = [guess for one in self._asked(tongues(text)) for guess in one.suspects(text)]
        return _surest_first(said)

    def of(self, language: str) -> LinearClassifier:
        """Return the classifier that a text in this language is compared by."""
        if language not in self.others:
            return self.main
        return self._once(language, lambda: self._own(self.others[language]()))

    def known(self, language: str) -> bool:
        """Return whether urgent messages in this language are recognised often enough."""
        if language == ENGLISH or language in self.taught:
            return True
        if language not in self.others:
            return False
        if language not in self._seen:
            self._seen[language] = urgent_seen(self.of(language), language)
        return self._seen[language] >= TARGET

    def _settled(
        self,
        seen: Sequence[Prediction],
        text: str,
        found: Sequence[Tongue],
        asked: Sequence[LinearClassifier],
    ) -> Prediction:
        """Return one guess from those of all the languages that were asked."""
        guess = surest([replace(one, suspects=()) for one in seen])
        if self.main in asked:
            guess = self._alarmed(guess, text)
        return among(replace(guess, blind=self._blind(found)), self.intents, self.route)

    def _alarmed(self, guess: Prediction, text: str) -> Prediction:
        """Return the guess of `main` with the urgent kinds among its runners-up that the starter's words give away.

        Words of one meaning would blur the intents of a configuration, which are told apart by the very words; an alarm may
        only bring a message to a person.
        """
        if self.alarm is None:
            return guess
        heard = alarms(Prediction(NO_INTENT, 0.0, self._once(ALARM, self.alarm).guesses(text)))
        kept = {one.intent: one for one in guess.alternatives}
        for intent, confidence in heard.items():
            if intent in self.intents and intent != guess.intent:
                kept[intent] = max(
                    kept.get(intent, Guess(intent, 0.0)), Guess(intent, confidence), key=_confidence
                )
        return replace(guess, alternatives=tuple(sorted(kept.values(), key=_confidence, reverse=True)))

    def _once(self, name: str, make: Callable[[], LinearClassifier]) -> LinearClassifier:
        """Return what `make` returns, made when it is first needed."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = make()
            return self._loaded[name]

    def prepare(self) -> None:
        """Load or fit what nearly every message needs, and look at the newest tickets: the first message is not to wait for it."""
        if self.alarm:
            self._once(ALARM, self.alarm)
        self.follow()

    def follow(self) -> None:
        """Let the band begin where it is proven for the share of no intent among the desk's newest tickets."""
        tickets = self.tickets() if self.tickets else None
        if not tickets or tickets is self._followed:
            return
        self._followed = tickets
        mine = [(text, known) for text, known in tickets if not self._spoken(text) & self.others.keys()]
        if len(mine) < FEWEST:
            return
        sure = self.main.sure([text for text, _ in mine])
        self.share = self.main.shares.estimate(sure, [known for _, known in mine])
        log.info("%d tickets show that %.0f %% of the messages are of no intent", len(mine), 100 * self.share)
        with self._lock:
            for one in (self.main, *(one for name, one in self._loaded.items() if name != ALARM)):
                one.expect(self.share)

    def _spoken(self, text: str) -> set[str]:
        return {one.language for one in tongues(text)[:1]}

    def _own(self, one: LinearClassifier) -> LinearClassifier:
        """Return a classifier whose band may move: the same arrays, which others may use with a band of their own."""
        if self.tickets is None:
            return one
        mine = copy(one)
        if self.share is not None:
            mine.expect(self.share)
        return mine

    def _asked(self, found: Sequence[Tongue]) -> list[LinearClassifier]:
        likely = [one.language for one in found if one.probability >= LIKELY]
        return list(dict.fromkeys(map(self.of, likely))) or [self.main]

    def _blind(self, found: Sequence[Tongue]) -> str:
        """Return the language the text is surely in, where it is not a known one; "" otherwise."""
        best = found[0] if found else Tongue()
        return best.language if best.sure and not self.known(best.language) else ""


def surest(found: Sequence[Prediction]) -> Prediction:
    """Return the surest of what the classifiers of several languages make of one text; two that mean different intents
    share their confidence."""
    named = [one for one in found if one.intent != NO_INTENT]
    if len(found) == 1 or not named:
        return found[0]
    best = max(named, key=lambda one: one.confidence)
    rival = max((one.confidence for one in named if one.intent != best.intent), default=0.0)
    share = 1 / max(best.confidence + rival, 1.0)
    guesses = [g for one in found for g in (Guess(one.intent, one.confidence), *one.alternatives)]
    others = [
        Guess(g.intent, min(g.confidence, best.confidence) * share)
        for g in _highest(guesses)
        if g.intent not in {best.intent, NO_INTENT}
    ]
    ordered = tuple(sorted(others, key=_confidence, reverse=True)[: len(best.alternatives)])
    return replace(best, confidence=best.confidence * share, alternatives=ordered)


def urgent_seen(classifier: LinearClassifier, language: str) -> float:
    """Return the share of a language's held-out urgent messages that are seen as urgent, or as a wish for a human; 1 where the
    classifier is not asked to know any of these kinds."""
    kinds = [kind for kind in URGENT if kind in classifier.intents]
    texts = held_out(language)
    found = [alarms(one) for kind in kinds for one in classifier.predict_many(texts[kind])]
    return sum(map(bool, found)) / len(found) if found else 1.0


def alarms(found: Prediction, suspicion: float = SUSPICION) -> dict[str, float]:
    """Return the urgent kinds that a message may be about, as the rules see it, with how surely."""
    guesses = _highest((Guess(found.intent, found.confidence), *found.alternatives, *found.suspects))
    floors = {one.name: one.doubt * suspicion for one in starter().intents if one.name in URGENT}
    return {one.intent: one.confidence for one in guesses if one.confidence >= floors.get(one.intent, NEVER)}


def in_language(lines: Iterable[str], language: str) -> tuple[str, ...]:
    """Return the lines that may be written in this language, and those that are of none."""
    return tuple(line for line in lines if _may_be(tongues(line), language))


def taught_by(lines: Iterable[str]) -> frozenset[str]:
    """Return the languages that enough of the lines are surely written in."""
    sure = [found[0].language for line in lines if (found := tongues(line)) and found[0].sure]
    return frozenset(one for one in set(sure) if sure.count(one) >= LEARNED)


def _may_be(found: Sequence[Tongue], language: str) -> bool:
    return not found or any(one.language == language and one.probability >= LIKELY for one in found)


def _confidence(guess: Guess) -> float:
    return guess.confidence


def _surest_first(guesses: Iterable[Guess]) -> tuple[Guess, ...]:
    """Return each intent once, the surest first."""
    return tuple(sorted(_highest(guesses), key=_confidence, reverse=True))


def _highest(guesses: Iterable[Guess]) -> list[Guess]:
    """Return each intent once, with the highest of its confidences."""
    best: dict[str, float] = {}
    for guess in guesses:
        best[guess.intent] = max(guess.confidence, best.get(guess.intent, 0.0))
    return [Guess(*pair) for pair in best.items()]
