from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Service

from connectors.sandbox.server import running
from core.classify.cache import load_or_fit
from core.classify.linear import LinearClassifier
from core.classify.starter import starter


@pytest.fixture(scope="session")
def embedded(classifier_cache: Path) -> LinearClassifier:
    """The classifier as it comes out of the box."""
    return load_or_fit(starter().examples, starter().background, classifier_cache)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    with running(made.server):
        yield made
