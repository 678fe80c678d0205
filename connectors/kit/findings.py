"""What the desks' doctors share: the lines they print, and what each looks at first: origin, webhook secret, credential."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from connectors.kit.provision import Step
from core.errors import NotAllowed, VendorError
from core.model import Finding, Identity

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SHORT = 16  # characters of a secret


def ok(code: str, what: str, remedy: str = "") -> Finding:
    """Return a line that says that something is as it should be."""
    return Finding(code, "ok", what, remedy)


def warn(code: str, what: str, remedy: str = "") -> Finding:
    """Return a line about something that works with a restriction, or that cannot be seen."""
    return Finding(code, "warn", what, remedy)


def fail(code: str, what: str, remedy: str = "") -> Finding:
    """Return a line about something that does not work."""
    return Finding(code, "fail", what, remedy)


def origin(code: str, url: str, home: Callable[[str], bool], wanted: str, remedy: str) -> Finding:
    """Check whether calls go to the vendor's own host over https, or to this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and home(host):
        return ok(code, f"the origin is {url}")
    if host in LOOPBACK:
        return ok(code, f"the origin {url} is on this machine")
    return warn(code, f"{url or 'base_url'} is {wanted}", remedy)


def secret(code: str, secrets: Sequence[str], *, missing: str, short: str) -> Finding:
    """Check whether there is a webhook secret, and long enough. `missing` and `short` are the remedies."""
    if not secrets:
        return fail(code, "there is no webhook secret", missing)
    if min(map(len, secrets)) < SHORT:
        return warn(code, f"the webhook secret is shorter than {SHORT} characters", short)
    return ok(code, "a webhook secret is set")


def changed(code: str, step: Step) -> Iterator[Finding]:
    """Check whether an object of ours was changed, or is out of date. `step`: what `plan` says of it."""
    if step.action == "differs":
        words = f"the {step.kind} “{step.name}” was changed by somebody: {step.details}"
        yield warn(code, words, "Fine if it was meant; otherwise delete it and run install.")
    if step.action == "update":
        yield warn(code, f"the {step.kind} “{step.name}” is out of date: {step.why}", "Run install.")


class Who(Protocol):
    """A directory that knows who we are."""

    def whoami(self) -> Identity:
        """Return our own identity. Raises VendorError."""


S = TypeVar("S")  # settings
A = TypeVar("A")  # API
D = TypeVar("D", bound=Who)


@dataclass(frozen=True)
class Look(Generic[S, A, D]):
    """What a check with the run-time credential looks with."""

    settings: S
    api: A
    directory: D
    queues: Sequence[str]  # as the configuration names them


def visit(
    look: Look[S, A, D],
    before: Iterable[Finding],
    refused: Finding,
    silent: Finding,
    checks: Iterable[Callable[[Look[S, A, D]], Iterable[Finding]]],
) -> list[Finding]:
    """Return one line for each thing looked at. When we are not let in, nothing more is asked: the last line is then
    `refused` or `silent`, with the vendor's own words."""
    try:
        look.directory.whoami()
    except VendorError as err:
        seen = refused if isinstance(err, NotAllowed) else silent
        return [*before, replace(seen, what=f"{seen.what}: {err}")]
    return [*before, *(finding for check in checks for finding in check(look))]
