"""What installing is made of: one step per object at the desk, the same for every vendor.

The manifest remembers what we made: `{"<kind>:<our name>": {"id": "…", "hash": "…"}}`. The hash is that of
the body we sent, so that a human's later edit is told apart from a newer version of ours. Two further entries keep what
else the running program needs: the webhook's secret and our own user's id. Nothing of it has to be copied by a person.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, dict[str, str]]

HOOK, BOT = "account:hook", "account:bot"  # entries that are no objects of the account

Keep = Callable[[Manifest], None]
"""Told the manifest after each object that was made, so that an error half-way orphans nothing."""


def forget(_made: Manifest) -> None:
    """Keep nothing half-way."""


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
    """A short hash of an object as we send it, whatever the order of its keys."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def new_secret() -> str:
    """Return a secret for a webhook: 40 characters, the most that Help Scout takes."""
    return secrets.token_hex(20)


def hook_secret(configured: Sequence[str], manifest: Manifest) -> str:
    """Return the secret that a webhook is given: the first configured one, else the kept one."""
    return next(iter(configured), "") or manifest.get(HOOK, {}).get("secret", "")


def secret_words(configured: Sequence[object], secret: str) -> str:
    """Return what a person who clicks is shown of a secret: where it stands, or itself when it stands nowhere else."""
    return "<the value of webhook_secret>" if configured else secret or "<what install makes>"


def installed(manifest: Manifest) -> dict[str, str]:
    """Return setting → value of what the running program reads of a manifest. A field's name counts before its id."""
    fields = {key.partition(":")[2]: kept for key, kept in manifest.items() if key.startswith("field:")}
    found = {f"{ours}_field": kept.get("name") or kept["id"] for ours, kept in fields.items()}
    found["bot_id"] = manifest.get(BOT, {}).get("id", "")
    found["webhook_secret"] = manifest.get(HOOK, {}).get("secret", "")
    return {name: value for name, value in found.items() if value}


def secret_print(secret: str) -> str:
    """A short hash by which the manifest notices that the secret was exchanged."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16] if secret else ""
