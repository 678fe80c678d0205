"""What installing is made of: one step per object at the desk, the same for every vendor.

The manifest remembers what we made: `{"<kind>:<our name>": {"id": "…", "hash": "…"}}`. The hash is that of
the body we sent, so that a later edit by a person is distinguished from a newer version of ours. Two further entries keep what
else the running program needs: the webhook's secret and our own user's id. Nothing of it has to be copied by a person.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from connectors.kit.http import DeskSession
from connectors.kit.settings import DeskSettings
from connectors.kit.text import numbered
from core.errors import Gone, VendorError

Manifest = dict[str, dict[str, str]]
S = TypeVar("S", bound=DeskSettings)

HOOK, BOT = "account:hook", "account:bot"  # entries that are no objects of the account

Keep = Callable[[Manifest], None]
"""Called with the manifest after each object that was made, so that an error half-way orphans nothing."""


@dataclass(frozen=True)
class Site(Generic[S]):
    """One desk's installation: its account, where the account reaches us, and what was made there before."""

    settings: S
    session: DeskSession
    desk: str  # its name in the configuration
    public_url: str = ""
    manifest: Manifest = field(default_factory=dict)
    intents: tuple[str, ...] = ()

    @property
    def hook_url(self) -> str:
        """The address that the desk's webhooks call."""
        return f"{self.public_url.rstrip('/')}/hooks/{self.desk}"

    @property
    def shown_secret(self) -> str:
        """The secret as a manual step shows it: a reference to the file, or the value when no file holds it."""
        if self.settings.webhook_secret:
            return "<the value of webhook_secret>"
        return self.secret or "<what install makes>"

    @property
    def secret(self) -> str:
        """The secret that a webhook is given: the first configured one, else the one that install keeps."""
        return next(iter(self.settings.secrets()), "") or self.manifest.get(HOOK, {}).get("secret", "")


@dataclass(frozen=True)
class Step:
    """One thing that is to be done, or was done, at the desk."""

    action: str  # "create" | "update" | "keep" | "differs" | "delete" | "by_hand"
    kind: str  # the vendor's word: webhook, trigger, field, view…
    name: str
    why: str
    id: str = ""
    details: str = ""  # for "by_hand": numbered clicks with the values to paste; of a webhook, its address


def fingerprint(body: Mapping[str, Any]) -> str:
    """Return a short hash of an object as we send it, whatever the order of its keys."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def new_secret() -> str:
    """Return a secret for a webhook: 40 characters, the most that Help Scout takes."""
    return secrets.token_hex(20)


def with_secret(site: Site[S], keep: Keep) -> Site[S]:
    """Return the site with a secret for its webhooks; a new one is kept before anything signs with it."""
    if site.secret:
        return replace(site, manifest=dict(site.manifest))
    made = {**site.manifest, HOOK: {"secret": new_secret()}}
    keep(made)
    return replace(site, manifest=made)


def by_hand(kind: str, name: str, why: str, *clicks: str, id: str = "") -> Step:
    """Return a step that a person does, one click a line."""
    return Step("by_hand", kind, name, why, id, numbered(*clicks))


def removed(kind: str, name: str, number: str, remove: Callable[[], object], why: str, *clicks: str) -> Step:
    """Remove an object of ours with `remove`; `clicks` do the same where the desk refuses."""
    try:
        remove()
    except Gone:
        return Step("keep", kind, name, "it is gone already", number)
    except VendorError as err:
        return by_hand(kind, name, f"the desk did not remove it: {err}", *clicks, id=number)
    return Step("delete", kind, name, why, number)


def difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Return what was changed by hand in an object of ours, as text."""
    return "; ".join(
        f"{name}: {theirs[name]!r}, ours {value!r}" for name, value in ours.items() if theirs[name] != value
    )


def installed(manifest: Manifest) -> dict[str, str]:
    """Return a mapping, setting → value of what the running program reads of a manifest. A field's name counts before its id."""
    fields = {key.partition(":")[2]: kept for key, kept in manifest.items() if key.startswith("field:")}
    found = {f"{ours}_field": kept.get("name") or kept["id"] for ours, kept in fields.items()}
    found["bot_id"] = manifest.get(BOT, {}).get("id", "")
    found["webhook_secret"] = manifest.get(HOOK, {}).get("secret", "")
    return {name: value for name, value in found.items() if value}


def secret_print(secret: str) -> str:
    """Return a short hash by which the manifest notices that the secret was exchanged."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16] if secret else ""
