"""The channels to people: one row each. A new channel is one file and one row."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from connectors.channels.posting import Context, OnCall
from core.errors import ConfigError
from core.ports import Channel, HelpDesk

CHANNELS = {
    "slack": "connectors.channels.slack",
    "sms": "connectors.channels.sms",
    "email": "connectors.channels.email",
    "desk": "connectors.channels.desk",
    "teams": "connectors.channels.teams",
    "webhook": "connectors.channels.webhook",
}
"""Kind → module with `Settings`, and `make(name, settings, context)`; imported when it is configured."""

Raw = Mapping[str, Mapping[str, Any]]


def build(
    raw: Mapping[str, Raw],
    *,
    clock: Callable[[], datetime],
    on_call: OnCall = lambda _operation, _outcome: None,
    public_url: str = "",
    desks: Mapping[str, HelpDesk] | None = None,
    may_write: Callable[[str], bool] = lambda _desk: True,
) -> dict[str, Channel]:
    """Return all channels of `[channels]` by their reference ("sms:oncall"), and `desk`. Raises ConfigError with
    every fault."""
    context = Context(clock, on_call, public_url, desks or {}, may_write)
    found: dict[str, Channel] = {"desk": _made("desk", "desk", {}, context)}
    wrong: list[str] = []
    for kind, named in raw.items():
        for name, values in named.items():
            try:
                found[f"{kind}:{name}"] = _made(kind, f"{kind}:{name}", values, context)
            except (ValidationError, ConfigError) as err:
                wrong += _faults(kind, name, err)
    if wrong:
        raise ConfigError("\n".join(wrong))
    return found


def _made(kind: str, name: str, values: Mapping[str, Any], context: Context) -> Channel:
    if kind not in CHANNELS:
        raise ConfigError(f"no such kind of channel: use {', '.join(CHANNELS)}")
    module = importlib.import_module(CHANNELS[kind])
    channel: Channel = module.make(name, module.Settings.model_validate(values), context)
    return channel


def _faults(kind: str, name: str, err: Exception) -> list[str]:
    """Return one line per fault: key, what is wrong, remedy. Values are not shown: some are secrets."""
    where = f"channels.{kind}.{name}"
    if not isinstance(err, ValidationError):
        return [f"{where}: {err}"]
    lines = []
    for one in err.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join([where, *map(str, one["loc"])])
        words = "is missing: add it" if one["type"] == "missing" else one["msg"].removeprefix("Value error, ")
        env = f" (or set BACKSTOP_{key.upper().replace('.', '__')})" if one["type"] == "missing" else ""
        lines.append(f"{key}: {words}{env}")
    return lines
