"""Files that are changed from a page: shown as a difference first, written on demand, the old ones kept beside them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path

from core.errors import ConfigError

SECRET = re.compile(
    r"^([+ -]?\s*[\w.-]*(?:secret|token|password|api_key|_sid|webhook_url|client_id|_user)[\w.-]*\s*=\s*).+$",
    re.I,
)
NAMED = re.compile(r"^([+ -]?\s*\w+=).+$")
WHOLE = 10_000  # lines around a change: the whole file is shown


@dataclass(frozen=True)
class Draft:
    """One file as it is and as it shall be."""

    path: Path
    name: str  # below the configuration's folder
    old: str | None  # None: there is none
    new: str
    mode: int = 0o644

    @property
    def fingerprint(self) -> str:
        """What the file on disk was when it was looked at."""
        return "none" if self.old is None else hashlib.sha256(self.old.encode()).hexdigest()[:16]

    @property
    def changes(self) -> bool:
        """Whether anything would be written."""
        return self.old != self.new

    def lines(self, around: int = WHOLE) -> list[tuple[str, str]]:
        """Return the difference, as pairs of "+", "-" or " " and the line, with so many lines around each change ("@"
        stands between two places); the values of secrets are not in it."""
        old, new = (self.old or "").splitlines(), self.new.splitlines()
        secret = NAMED if self.mode == 0o600 else SECRET  # noqa: PLR2004
        shown = [secret.sub(r"\1••••••", line) for line in unified_diff(old, new, n=around, lineterm="")][3:]
        return [(line[:1] or " ", line[1:]) for line in shown]


class Changed(ConfigError):
    """A file is no longer what the person was shown."""


def read(path: Path) -> str | None:
    """Return the text of a file, None when there is none. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as err:
        why = getattr(err, "strerror", "") or "it is no UTF-8 text"
        raise ConfigError(
            f"{path}: cannot be read ({why}): move it away, or choose another place with --config"
        ) from err


def write(found: list[Draft], seen: Mapping[str, str], now: datetime) -> list[str]:
    """Write what changes, and return a line for each file. Raises Changed, before anything is written, when a file is not
    what was `seen`."""
    others = [one.name for one in found if seen.get(one.name) != one.fingerprint]
    if others:
        raise Changed(
            f"{' and '.join(others)} changed on disk since this page was shown: nothing was written. Look at the difference again."
        )
    try:
        return [_written(one, now) for one in found if one.changes]
    except OSError as err:
        raise ConfigError(
            f"{err.filename}: cannot be written: {err.strerror}. Free the place and confirm again."
        ) from err


def _written(one: Draft, now: datetime) -> str:
    one.path.parent.mkdir(parents=True, exist_ok=True)
    said = f"{one.name} is written"
    if one.old is not None:
        kept = one.path.with_name(f"{one.path.name}.before-{now:%Y%m%d-%H%M%S}")
        put(kept, one.old, one.mode)
        said += f"; the old one is kept as {kept.name}"
    put(one.path, one.new, one.mode)
    return said


def put(path: Path, text: str, mode: int) -> None:
    """Whole or not at all; never readable by others for a moment."""
    draft_path = path.with_name(f"{path.name}.new")
    draft_path.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    draft_path.replace(path)
