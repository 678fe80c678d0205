"""What installing is made of: one step per object at the desk, the same for every vendor.

The manifest remembers what we made: `{"<kind>:<our name>": {"id": "…", "hash": "…"}}`. The hash is that of
the body we sent, so that a human's later edit is told apart from a newer version of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, dict[str, str]]

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
    details: str = ""  # for "by_hand": numbered clicks with the values to paste


def fingerprint(body: Mapping[str, Any]) -> str:
    """A short hash of an object as we send it, whatever the order of its keys."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def secret_print(secret: str) -> str:
    """A short hash by which the manifest notices that the secret was exchanged."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16] if secret else ""
