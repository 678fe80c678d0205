"""Actions as JSON and back: what the ledger stores, observe mode shows and what-if replays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from core.model import Action, AddNote, Reply


@cache
def _kinds() -> dict[str, TypeAdapter[Any]]:
    """Return what checks each kind of action; made when the first is read back."""
    return {kind.__name__: TypeAdapter(kind) for kind in get_args(Action)}


def to_json(actions: Iterable[Action]) -> list[dict[str, Any]]:
    """`{"do": "AddTags", "tags": […]}` for each."""
    return [{"do": type(action).__name__, **_plain(asdict(action))} for action in actions]


def from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Action, ...]:
    """Return the inverse of `to_json`."""
    return tuple(
        _kinds()[str(row["do"])].validate_python({k: v for k, v in row.items() if k != "do"}) for row in rows
    )


def without_words(actions: Iterable[Action]) -> list[dict[str, Any]]:
    """As `to_json`, with the written texts left out."""
    rows = to_json(actions)
    for row in rows:
        if "text" in row:
            row["text"] = ""
    return rows


def what(actions: Iterable[Action]) -> str:
    """Return the word for a write's main thing: answer, acknowledgment, note, claim, or marks."""
    for action in actions:
        match action:
            case Reply(purpose=purpose):
                return purpose
            case AddNote():
                return "note"
            case _:
                continue
    return "marks"


def storable(value: Any) -> Any:
    """Return the value without what no store takes: a text without NUL and lone surrogates, also inside lists and
    mappings."""
    if isinstance(value, str):
        if value.isascii() and "\x00" not in value:  # nearly all are
            return str(value)
        return value.encode("utf-8", "replace").decode().replace("\x00", "")
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple):
        return [storable(v) for v in value]
    if isinstance(value, Mapping):
        return {storable(k): storable(v) for k, v in value.items()}
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    return value
