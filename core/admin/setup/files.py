"""The files that a set-up writes: shown as a difference first, written on demand, the old ones kept beside them."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Any

from core.admin.init import put
from core.admin.setup.context import Setup
from core.admin.setup.drafting import drafts_of, environment_of, samples
from core.errors import ConfigError

HEADER = re.compile(r"^\[{1,2}\s*([\w.\"'-]+)\s*\]{1,2}\s*(#.*)?$")
SECRET = re.compile(
    r"^([+ -]?\s*[\w.-]*(?:secret|token|password|api_key|_sid|webhook_url|client_id|_user)[\w.-]*\s*=\s*).+$",
    re.I,
)
NAMED = re.compile(r"^([+ -]?\s*\w+=).+$")
KEPT = "\n# --- kept from the file that was there\n\n"
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

    def lines(self) -> list[tuple[str, str]]:
        """The difference, as pairs of "+", "-" or " " and the line; the values of secrets are not in it."""
        old, new = (self.old or "").splitlines(), self.new.splitlines()
        secret = NAMED if self.mode == 0o600 else SECRET  # noqa: PLR2004
        shown = [secret.sub(r"\1••••••", line) for line in unified_diff(old, new, n=WHOLE, lineterm="")][3:]
        return [(line[:1] or " ", line[1:]) for line in shown]


class Changed(ConfigError):
    """A file is no longer what the person was shown."""


def drafts(setup: Setup) -> list[Draft]:
    """All files, as they would be written now. A text that is there already is the admin's own and stays."""
    state, home = setup.state, setup.config.resolve().parent
    texts = drafts_of(state, setup.kit)
    config, env = setup.config.resolve(), home / ".env"
    toml, old_env = _read(config), _read(env)
    asked = {one["name"] for one in state.found.get("proposals", [])}
    found = [
        Draft(
            config,
            config.name,
            toml,
            with_old_tables(texts.toml, toml or "", {f"intents.{n}" for n in asked}),
        ),
        Draft(env, ".env", old_env, with_old_names(texts.env, old_env or ""), 0o600),
    ]
    for name, text in samples(state).items():
        path = home / "templates" / name
        there = _read(path)
        found.append(Draft(path, f"templates/{name}", there, text if there is None else there))
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as err:
        why = getattr(err, "strerror", "") or "it is no UTF-8 text"
        raise ConfigError(
            f"{path}: cannot be read ({why}): move it away, or choose another place with --config"
        ) from err


def with_old_names(new: str, old: str) -> str:
    """A `.env` with those values of the old one that the new one does not set."""
    ours = environment_of(new)
    missing = [
        line
        for line in old.splitlines()
        if (name := line.partition("=")[0].strip().removeprefix("export "))
        and "=" in line
        and name not in ours
        and not line.lstrip().startswith("#")
    ]
    return new + (KEPT + "\n".join(missing) + "\n" if missing else "")


def with_old_tables(new: str, old: str, asked: set[str]) -> str:
    """The file with those tables of the old one that it does not have: other desks, a rota, intents of one's own. `asked`:
    tables that the set-up asked about, so that their absence is an answer. Where the old file cannot be taken apart
    safely, nothing is taken over; the difference and the kept copy show it."""
    there = {name for name, _ in tables(new)}
    more = [text for name, text in tables(old) if name not in there | asked]
    if not more:
        return new
    whole = new + KEPT + "".join(more).rstrip("\n") + "\n"
    try:
        merged, ours, theirs = (tomllib.loads(text) for text in (whole, new, old))
    except tomllib.TOMLDecodeError:
        return new
    return whole if _within(ours, merged) and _within(merged, _both(theirs, ours)) else new


def tables(text: str) -> Iterator[tuple[str, str]]:
    """Each `[table]` of a file: its name, and its lines with the header."""
    name, lines = "", list[str]()
    for line in text.splitlines(keepends=True):
        if found := HEADER.match(line.strip()):
            if name:
                yield name, "".join(lines)
            name, lines = found[1], []
        lines.append(line)
    if name:
        yield name, "".join(lines)


def _within(part: Any, whole: Any) -> bool:
    """Whether every value of `part` is in `whole`, table by table."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    return bool(part == whole)


def _both(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two files' tables laid over each other."""
    found = dict(under)
    for key, value in over.items():
        below = found.get(key)
        found[key] = (
            _both(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return found


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
