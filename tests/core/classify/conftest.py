from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Service

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
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()
