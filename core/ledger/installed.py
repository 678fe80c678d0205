"""What `install` made in a desk, as running processes read it: nothing of it is copied into a file by a person."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from core.ledger import db
from core.ledger.schema import desks

if TYPE_CHECKING:
    from connectors.kit.provision import Site
    from core.app import App

log = logging.getLogger(__name__)

Read = Callable[[Any], Mapping[str, str]]
"""A manifest → setting → value."""


class Installed:
    """Return what is stored for one desk, read again after some seconds, so that a new secret needs no restart."""

    SECONDS = 5.0

    def __init__(
        self, engine: Engine, desk: str, read: Read, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._desk, self._read, self._clock = engine, desk, read, clock
        self._known: Mapping[str, str] = {}
        self._until = float("-inf")

    def __call__(self) -> Mapping[str, str]:
        """Return setting → value; what was known before while the ledger does not answer."""
        if self._clock() >= self._until:
            self._until = self._clock() + self.SECONDS
            try:
                self._known = self._read(manifest_of(self._engine, self._desk))
            except SQLAlchemyError as err:
                log.warning(
                    "the installation manifest of %s could not be read (%s)", self._desk, type(err).__name__
                )
        return self._known

    def again(self) -> None:
        """Ask the ledger with the next call: something was just made."""
        self._until = float("-inf")


def manifest_of(engine: Engine, desk: str) -> dict[str, Any]:
    """Return what install made in a desk: object → its id and the hash of what was sent."""
    with db.reading(engine) as conn:
        return dict(conn.execute(select(desks.c.manifest).where(desks.c.desk == desk)).scalar() or {})


def site_of(app: App, desk: str, *, admin: bool = False) -> Site[Any]:
    """Return what the vendor's installing functions ask for; `admin`: with the installer's credential."""
    return app.vendor(desk).site(
        app.desk_settings[desk],
        app.session(desk, admin=admin),
        desk=desk,
        public_url=app.settings.public_url,
        manifest=manifest_of(app.engine, desk),
        intents=tuple(app.rules[desk].intents),
    )
