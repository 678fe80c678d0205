"""Values as vendors send them: what ought to be a time, a text, an object or a list, whatever came. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.errors import BadPayload

DIGITS = 20  # of an id
Row = Mapping[str, Any]


def stamp(value: Any) -> datetime | None:
    """A time in UTC, with `Z`, an offset, none at all, or nine decimals; None for null and rubbish."""
    try:
        at = datetime.fromisoformat(str(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def whole(value: Any) -> int:
    """An id as a number, to sort by; 0 for anything else."""
    plain = text(value)
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= DIGITS else 0


def iso(at: datetime) -> str:
    """A time in whole seconds of UTC: some refuse fractions."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text(value: Any) -> str:
    """A value as text; "" for null."""
    return "" if value is None else str(value)


def row(value: Any) -> Row:
    """An object, or an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Row]:
    """The objects of a list; anything else is dropped."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number(ticket_id: str) -> str:
    """A ticket's id, which is to become a part of a path: digits and nothing else."""
    if not (ticket_id.isascii() and ticket_id.isdigit() and len(ticket_id) <= DIGITS):
        raise BadPayload(f'"{ticket_id[:40]}" is no ticket id: this desk\'s are numbers')
    return ticket_id
