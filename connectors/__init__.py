"""Everything that speaks to someone else's server."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError

if TYPE_CHECKING:
    from connectors.kit.vendor import Vendor

DESKS = {
    "zendesk": "connectors.zendesk",
    "freshdesk": "connectors.freshdesk",
    "helpscout": "connectors.helpscout",
}
"""Vendor → its folder, whose `vendor.py` is imported when a desk of that vendor is configured."""
SANDBOX = {"sandbox": "connectors.sandbox"}
"""The desk for trying Backstop without an account, and the least that a desk takes; `init` and `setup` do not offer it."""
FOLDERS = DESKS | SANDBOX


def vendor_of(name: str) -> Vendor[Any]:
    """Return a vendor by its name in `[desks.<name>] vendor`. Raises ConfigError for an unknown one."""
    if name not in FOLDERS:
        raise ConfigError(f'vendor "{name}" is not known: use {", ".join(FOLDERS)}')
    found: Vendor[Any] = importlib.import_module(f"{FOLDERS[name]}.vendor").VENDOR
    return found
