"""Plan, install, uninstall and doctor: the desk has no API for its webhooks, so all of it is clicks."""

from __future__ import annotations

from connectors.kit.findings import ok, warn
from connectors.kit.provision import Keep, Manifest, Site, Step, by_hand, with_secret
from connectors.sandbox.settings import Settings
from core.model import Finding


def plan(site: Site[Settings]) -> list[Step]:
    """Return the clicks that make the webhook."""
    clicks = (f"Address: {site.hook_url}", f"Token: {site.shown_secret}")
    return [by_hand("webhook", "Backstop", "the desk has no API for webhooks", *clicks)]


def install(site: Site[Settings], keep: Keep) -> tuple[Manifest, list[Step]]:
    """Make a secret and return the clicks that use it."""
    site = with_secret(site, keep)
    return site.manifest, plan(site)


def uninstall(site: Site[Settings], *, dry: bool = False) -> list[Step]:
    """Return the click that removes the webhook."""
    return [by_hand("webhook", "Backstop", "the desk has no API for webhooks", "Delete the webhook")]


def doctor(site: Site[Settings]) -> list[Finding]:
    """Return whether there is a secret for the webhook."""
    if site.secret:
        return [ok("SB02", "a webhook secret is set")]
    return [
        warn(
            "SB02",
            "there is no webhook secret",
            "set webhook_secret to what the sandbox printed, or run install: it makes one and keeps it",
        )
    ]
