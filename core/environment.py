"""Settings from the environment: secrets in files that it names, and in `.env` beside the configuration."""

from __future__ import annotations

import os
from pathlib import Path

from dotenv import dotenv_values
from pydantic_settings import EnvSettingsSource

from core.errors import ConfigError

PREFIX = "BACKSTOP_"


class EnvWithFiles(EnvSettingsSource):
    """The environment, where `NAME_FILE` names a file that holds NAME's value."""

    def _load_env_vars(self) -> dict[str, str | None]:
        found = dict(super()._load_env_vars())
        for name, path in list(found.items()):
            if path and name.lower().startswith(PREFIX.lower()) and name.lower().endswith("_file"):
                try:
                    found[name[: -len("_file")]] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeError) as err:
                    why = getattr(err, "strerror", "") or "it is no UTF-8 text"
                    raise ConfigError(f"{name.upper()}: cannot read {path} ({why})") from err
                del found[name]
        return found


def load_dotenv(path: Path) -> None:
    """Secrets in `.env` beside the file; what the environment already has wins. Files it names lie beside it, too."""
    for name, value in dotenv_values(path).items() if path.exists() else ():
        if value is not None and name.startswith(PREFIX):
            os.environ.setdefault(name, str(path.parent / value) if name.endswith("_FILE") else value)
