"""Settings from the environment: secrets in files that it names, and in `.env` beside the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from core.errors import ConfigError

PREFIX = "BACKSTOP_"


class EnvWithFiles(EnvSettingsSource):
    """The environment, where `NAME_FILE` names a file that holds NAME's value. Names in tables are spelt as the file spells
    them: `BACKSTOP_DESKS__MY_SHOP__MODE` is the mode of `[desks.My-Shop]`."""

    def __init__(self, settings_cls: type[BaseSettings], file: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._file = file

    def __call__(self) -> dict[str, Any]:
        """Return what the environment says, as nested tables."""
        found: dict[str, Any] = spelt(super().__call__(), self._file)
        return found

    def _load_env_vars(self) -> dict[str, str | None]:
        found = dict(super()._load_env_vars())
        self._refuse_unknown_tables(found)
        for name, path in list(found.items()):
            if path and name.lower().startswith(PREFIX.lower()) and name.lower().endswith("_file"):
                try:
                    found[name[: -len("_file")]] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeError) as err:
                    why = getattr(err, "strerror", "") or "it is no UTF-8 text"
                    raise ConfigError(f"{name.upper()}: cannot read {path} ({why})") from err
                del found[name]
        return found

    def _refuse_unknown_tables(self, names: Mapping[str, Any]) -> None:
        """Raise ConfigError for `BACKSTOP_BANDZ__AUTO`: what only our own settings are called and no table is."""
        for name in names:
            table, nested, _ = name.lower().removeprefix(PREFIX.lower()).partition("__")
            if (
                nested
                and name.lower().startswith(PREFIX.lower())
                and table not in self.settings_cls.model_fields
            ):
                raise ConfigError(
                    f"{name.upper()}: there is no table [{table}]: check its spelling against the configuration reference"
                )

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """A list or table is written as JSON, a list also with commas: what is neither is left for the settings to judge."""
        try:
            found = super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value
        return found if isinstance(found, list | dict) else value


def spelt(found: Any, file: Any) -> Any:
    """Return the tables of `found` with each key as `file` spells it: a variable's name tells neither capitals from small
    letters nor, in most shells, hyphens from underscores."""
    if not isinstance(found, dict) or not isinstance(file, Mapping):
        return found
    known = {_folded(key): key for key in file} | {key: key for key in file}
    names = {key: known.get(key) or known.get(_folded(key), key) for key in found}
    return {names[key]: spelt(value, file.get(names[key])) for key, value in found.items()}


def _folded(key: str) -> str:
    return key.lower().replace("-", "_")


def load_dotenv(path: Path) -> None:
    """Secrets in `.env` beside the file; what the environment already has wins. Files it names lie beside it, too."""
    for name, value in dotenv_values(path).items() if path.exists() else ():
        if value is not None and name.startswith(PREFIX):
            os.environ.setdefault(name, str(path.parent / value) if name.endswith("_FILE") else value)


_REMEDIES = {
    "extra_forbidden": "no such key here: check its spelling against the configuration reference",
    "missing": "is missing: add it to the file or to the environment",
}


def explain(err: ValidationError, file: str, prefix: str = "") -> str:
    """Return a validation error as one line per key: file, key, what is wrong, remedy. Values are not shown."""
    lines = []
    for one in err.errors(include_url=False, include_input=False):
        key = ".".join([prefix, *map(str, one["loc"])] if prefix else map(str, one["loc"]))
        where = f"{file}: {key}" if key else file
        words = _REMEDIES.get(one["type"], one["msg"].removeprefix("Value error, "))
        env = PREFIX + key.upper().replace(".", "__")
        lines.append(f"{where}: {words} (or set {env})" if one["type"] == "missing" else f"{where}: {words}")
    return "\n".join(lines)
