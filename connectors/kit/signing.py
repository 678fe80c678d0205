"""Verify webhook signatures and tokens: pure functions over raw bytes, compared in constant time.

Several secrets may be valid at once, so that a secret can be rotated without losing a request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from core.errors import BadSignature


def same(expected: Iterable[str], given: str) -> bool:
    """Return whether `given` is one of `expected`; compares with all of them, in constant time."""
    raw = raw_bytes(given)
    hits = [hmac.compare_digest(one.encode(), raw) for one in expected if one]
    return any(hits)


def raw_bytes(header: str) -> bytes:
    """Return a header's value as bytes; b"" for one that cannot be encoded, which matches no secret."""
    try:
        return header.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b""


def hmac_base64(secret: str, payload: bytes, algorithm: str = "sha256") -> str:
    """base64(HMAC(secret, payload)); the secret is used as it is written, never decoded."""
    digest = hmac.new(secret.encode(), payload, getattr(hashlib, algorithm)).digest()
    return base64.b64encode(digest).decode()


def check_signature(
    secrets: Iterable[str], payload: bytes, given: str | None, *, algorithm: str = "sha256"
) -> None:
    """Raise BadSignature unless `given` is the payload's HMAC under one of the secrets."""
    if not given:
        raise BadSignature("the request carries no signature")
    if not same((hmac_base64(secret, payload, algorithm) for secret in secrets if secret), given.strip()):
        raise BadSignature("the signature does not match the body: is the webhook secret the current one?")


def check_fresh(stamp: str | None, now: datetime, window: timedelta) -> None:
    """Raise BadSignature unless the ISO-8601 `stamp` lies within `window` of `now`, either way."""
    try:
        at = datetime.fromisoformat(stamp or "")
    except ValueError as err:
        raise BadSignature("the signature's timestamp cannot be read") from err
    if at.tzinfo is None or abs(now - at) > window:
        raise BadSignature("the signature's timestamp is too far from our clock: check both clocks")


def check_token(secrets: Iterable[str], headers: Mapping[str, str], header: str) -> None:
    """Raise BadSignature unless `header`, or the password of HTTP Basic, is one of the secrets."""
    given = headers.get(header) or _basic_password(headers.get("authorization", ""))
    if not given:
        raise BadSignature(f"the request carries neither {header} nor HTTP Basic")
    if not same(secrets, given):
        raise BadSignature(f"the token in {header} is not the configured secret")


def _basic_password(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return ""
    return decoded.partition(":")[2]
