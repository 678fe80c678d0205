from __future__ import annotations

import pytest

from core.classify.linear import LinearClassifier, fit
from core.classify.starter import starter


@pytest.fixture(scope="session")
def embedded() -> LinearClassifier:
    """The classifier as it comes out of the box."""
    return fit(starter().examples, starter().background)
