"""The files that a set-up writes, with what is kept of those that are there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from core.admin.setup.context import Setup
from core.admin.setup.drafting import drafts_of, environment_of, samples
from core.config.drafts import Draft, read

HEADER = re.compile(r"^\[{1,2}\s*([\w.\"'-]+)\s*\]{1,2}\s*(#.*)?$")
KEPT = "\n# --- kept from the file that was there\n\n"


def drafts(setup: Setup) -> list[Draft]:
    """Return all files, as they would be written now. A text that is there already is the admin's own and stays."""
    state, home = setup.state, setup.config.resolve().parent
    texts = drafts_of(state, setup.kit)
    config, env = setup.config.resolve(), home / ".env"
    toml, old_env = read(config), read(env)
    asked = {one["name"] for one in state.found.get("proposals", []) if not one.get("lines")}
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
        there = read(path)
        found.append(Draft(path, f"templates/{name}", there, text if there is None else there))
    return found


def with_old_names(new: str, old: str) -> str:
    """Return a `.env` with those values of the old one that the new one does not set."""
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
    """Return the file with those tables of the old one that it does not have: other desks, a rota, intents of one's
    own. `asked`: tables that the set-up asked about, so that their absence is an answer. Where the old file cannot be
    taken apart safely, nothing is taken over; the difference and the kept copy show it."""
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
    """Return whether every value of `part` is in `whole`, table by table."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    return bool(part == whole)


def _both(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two files' tables laid over each other."""
    found = dict(under)
    for key, value in over.items():
        below = found.get(key)
        found[key] = (
            _both(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return found
