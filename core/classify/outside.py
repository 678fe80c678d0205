"""An outside classifier from its settings, with the embedded one behind it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.classify import trust as trusts
from core.classify.remote import Call, ChatClassifier, HttpClassifier, Shape, Transport, with_fallback
from core.classify.starter import starter
from core.classify.trust import Trust
from core.errors import ConfigError
from core.ports import Classifier

log = logging.getLogger(__name__)
Intents = Mapping[str, object]


def outside(
    section: Any,
    intents: Intents,
    folder: Path,
    thresholds: Sequence[float],
    on_call: Callable[[Call], None] | None = None,
) -> Callable[[Classifier], Classifier]:
    """Return kind `http` or `openai`, as `[classifier]` says, trusted as far as it was measured; raises ConfigError."""
    primary = bare(section, intents, trust_of(section, intents, folder, thresholds), on_call)
    return lambda embedded: with_fallback(primary, embedded)


def bare(
    section: Any, intents: Intents, trust: Trust, on_call: Callable[[Call], None] | None = None
) -> HttpClassifier | ChatClassifier:
    """Return the outside classifier alone; raises ConfigError when its address is missing."""
    headers = {"Authorization": f"Bearer {section.api_key.get_secret_value()}"} if section.api_key else {}
    timeout, price = section.timeout.total_seconds(), (section.price_in, section.price_out)
    transport = Transport(address(section), timeout, headers, on_call=on_call)
    if section.kind == "http":
        return HttpClassifier(transport, shape=_shape(section), trust=trust, price=price)
    return ChatClassifier(transport, section.model, _described(intents), trust=trust, price=price)


def address(section: Any) -> str:
    """Return where it listens; raises ConfigError when that is missing, or its answers could not be read."""
    if section.kind == "http":
        if not section.url:
            raise ConfigError("classifier.url is missing: set it to the classifier's address")
        _shape(section)
        return str(section.url)
    if not section.base_url or not section.model:
        raise ConfigError("classifier.base_url and classifier.model are needed for kind openai")
    return str(section.base_url).rstrip("/") + "/chat/completions"


def _shape(section: Any) -> Shape:
    known = {"text", "intent", "confidence", "alternatives"}
    if strange := sorted(set(section.answer) - known):
        names = ", ".join(sorted(known))
        raise ConfigError(f"classifier.answer.{strange[0]}: no such key: one of {names}")
    return Shape(extra=section.request, **section.answer)


def trust_of(section: Any, intents: Intents, folder: Path, thresholds: Sequence[float]) -> Trust:
    """Return what `train --calibrate` measured of this very classifier; else no automatic answers by it."""
    path = trust_path(section, intents, folder)
    try:
        found = trusts.load(path)
    except ValueError as error:
        log.warning("the outside classifier's calibration is not used: %s", error)
        found = None
    if found is None:
        log.warning(
            "the outside classifier is not calibrated: its guesses are never answered automatically. "
            "`backstop train --calibrate` measures it on messages of known intent"
        )
    return found or trusts.untried(thresholds)


def trust_path(section: Any, intents: Intents, folder: Path) -> Path:
    """Where the calibration of this classifier is kept: another address, model or list of intents is another classifier."""
    who = [section.kind, section.url, section.base_url, section.model, section.request, section.answer]
    content = json.dumps([*who, sorted(intents)], sort_keys=True, default=str)
    return folder / f"outside-{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"


def _described(intents: Intents) -> dict[str, str]:
    described = {i.name: i.description for i in starter().intents}
    return {name: described.get(name, name.replace("_", " ")) for name in intents}
