"""Post to a provider and report the result: done, later, refused, or unknown."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator

from connectors.kit.decoding import words_of
from connectors.kit.http import Limits, never_sent, retry_after
from core.errors import NotAllowed, Refused, TryLater, UnknownOutcome, VendorError
from core.ports import HelpDesk

TIMEOUT = (4.0, 10.0)  # a notice must not wait long, since another channel may work
OnCall = Callable[[str, str], None]
WORDS = 300
# Metadata services of clouds, beside the link-local addresses: AWS by IPv6, Alibaba, Oracle.
METADATA = {"metadata", "metadata.google.internal", "fd00:ec2::254", "100.100.100.200", "192.0.0.192"}


@dataclass(frozen=True)
class Context:
    """What a channel may use of the running process."""

    clock: Callable[[], datetime]
    on_call: OnCall  # counts a call
    public_url: str
    desks: Mapping[str, HelpDesk]
    may_write: Callable[[str], bool]  # whether a note may be written at this desk


def checked_url(value: str) -> str:
    """Return an http(s) address typed by an admin. Raises ValueError for one at which a cloud serves its secrets."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http(s) address such as https://hooks.example.com/…")
    if inner(parts.hostname):
        raise ValueError("points to an address at which machines keep their secrets: use the provider's own")
    return value


def split_list(value: Any) -> Any:
    """Return the recipients of a text that separates them by commas, as an environment variable does."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Url = Annotated[str, AfterValidator(checked_url)]


def inner(host: str) -> bool:
    """Return whether this names a link-local or metadata address."""
    if host.lower().rstrip(".") in METADATA:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local or str(address) in METADATA


def resolve_outside(url: str) -> None:
    """Raise Refused for a host name that resolves to such an address."""
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or parts.scheme, type=socket.SOCK_STREAM)
    except OSError as err:
        raise TryLater(f"{parts.hostname} cannot be found ({err.strerror or err})") from err
    if any(inner(str(address[0])) for *_, address in found):
        raise Refused(f"{parts.hostname} leads to an address at which machines keep their secrets")


def post(
    url: str, *, on_call: OnCall, operation: str, method: str = "POST", **more: Any
) -> requests.Response:
    """Make one call, never repeated and never redirected. Raises TryLater, Refused, UnknownOutcome."""
    try:
        resolve_outside(url)
        response = _sent(method, url, more)
        judge(response)
    except VendorError as err:
        on_call(operation, type(err).__name__.lower())
        raise
    on_call(operation, "ok")
    return response


def _sent(method: str, url: str, more: dict[str, Any]) -> requests.Response:
    never = (requests.exceptions.SSLError, requests.exceptions.ProxyError)
    try:
        return requests.request(method, url, timeout=TIMEOUT, allow_redirects=False, **more)
    except requests.exceptions.RequestException as err:
        words = f"no answer from {urlsplit(url).hostname} ({type(err).__name__})"
        if isinstance(err, never) or never_sent(err):
            raise TryLater(words) from err
        raise UnknownOutcome(words) from err


def judge(response: requests.Response) -> None:
    """Raise the error that a provider's status stands for; 2xx passes."""
    status = response.status_code
    if status < 300:
        return
    words = f"HTTP {status}: {words_of(response, WORDS)}"
    if status in {429, 503}:
        raise TryLater(words, status=status, wait=retry_after(response, Limits()))
    if status >= 500 or status == 408:
        raise UnknownOutcome(words, status=status)
    raise (NotAllowed if status in {401, 403} else Refused)(words, status=status)


def wait_of(headers: Any) -> timedelta:
    """Return the wait that the provider's headers ask for; half a minute without one."""
    try:
        return timedelta(seconds=max(1.0, float(headers.get("Retry-After") or headers.get("retry-after"))))
    except (TypeError, ValueError):
        return timedelta(seconds=30)
