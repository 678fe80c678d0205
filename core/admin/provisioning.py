"""Plan, install, uninstall, doctor: the vendor's part does it, the ledger keeps the manifest."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from core.app import App
from core.errors import ConfigError
from core.ledger import store
from core.ledger.tokens import StoredTokens
from core.model import Finding


def taken(function: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the offered arguments that a vendor's function has a use for."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in offered.items() if name in known}


def plan(app: App, name: str) -> list[Any]:
    """What install would do in a desk, one step per object."""
    return list(_asked(app, name, "plan"))


def install(app: App, name: str) -> list[Any]:
    """Make what is missing. What was made is remembered at once, so that an error half-way orphans nothing."""
    made, steps = _asked(app, name, "install", keep=lambda made: keep_manifest(app, name, dict(made)))
    keep_manifest(app, name, made)
    return list(steps)


def uninstall(app: App, name: str, *, dry: bool = False) -> list[Any]:
    """Remove what install made, and forget the token; what the desk would not remove stays in the manifest."""
    manifest, settings = manifest_of(app, name), app.desk_settings[name]
    work = _part(app, name).uninstall
    steps = list(work(settings, app.session(name, admin=True), manifest=manifest, dry=dry))
    if not dry:
        left = {step.id for step in steps if step.action == "by_hand" and step.id}
        keep_manifest(app, name, {key: kept for key, kept in manifest.items() if kept.get("id") in left})
        if not left:
            StoredTokens(app.engine, app.clock).forget(name)
    return steps


def doctor(app: App, name: str) -> list[Finding]:
    """What the vendor's part sees of what install made."""
    return list(_asked(app, name, "doctor"))


def _asked(app: App, name: str, what: str, **more: Any) -> Any:
    if not app.settings.public_url:
        raise ConfigError(f"{app.settings.path}: public_url is missing: it is where the desk will reach us")
    work = getattr(_part(app, name), what)
    offered = {
        "public_url": app.settings.public_url,
        "desk": name,
        "manifest": manifest_of(app, name),
        "intents": tuple(app.rules[name].intents),
        **more,
    }
    return work(app.desk_settings[name], app.session(name, admin=True), **taken(work, offered))


def _part(app: App, name: str) -> Any:
    return app.vendor(name, "install.provision")


def manifest_of(app: App, name: str) -> dict[str, Any]:
    """What install made in a desk."""
    with app.engine.begin() as conn:
        row = store.desk(conn, name)
    return dict((row.manifest if row is not None else None) or {})


def keep_manifest(app: App, name: str, manifest: dict[str, Any]) -> None:
    """Remember what install made."""
    with app.engine.begin() as conn:
        store.put_desk(conn, name, manifest=manifest)
