"""Cases over desks without their product: what is the same at every desk need not be tried with every case at each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle, islice
from typing import Any

import pytest

from connectors import DESKS

VENDORS = tuple(DESKS)


def in_turns(name: str, cases: Iterable[Any], ids: Iterable[str] | None = None) -> pytest.MarkDecorator:
    """Each case at one desk, each desk at least once."""
    cases = list(cases)
    names = list(ids) if ids is not None else [str(one) for one in cases]
    number = max(len(cases), len(VENDORS))
    rows = islice(zip(cycle(VENDORS), cycle(cases), cycle(names), strict=False), number)
    return pytest.mark.parametrize(
        ("vendor", name), [pytest.param(desk, case, id=f"{label}-{desk}") for desk, case, label in rows]
    )


def in_pairs(names: str, cases: dict[str, Any], others: dict[str, Any]) -> pytest.MarkDecorator:
    """Each case at each desk; the others take turns so that each meets every case and every desk once."""
    first, second = names.split(", ")
    turns = list(others.items())
    rows = [
        pytest.param(desk, case, turn[1], id=f"{label}-{turn[0]}-{desk}")
        for i, desk in enumerate(VENDORS)
        for j, (label, case) in enumerate(cases.items())
        if (turn := turns[(i + j) % len(turns)])
    ]
    return pytest.mark.parametrize(("vendor", first, second), rows)
