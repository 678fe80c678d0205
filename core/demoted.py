"""The intents that evidence forbids to answer automatically: what every process looks at before it decides.

`core.learning.demotion` takes them back and gives them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from core.ledger import db
from core.rules import rules_for

if TYPE_CHECKING:
    from core.app import App

DEMOTED = "demoted"


def demoted(engine: Engine) -> dict[str, dict[str, str]]:
    """intent → {"at", "why"}."""
    with db.reading(engine) as conn:
        return dict(db.kept(conn, DEMOTED) or {})


def honour(app: App) -> None:
    """Bring the rules of this process up to what was demoted or promoted meanwhile, by whichever process or person."""
    follow(app, demoted(app.engine))


def follow(app: App, kept: Iterable[str]) -> None:
    """As `honour`, with the intents that were just read."""
    now = frozenset(kept)
    if now == app.demoted:
        return
    for name, settings in app.desk_settings.items():
        app.rules[name] = rules_for(app.settings, settings, now)
    app.demoted = now
