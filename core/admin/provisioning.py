"""Plan, install, uninstall, doctor: carried out by the vendor's module; the ledger keeps the manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.app import App
from core.errors import ConfigError
from core.ledger import db, pausing, store
from core.ledger.installed import site_of
from core.ledger.tokens import StoredTokens
from core.model import Finding

if TYPE_CHECKING:
    from connectors.kit.provision import Site, Step

UNINSTALL = "uninstall"  # who put the desk on hold


def plan(app: App, name: str) -> list[Step]:
    """Return what install would do in a desk, one step per object. Raises ConfigError."""
    return app.vendor(name).install.plan(_site(app, name))


def install(app: App, name: str) -> list[Step]:
    """Make what is missing, and resume a desk that `uninstall` put on hold. What was made is recorded at once,
    so that an error half-way orphans nothing.
    """
    site = _site(app, name)
    made, steps = app.vendor(name).install.install(site, lambda made: keep_manifest(app, name, dict(made)))
    keep_manifest(app, name, made)
    with db.reading(app.engine) as conn:
        row = store.desk(conn, name)
    if row is not None and row.paused_by == UNINSTALL:  # a hold that a person asked for stays
        pausing.resume(app.engine, name, app.clock(), "install")
    return steps


def uninstall(app: App, name: str, *, dry: bool = False) -> list[Step]:
    """Put the desk on hold until install or resume, remove what install made, and delete the token. What the
    desk refused to remove stays in the manifest.
    """
    if not dry:
        pausing.hold(app.engine, name, app.clock(), UNINSTALL)
    site = site_of(app, name, admin=True)
    steps = app.vendor(name).install.uninstall(site, dry=dry)
    if not dry:
        left = {step.id for step in steps if step.action == "by_hand" and step.id}
        keep_manifest(app, name, {key: kept for key, kept in site.manifest.items() if kept.get("id") in left})
        if not left:
            StoredTokens(app.engine, app.clock).forget(name)
    return steps


def doctor(app: App, name: str) -> list[Finding]:
    """Return the vendor's findings about what install made."""
    return app.vendor(name).install.doctor(_site(app, name))


def _site(app: App, name: str) -> Site[Any]:
    if not app.settings.public_url:
        raise ConfigError(
            f"{app.settings.path}: public_url is missing: set the address at which the desk reaches Backstop"
        )
    return site_of(app, name, admin=True)


def keep_manifest(app: App, name: str, manifest: dict[str, Any]) -> None:
    """Record what install made."""
    with app.engine.begin() as conn:
        store.put_desk(conn, name, manifest=manifest)
    app.installed[name].again()
