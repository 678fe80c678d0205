"""The classifier, loaded when a process first needs it: it is slow to import and to build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.classify import shared
from core.classify.configured import Absent, cache_dir
from core.classify.newest import hourly

if TYPE_CHECKING:
    from core.app import App


def load(app: App) -> None:
    """Load the classifier, or fit it, by the model that the store keeps."""
    from core.classify.build import classifier_of

    shared.fetch(app.engine, cache_dir(app.settings))
    app.classifier = classifier_of(app.settings, app.counters, hourly(app.engine, app.clock))


def ensured(app: App) -> None:
    """Load the classifier where it is first asked, in a process that began without."""
    if isinstance(app.classifier, Absent):
        load(app)
