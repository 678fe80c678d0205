"""The kinds of values that the configuration is written in: durations, lists of names, tables by priority."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, model_validator

from core.model import Priority

Clock = Literal["wall", "business"]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def duration(value: Any) -> Any:
    """`3s`, `30m`, `2h`, `1d`, `1h30m`; anything else is left for pydantic to judge."""
    if not isinstance(value, str):
        return value
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhdw])", value.strip())
    if not parts or "".join(n + u for n, u in parts) != value.replace(" ", ""):
        raise ValueError(f'"{value}" is no duration: write 3s, 30m, 2h or 1d')
    try:
        return timedelta(seconds=sum(float(n) * _UNITS[u] for n, u in parts))
    except OverflowError as err:
        raise ValueError(f'"{value}" is longer than any calendar: write 3s, 30m, 2h or 1d') from err


def longer_than_nothing(span: timedelta) -> timedelta:
    """Return the span. Raises ValueError for one of no length: what is done every 0 seconds is done without an end."""
    if span <= timedelta(0):
        raise ValueError("must be longer than nothing: write 3s, 30m, 2h or 1d")
    return span


def address(url: str) -> str:
    """Return a web address without a slash at its end. Raises ValueError for a text that is none."""
    try:
        parts = urlsplit(url)
        there = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        there = False
    if url and (not there or parts.query or parts.fragment):
        raise ValueError("is no address of a server: write it as https://host")
    return url.rstrip("/")


def origin(url: str) -> str:
    """Return a server's bare address. Raises ValueError for one with a path: the paths are ours to add."""
    parts = urlsplit(bare := address(url))
    if parts.path:
        raise ValueError("has a path: write it as https://host, the paths are added to it")
    if parts.port == 0:  # one that is no number of a port raises a ValueError of its own
        raise ValueError("has no port that can be called")
    return bare


def listed(value: Any) -> Any:
    """Return a text with commas, or a JSON list, as a list; numbers in a list, as ids are written, as texts."""
    if isinstance(value, str):
        found = written(value)
        if not isinstance(found, list):
            return [part.strip() for part in value.split(",") if part.strip()]
        value = found
    if isinstance(value, list):
        return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in value]
    return value


def written(text: str) -> Any:
    """Return what a variable of the environment holds as JSON, a list or a table; None where it holds neither."""
    try:
        found = json.loads(text) if text.lstrip()[:1] in {"[", "{"} else None
    except (ValueError, RecursionError):
        return None
    return found


T = TypeVar("T")
Duration = Annotated[timedelta, BeforeValidator(duration)]
Span = Annotated[Duration, AfterValidator(longer_than_nothing)]
Address = Annotated[str, AfterValidator(address)]
Origin = Annotated[str, AfterValidator(origin)]
Names = Annotated[list[str], BeforeValidator(listed)]
Secrets = Annotated[list[SecretStr], BeforeValidator(listed)]


class Section(BaseModel):
    """A table of the file; unknown keys are refused, since a misspelt key would be ignored silently."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _from_the_environment(cls, value: Any) -> Any:
        """A whole table in one variable of the environment is written as JSON."""
        return written(value) or value if isinstance(value, str) else value


def default_of(defaults: Callable[[], dict[Priority, T]]) -> AfterValidator:
    """Return a table by priority of which a file may name a part: the others keep their defaults."""
    return AfterValidator(lambda given: {**defaults(), **given})
