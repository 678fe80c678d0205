"""What is known of the configured classifier without loading it: its examples, its folder, whether it could be built.

Nothing here needs numpy: most commands, and the process that receives webhooks, never classify.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.classify.starter import known, starter
from core.errors import ConfigError, TryLater
from core.settings import Settings

ENGLISH = "en"


def examples(
    settings: Settings, language: str = ENGLISH, of_it: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple
) -> dict[str, tuple[str, ...]]:
    """Return what a language's classifier learns from: the file's examples, else the starter's of the same name.

    The English one learns all lines of the file. Another learns those that may be in its language, and the starter's lines of
    an intent for which the file has none in it. `of_it`: which of some lines are. Raises ConfigError: see `_named`.
    """
    _named(settings)
    begin = starter(language).examples
    found = dict(begin) if settings.classifier.starter else {}
    for name, one in settings.intents.items():
        own = tuple(one.examples)
        if language != ENGLISH:
            own = of_it(own)
        examples = own or begin.get(name, ())
        if examples:
            found[name] = examples
    return found


def _named(settings: Settings) -> None:
    """Raise ConfigError for an intent without examples that is no starter intent; reads none of the starter's."""
    for name, one in settings.intents.items():
        if not one.examples and name not in known():
            raise ConfigError(
                f"{settings.path}: intents.{name}.examples is empty and {name} is no starter intent: "
                "give at least five sentences a customer would write"
            )


def checked(settings: Settings) -> None:
    """Raise ConfigError where no classifier could be built from these settings; builds none."""
    _named(settings)
    if settings.classifier.kind != "embedded":
        from core.classify.outside import address

        address(settings.classifier)


def cache_dir(settings: Settings) -> Path:
    """Where the fitted model is kept: as configured, else in the user's cache."""
    if settings.classifier.cache:
        return Path(settings.classifier.cache)  # absolute: see core.settings
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "backstop"


class Absent:
    """Stands where a process does not classify."""

    model = "none"

    def predict(self, text: str) -> Any:
        """Raise TryLater."""
        raise TryLater("this process has no classifier: it only receives webhooks")

    def suspects(self, text: str) -> Any:
        """Raise TryLater."""
        raise TryLater("this process has no classifier: it only receives webhooks")

    def examine(self, words: str, everything: str) -> Any:
        """Raise TryLater."""
        raise TryLater("this process has no classifier: it only receives webhooks")
