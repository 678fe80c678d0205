"""The configured classifier: embedded or external, from the cache where there is one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.classify.cache import load, load_or_fit, of_language, with_embedder
from core.classify.configured import ENGLISH, cache_dir, examples
from core.classify.intents import intent_rules
from core.classify.meaning import Embedder, embedder
from core.classify.multilingual import Multilingual, in_language, taught_by
from core.classify.newest import Tickets
from core.classify.none import Known
from core.classify.outside import outside, trust_path
from core.classify.overlap import stepping_back, without
from core.classify.starter import starter
from core.errors import said_of
from core.language import LANGUAGES
from core.ports import Classifier
from core.settings import Settings
from core.telemetry import traces

if TYPE_CHECKING:
    from core.classify.linear import LinearClassifier
    from core.classify.remote import Call
    from core.telemetry.counters import Counters

log = logging.getLogger(__name__)


def examples_of(settings: Settings, language: str = ENGLISH) -> dict[str, tuple[str, ...]]:
    """What a language's classifier learns from: see `examples`."""
    return examples(settings, language, partial(in_language, language=language))


def learned_from(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return what the main classifier learns from: the English examples, without the starter's intents that step back."""
    return without(examples_of(settings), stepping_back(settings, cache_dir(settings)))


def classifier_of(
    settings: Settings, counters: Counters | None = None, tickets: Callable[[], Tickets] | None = None
) -> Classifier:
    """Return the embedded one, or an outside one that falls back to it; its time is counted where there are counters.
    `tickets`: the newest ones, which the embedded one's band follows; then all that a first message needs is made at once."""
    embedded, outside = embedded_of(settings, tickets), _outside(settings, counters)
    if tickets:
        embedded.prepare()
    found: Classifier = embedded
    if outside is not None:
        found = Known(outside(embedded), intent_rules(settings), settings.bands.route)
    return found if counters is None else _Timed(found, counters)


def embedded_of(settings: Settings, tickets: Callable[[], Tickets] | None = None) -> Multilingual:
    """Return what `train` learned, while it is about the configured intents; else fitted to the examples."""
    examples = learned_from(settings)
    embed = embedder(settings.classifier.embeddings)
    trained = _trained(trained_path(settings), set(examples), embed)
    main = trained or load_or_fit(examples, starter().background, cache_dir(settings), embed=embed)
    others = {
        one: partial(_of_language, settings, one, set(examples) if trained else None, embed)
        for one in LANGUAGES
        if one != ENGLISH and _taught_in(settings, one)
    }
    lines = [line for intent in settings.intents.values() for line in intent.examples]
    begin, folder = starter(), cache_dir(settings)
    alarm = partial(load_or_fit, begin.examples, begin.background, folder, language=ENGLISH)
    taught = taught_by(lines) | set(main.taught)
    return Multilingual(main, others, taught, route=settings.bands.route, alarm=alarm, tickets=tickets)


def _taught_in(settings: Settings, language: str) -> bool:
    """Return whether there is any line to learn from; cheaper than to gather them all at each start."""
    return settings.classifier.starter or bool(examples_of(settings, language))


def languages_of(settings: Settings) -> dict[str, tuple[dict[str, tuple[str, ...]], tuple[str, ...]]]:
    """Examples and background lines of the languages that have a classifier of their own."""
    found = {one: examples_of(settings, one) for one in LANGUAGES if one != ENGLISH}
    return {one: (examples, starter(one).background) for one, examples in found.items() if examples}


def _of_language(
    settings: Settings, language: str, trained: set[str] | None, embed: Embedder | None
) -> LinearClassifier:
    """Return one language's classifier: as `train` left it, if what it left is used, else from the cache or fitted."""
    found = _trained(of_language(trained_path(settings), language), trained, embed) if trained else None
    examples, background = examples_of(settings, language), starter(language).background
    return found or load_or_fit(examples, background, cache_dir(settings), language=language, embed=embed)


def trained_path(settings: Settings) -> Path:
    """Return where `train` stores its model."""
    return cache_dir(settings) / "trained.npz"


def _trained(path: Path, intents: set[str], embed: Embedder | None) -> LinearClassifier | None:
    """Return the model that `train` left there; None where there is none about these intents."""
    if not path.exists():
        return None
    try:
        model = with_embedder(load(path), embed)
    except ValueError as err:
        log.warning("the trained model is not used: %s", err)
        return None
    except OSError as err:
        log.warning("the trained model %s is not used: %s", path, said_of(err))
        return None
    if set(model.intents) == intents or (model.language and set(model.intents) <= intents):
        return model
    log.warning("%s is not used: it knows other intents than the configuration; train again", path)
    return None


def _outside(settings: Settings, counters: Counters | None) -> Callable[[Classifier], Classifier] | None:
    section, intents = settings.classifier, intent_rules(settings)
    if section.kind == "embedded":
        return None

    own = [rule.auto for rule in intents.values() if rule.auto is not None]
    tell = _counted_mind(counters) if counters else None
    return outside(section, intents, cache_dir(settings), [settings.bands.auto, *own], tell)


def calibration_path(settings: Settings) -> Path:
    """Where `train --calibrate` leaves what the configured outside classifier's confidence is worth."""
    return trust_path(settings.classifier, intent_rules(settings), cache_dir(settings))


def _counted_mind(counters: Counters) -> Callable[[Call], None]:
    return lambda call: counters.external_call(
        call.model, call.outcome, call.seconds, (call.tokens_in, call.tokens_out), call.cost
    )


class _Timed:
    """A classifier whose time is counted."""

    def __init__(self, inner: Classifier, counters: Counters) -> None:
        self._inner, self._counters, self.model = inner, counters, inner.model

    def predict(self, text: str) -> Any:
        return self._counted(partial(self._inner.predict, text))

    def suspects(self, text: str) -> Any:
        with traces.span("classify"):
            return self._inner.suspects(text)

    def examine(self, words: str, everything: str) -> Any:
        return self._counted(partial(self._inner.examine, words, everything))

    def _counted(self, work: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        try:
            with traces.span("classify"):
                return work()
        finally:
            self._counters.classified(time.perf_counter() - begun)
