"""The intents as they stand in the file: read, and changed value by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.app import App
from core.classify.intents import intent_rules
from core.config.checks import refuse
from core.config.drafts import Draft, read
from core.config.edited import parsed, wanted_of, with_values
from core.environment import explain
from core.errors import ConfigError
from core.model import IntentRule, Mode
from core.rules import never_automatic
from core.settings import IntentName, IntentSettings, Settings

TABLES = TypeAdapter(dict[IntentName, IntentSettings])
FIELDS = ("priority", "queue", "reply", "mode", "auto")
PERMISSIONS = 0o777


@dataclass(frozen=True)
class OnDisk:
    """The file, and the settings with the intents that stand in it."""

    text: str
    settings: Settings

    @property
    def rules(self) -> dict[str, IntentRule]:
        """All intents, the starter's too."""
        return intent_rules(self.settings)

    @property
    def humans_only(self) -> frozenset[str]:
        """Those that are never answered by rule."""
        return never_automatic(self.rules)


def on_disk(app: App) -> OnDisk:
    """Return the file as it is now, which may be newer than what this process runs by. Raises ConfigError."""
    text = read(app.settings.path)
    if text is None:
        raise ConfigError(
            f"{app.settings.path}: this file does not exist, so nothing can be edited here. Create it with `backstop setup` or `backstop init`"
        )
    return OnDisk(text, _with_intents(app.settings, parsed(text)))


def _with_intents(settings: Settings, raw: Mapping[str, Any]) -> Settings:
    try:
        tables = TABLES.validate_python(raw.get("intents", {}))
    except ValidationError as err:
        raise ConfigError(explain(err, settings.path.name, "intents")) from err
    return settings.model_copy(update={"intents": tables})


def drafted(app: App, name: str, values: Mapping[str, str]) -> tuple[Draft, Settings]:
    """Return the file with an intent's values in it, and the settings as they would be. Raises ConfigError for what
    `serve` would refuse, with the remedy."""
    there = on_disk(app)
    new = with_values(there.text, ("intents", name), _typed(values))
    settings = _with_intents(app.settings, parsed(new))
    refuse(settings, replace(app, settings=settings))
    path = app.settings.path.resolve()
    return Draft(path, path.name, there.text, new, path.stat().st_mode & PERMISSIONS), settings


def _typed(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a form as the file has them; what is empty, or as it is by default, does not stand there."""
    found: dict[str, Any] = {key: values.get(key, "").strip() or None for key in FIELDS}
    if found["mode"] == Mode.ACT:
        found["mode"] = None
    if found["auto"] is not None:
        try:
            found["auto"] = float(found["auto"])
        except ValueError as err:
            raise ConfigError(f"auto: {found['auto']} is no number: write one from 0 to 1, as 0.9") from err
    return found


def values_of(text: str, name: str) -> dict[str, str]:
    """Return what the file says of an intent, as the fields of a form."""
    table = wanted_of(parsed(text), ("intents", name))
    return {key: str(table[key]) for key in FIELDS if key in table}


def said(values: Mapping[str, str]) -> str:
    """Return the values in one line, for the log of changes."""
    return ", ".join(f"{key} = {values[key]}" for key in FIELDS if values.get(key)) or "nothing of its own"
