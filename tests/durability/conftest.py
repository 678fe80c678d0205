"""The journeys' house, and what the durability tests need besides."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.http import DeskSession
from tests.stores import Stores


@pytest.fixture
def database(stores: Stores, tmp_path: Path) -> Iterator[str]:
    """An empty Postgres database."""
    with stores.empty("postgres", tmp_path) as url:
        yield url


def _journeys() -> Any:
    """The in-process harness of the journeys, with faults."""
    place = Path(__file__).resolve().parents[1] / "journeys" / "conftest.py"
    spec = importlib.util.spec_from_file_location("journeys_conftest", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


_found = _journeys()
house, vendor, store_kind = _found.house, _found.vendor, _found.store_kind


@pytest.fixture
def no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that failed is repeated at once: the desk's answers are ours to plan."""
    monkeypatch.setitem(DeskSession.__init__.__kwdefaults__, "sleep", lambda _seconds: None)


@pytest.fixture(scope="session")
def journeys() -> Any:
    """The module itself, for tests that build houses by themselves."""
    return _found
