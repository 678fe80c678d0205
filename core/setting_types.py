"""The kinds of values that the configuration is written in: durations, lists of names, tables by priority."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr

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
    return timedelta(seconds=sum(float(n) * _UNITS[u] for n, u in parts))


def listed(value: Any) -> Any:
    """A text with commas as a list; numbers in a list, as ids are written, as texts."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list):
        return [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in value]
    return value


T = TypeVar("T")
Duration = Annotated[timedelta, BeforeValidator(duration)]
Names = Annotated[list[str], BeforeValidator(listed)]
Secrets = Annotated[list[SecretStr], BeforeValidator(listed)]


class Section(BaseModel):
    """A table of the file; unknown keys are refused, since a misspelt key would be ignored silently."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


def default_of(defaults: Callable[[], dict[Priority, T]]) -> AfterValidator:
    """A table by priority of which a file may name a part: the others keep their defaults."""
    return AfterValidator(lambda given: {**defaults(), **given})
