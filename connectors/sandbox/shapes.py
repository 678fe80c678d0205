"""What the fakes refuse in a body, each in its vendor's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Types = Mapping[str, type | tuple[type, ...]]


def misfits(given: Mapping[str, Any], known: Types) -> tuple[list[str], list[str]]:
    """Return the names that are not known, and those whose values are of a wrong type."""
    there = [name for name, value in given.items() if name in known and value is not None]
    wrong = [name for name in there if not _fits(given[name], known[name])]
    return [name for name in given if name not in known], wrong


def _fits(value: Any, wanted: type | tuple[type, ...]) -> bool:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    return isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)
