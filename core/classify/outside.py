"""An outside classifier from its settings, with the embedded one behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.classify.remote import ChatClassifier, HttpClassifier, Shape, Transport, with_fallback
from core.classify.starter import starter
from core.errors import ConfigError
from core.ports import Classifier


def outside(section: Any, intents: Mapping[str, object]) -> Callable[[Classifier], Classifier]:
    """Kind `http` or `openai`, as `[classifier]` says; raises ConfigError when its address is missing."""
    headers = {"Authorization": f"Bearer {section.api_key.get_secret_value()}"} if section.api_key else {}
    timeout = section.timeout.total_seconds()
    if section.kind == "http":
        if not section.url:
            raise ConfigError("classifier.url is missing: where does the classifier listen?")
        shape = Shape(extra=section.request, **section.answer)
        primary: Classifier = HttpClassifier(Transport(section.url, timeout, headers), shape=shape)
    else:
        if not section.base_url or not section.model:
            raise ConfigError("classifier.base_url and classifier.model are needed for kind openai")
        described = {i.name: i.description for i in starter().intents}
        names = {name: described.get(name, name.replace("_", " ")) for name in intents}
        url = section.base_url.rstrip("/") + "/chat/completions"
        primary = ChatClassifier(Transport(url, timeout, headers), section.model, names)
    return lambda embedded: with_fallback(primary, embedded)
