"""Everything that speaks to someone else's server."""

from __future__ import annotations

import importlib
from typing import Any

from core.errors import ConfigError

DESKS = {
    "zendesk": "connectors.zendesk",
    "freshdesk": "connectors.freshdesk",
    "helpscout": "connectors.helpscout",
}
"""Vendor → its folder, with `connector`, `install` and `fake`; imported when it is configured."""


def load(vendor: str, part: str) -> Any:
    """Import a vendor's module, e.g. `load("zendesk", "events")`. Raises ConfigError for an unknown vendor."""
    if vendor not in DESKS:
        raise ConfigError(f'vendor "{vendor}" is not known: use {", ".join(DESKS)}')
    return importlib.import_module(f"{DESKS[vendor]}.{part}")
