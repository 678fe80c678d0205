"""Everything that speaks to someone else's server."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from core.errors import ConfigError

if TYPE_CHECKING:
    from connectors.freshdesk import connector as freshdesk
    from connectors.freshdesk import events as freshdesk_events
    from connectors.freshdesk.install import provision as freshdesk_provision
    from connectors.helpscout import connector as helpscout
    from connectors.helpscout import events as helpscout_events
    from connectors.helpscout import sidebar as helpscout_sidebar
    from connectors.helpscout.install import connect as helpscout_connect
    from connectors.helpscout.install import provision as helpscout_provision
    from connectors.kit.vendor import Connect, Connector, Events, Provision, RepairsWebhook, Sidebar
    from connectors.zendesk import connector as zendesk
    from connectors.zendesk import events as zendesk_events
    from connectors.zendesk.install import connect as zendesk_connect
    from connectors.zendesk.install import provision as zendesk_provision

    # mypy compares each module with what its part must offer
    CONNECTORS: tuple[Connector, ...] = (zendesk, freshdesk, helpscout)
    PROVISIONS: tuple[Provision, ...] = (zendesk_provision, freshdesk_provision, helpscout_provision)
    EVENTS: tuple[Events, ...] = (zendesk_events, freshdesk_events, helpscout_events)
    CONNECTS: tuple[Connect, ...] = (zendesk_connect, helpscout_connect)
    SIDEBARS: tuple[Sidebar, ...] = (helpscout_sidebar,)

DESKS = {
    "zendesk": "connectors.zendesk",
    "freshdesk": "connectors.freshdesk",
    "helpscout": "connectors.helpscout",
}
"""Vendor → its folder."""


@dataclass(frozen=True)
class Vendor:
    """The parts of one vendor's folder, each imported when it is asked for: see `connectors/kit/vendor.py`."""

    folder: str

    @property
    def connector(self) -> Connector:
        """Return the part that makes desks and sessions."""
        return cast("Connector", self._part("connector"))

    @property
    def provision(self) -> Provision:
        """Return the part that plans, makes, removes and checks what we need in an account."""
        return cast("Provision", self._part("install.provision"))

    @property
    def repair(self) -> RepairsWebhook | None:
        """Return the part that switches a webhook on again, None where a vendor does not let us."""
        found = self._part("install.provision")
        return cast("RepairsWebhook", found) if hasattr(found, "ensure_hook") else None

    @property
    def events(self) -> Events:
        """Return the part that knows webhooks."""
        return cast("Events", self._part("events"))

    @property
    def connect(self) -> Connect | None:
        """Return the part that connects in the browser, None where a vendor has only keys."""
        return cast("Connect | None", self._part("install.connect", optional=True))

    @property
    def sidebar(self) -> Sidebar | None:
        """Return the part that answers the vendor's sidebar, None where it asks nothing of our server."""
        return cast("Sidebar | None", self._part("sidebar", optional=True))

    def _part(self, name: str, *, optional: bool = False) -> Any:
        full = f"{self.folder}.{name}"
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as err:
            if optional and err.name == full:
                return None
            raise


def vendor_of(name: str) -> Vendor:
    """Return a vendor by its name in `[desks.<name>] vendor`. Raises ConfigError for an unknown one."""
    if name not in DESKS:
        raise ConfigError(f'vendor "{name}" is not known: use {", ".join(DESKS)}')
    return Vendor(DESKS[name])
