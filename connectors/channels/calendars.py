"""Read a duty calendar from an address or a file."""

from __future__ import annotations

import time
from pathlib import Path

import requests

from connectors.channels.posting import checked_url, post
from connectors.kit.decoding import clean
from core.errors import Refused, TryLater

SECONDS = 10  # for the whole of it
LARGEST = 1_000_000  # bytes; a rota of ten people for ten years has less


def read(where: str, home: Path) -> str:
    """Return the calendar's text; a file is looked for in the folder `home`. Raises TryLater, Refused, OSError, ValueError."""
    if "://" not in where:
        with (home / where).open("rb") as file:
            return _checked(file.read(LARGEST + 1))
    url = checked_url(where.replace("webcal://", "https://", 1))
    with post(url, method="GET", on_call=_uncounted, operation="calendar", stream=True) as response:
        return _checked(_content(response))


def _uncounted(_operation: str, _outcome: str) -> None:
    """Count nothing."""


def _content(response: requests.Response) -> bytes:
    """Return what a server sends, up to a limit of size and time: a slow server blocks no thread for long."""
    begun, body = time.monotonic(), b""
    for chunk in response.iter_content(65_536):
        body += chunk
        if len(body) > LARGEST:
            break
        if time.monotonic() - begun > SECONDS:
            raise TryLater(f"the calendar takes more than {SECONDS} s to arrive")
    return body


def _checked(body: bytes) -> str:
    if len(body) > LARGEST:
        raise Refused("the calendar is larger than 1 MB: publish one for this rota alone")
    return clean(body.decode("utf-8", "replace"))
