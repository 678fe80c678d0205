"""Every key of the configuration is read by the program: a key that nothing reads has no effect."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from connectors import DESKS
from connectors.channels import CHANNELS
from core import settings

ROOT = Path(__file__).resolve().parents[1]
SECTIONS = {  # the name under which a section, or one entry of it, is reached → its class
    "web": settings.Web,
    "sweep": settings.Sweep,
    "classifier": settings.ClassifierSettings,
    "bands": settings.Bands,
    "intents": settings.IntentSettings,
    "escalation": settings.Escalation,
    "ladder": settings.RungSettings,
    "hours": settings.HoursSettings,
    "limits": settings.Limits,
    "limbo": settings.LimboSettings,
    "privacy": settings.Privacy,
    "settings": settings.Settings,
}


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in [ROOT / folder] if folder.endswith(".py") else sorted((ROOT / folder).rglob("*.py")):
            if path != ROOT / "core/settings.py":
                yield path


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def tail(node: ast.AST) -> str:
    """The last name of an expression: `app.settings.web` → web; of `x.items()` and `x.values()` that of x."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return tail(node.func.value) if node.func.attr in {"items", "values"} else ""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def bound(found: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """(name, tail of what it is bound to), of assignments, loops and comprehensions."""
    for node in found:
        pairs: list[tuple[ast.AST, ast.AST]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.For | ast.comprehension):
            pairs = [(node.target, node.iter)]
        for target, value in pairs:
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                yield from ((tail(t), tail(v)) for t, v in zip(target.elts, value.elts, strict=False))
            else:
                yield tail(target.elts[-1] if isinstance(target, ast.Tuple) else target), tail(value)


@pytest.fixture(scope="module")
def core() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """(tail, attribute) of what is read anywhere in the core, and (name, tail) of what is bound there."""
    read: set[tuple[str, str]] = set()
    names: set[tuple[str, str]] = set()
    for path in files("core", "demo", "webhook_app.py"):
        found = nodes(path)
        read |= {(tail(node.value), node.attr) for node in found if isinstance(node, ast.Attribute)}
        names |= set(bound(found))
    return read, names


def keys(model: type[BaseModel]) -> list[str]:
    return [name for name in model.model_fields if name != "path"]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_a_section_is_read(section, core):
    read, bindings = core
    names = {section} | {name for name, value in bindings if value == section}
    unread = [key for key in keys(SECTIONS[section]) if not any((name, key) in read for name in names)]
    assert unread == [], "read it, or take it out"


def _names(node: ast.AST) -> Iterator[str]:
    """The key that a node reads: `settings.key`, or `settings.value("key")` for what `install` may have kept."""
    if isinstance(node, ast.Attribute):
        yield node.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "value":
        yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant))


@functools.cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(name for node in nodes(path) for name in _names(node))


@pytest.mark.parametrize(("place", "where"), [*DESKS.items(), *CHANNELS.items()])
def test_every_key_of_a_desk_and_of_a_channel_is_read(place, where):
    module = f"{where}.settings" if place in DESKS else where
    folders = (
        where.replace(".", "/") if place in DESKS else f"{where.replace('.', '/')}.py",
        "connectors/kit",
        "core",
    )
    read = frozenset().union(*map(names_in, files(*folders)))
    found = importlib.import_module(module).Settings
    assert [key for key in keys(found) if key not in read] == [], "read it, or take it out"
