"""Single values of a configuration, changed in its text: comments, order and everything else stay as they are.

The result is parsed and compared with what was asked for, so an unusual way of writing is refused, never damaged.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from core.errors import ConfigError

HEADER = re.compile(r"\s*\[[^\[]")
KEY = re.compile(r"""\s*(?:"([\w-]+)"|([\w-]+))\s*=\s*""")


def with_values(text: str, table: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """Return the text with these values in a table, which is added where there is none; None takes a key away. Raises
    ConfigError where the text is no TOML, or where it is written so that a line cannot be changed by itself."""
    wanted, place = parsed(text), ".".join(table)
    if wanted_of(wanted, table) == wanted_of(with_these := _changed(wanted, table, values), table):
        return text
    lines = text.splitlines(keepends=True)
    found = next((n for n, line in enumerate(lines) if _header(line) == table), None)
    if found is None:
        lines += [*(["\n"] if text.endswith("\n") else ["\n\n"] if text else []), f"[{place}]\n"]
        found = len(lines) - 1
    end = next((n for n in range(found + 1, len(lines)) if HEADER.match(lines[n])), len(lines))
    made = "".join([*lines[:found], *_table(lines[found:end], values), *lines[end:]])
    try:
        if tomllib.loads(made) == with_these:
            return made
    except tomllib.TOMLDecodeError:
        pass  # refused below: the text stays as it is
    raise ConfigError(
        f"[{place}] is written so that it cannot be changed here without touching more: change it in the file"
    )


def as_toml(value: Any) -> str:
    """Return a text, number or list as TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def parsed(text: str) -> dict[str, Any]:
    """Return the tables of a text. Raises ConfigError where it is no TOML."""
    try:
        return tomllib.loads(text)
    except ValueError as err:
        raise ConfigError(f"the file is no TOML: {err}. Correct it there first") from err


def wanted_of(raw: Mapping[str, Any], table: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of a table, {} where there is none."""
    found: Any = raw
    for name in table:
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return dict(found) if isinstance(found, Mapping) else {}


def _changed(raw: Mapping[str, Any], table: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(dict(raw))
    inner = made
    for name in table:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{name} is no table in the file: correct it there first")
    inner |= {key: value for key, value in values.items() if value is not None}
    for key in values:
        if values[key] is None:
            inner.pop(key, None)
    return made


def _header(line: str) -> tuple[str, ...]:
    """Return the path of a `[table]` line, () for any other line."""
    if not HEADER.match(line):
        return ()
    try:
        inner: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path = list[str]()
    while isinstance(inner, dict) and len(inner) == 1:
        name, inner = next(iter(inner.items()))
        path.append(name)
    return tuple(path)


def _table(lines: list[str], values: Mapping[str, Any]) -> list[str]:
    """Return a table's lines with the values in them; new keys stand behind the last one that is changed."""
    made, last, left = list[str](), 0, dict(values)
    for line in lines:
        found = KEY.match(line)
        key = (found[1] or found[2]) if found else ""
        if found and key in left:
            value = left.pop(key)
            if value is None:
                continue
            line = found[0] + as_toml(value) + _comment(line)  # noqa: PLW2901
            last = len(made)
        made.append(line)
    if not made[last].endswith("\n"):
        made[last] += "\n"
    new = [f"{key} = {as_toml(value)}\n" for key, value in left.items() if value is not None]
    return [*made[: last + 1], *new, *made[last + 1 :]]


def _comment(line: str) -> str:
    """Return what stands behind the value of a line, with the line's end."""
    end = "\n" if line.endswith("\n") else ""
    for place, letter in enumerate(line):
        if letter == "#":
            try:
                tomllib.loads(line[:place])
            except tomllib.TOMLDecodeError:
                continue
            return f"  {line[place:]}"
    return end
