"""Lenient readers for values in vendors' JSON: times, texts, ids, objects, lists. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.errors import BadPayload

DIGITS = 20  # of an id
Row = Mapping[str, Any]


def stamp(value: Any) -> datetime | None:
    """Return an ISO time in UTC, read with `Z`, an offset, neither, or nine decimals; None for anything else."""
    try:
        at = datetime.fromisoformat(str(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def whole(value: Any) -> int:
    """Return an id as a number to sort by; 0 for anything else."""
    plain = text(value)
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= DIGITS else 0


def iso(at: datetime) -> str:
    """Return a time as ISO text in whole seconds of UTC: some vendors refuse fractions."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text(value: Any) -> str:
    """Return a value as text; "" for null."""
    return "" if value is None else str(value)


def row(value: Any) -> Row:
    """Return a JSON object; {} for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Row]:
    """Return the objects of a list; anything else is dropped."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number(ticket_id: str) -> str:
    """Return a ticket id that is safe in a URL path: digits only. Raises BadPayload."""
    if not (ticket_id.isascii() and ticket_id.isdigit() and len(ticket_id) <= DIGITS):
        raise BadPayload(f'"{ticket_id[:40]}" is not a ticket id of this desk: they are numbers')
    return ticket_id
