"""Reading a duty calendar, from an address or a file."""

from __future__ import annotations

from pathlib import Path

from connectors.channels.posting import checked_url, post
from core.errors import Refused

LARGEST = 5_000_000


def read(where: str) -> str:
    """The calendar's text. Raises TryLater, Refused, OSError, ValueError."""
    if "://" not in where:
        return Path(where).read_text(encoding="utf-8")
    url = checked_url(where.replace("webcal://", "https://", 1))
    response = post(url, method="GET", on_call=lambda _operation, _outcome: None, operation="calendar")
    if len(response.content) > LARGEST:
        raise Refused("the calendar is larger than 5 MB: publish one for this rota alone")
    return response.text
