"""What every desk's doctor looks at first: the origin, the webhook's secret, and whether we are let in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from core.errors import NotAllowed, VendorError
from core.model import Finding

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SHORT = 16  # characters of a secret


def origin(code: str, url: str, home: Callable[[str], bool], wanted: str, remedy: str) -> Finding:
    """Whether calls go to the vendor's own host over https, or at least to this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and home(host):
        return Finding(code, "ok", f"the origin is {url}")
    if host in LOOPBACK:
        return Finding(code, "ok", f"the origin {url} is on this machine")
    return Finding(code, "warn", f"{url or 'base_url'} is {wanted}", remedy)


def secret(code: str, secrets: Sequence[str], *, missing: str, short: str) -> Finding:
    """Whether there is a webhook secret of some length. `missing` and `short` are the remedies."""
    if not secrets:
        return Finding(code, "fail", "there is no webhook secret", missing)
    if min(map(len, secrets)) < SHORT:
        return Finding(code, "warn", f"the webhook secret is shorter than {SHORT} characters", short)
    return Finding(code, "ok", "a webhook secret is set")


def visit(
    before: Iterable[Finding],
    whoami: Callable[[], object],
    refused: Finding,
    silent: Finding,
    checks: Iterable[Callable[[], Iterable[Finding]]],
) -> list[Finding]:
    """One line for each thing looked at. When we are not let in, nothing more is asked: then it is `refused` or
    `silent`, with the vendor's own words."""
    try:
        whoami()
    except VendorError as err:
        seen = refused if isinstance(err, NotAllowed) else silent
        return [*before, replace(seen, what=f"{seen.what}: {err}")]
    return [*before, *(finding for check in checks for finding in check())]
