"""Plan, install, uninstall, doctor: the vendor's part does it, the ledger keeps the manifest."""

from __future__ import annotations

from typing import Any

from core.counters import Counters
from core.ledger import store
from core.wiring import App, StoredTokens, module


def session_for(app: App, name: str, *, admin: bool = False) -> Any:
    """A session at one desk; `admin`: with the installer's credential where a vendor keeps them apart."""
    settings = app.desk_settings[name]
    connector = module(settings.vendor, "connector")
    counters: Counters = app.counters
    tokens = StoredTokens(app.engine, app.clock)

    def on_call(operation: str, outcome: str) -> None:
        counters.vendor_call(name, operation, outcome)

    more = {"admin": True} if admin and "admin" in connector.make_session.__code__.co_varnames else {}
    return connector.make_session(settings, tokens, app.clock, on_call, **more)


def manifest_of(app: App, name: str) -> dict[str, Any]:
    """What install made in a desk."""
    with app.engine.begin() as conn:
        row = store.desk(conn, name)
    return dict((row.manifest if row is not None else None) or {})


def keep_manifest(app: App, name: str, manifest: dict[str, Any]) -> None:
    """Remember what install made."""
    with app.engine.begin() as conn:
        store.put_desk(conn, name, manifest=manifest)
