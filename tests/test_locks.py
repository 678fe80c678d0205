"""The lock files are the whole list: what is installed from them, with nothing resolved, lacks nothing."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = PYPROJECT["project"]["dependencies"]
WANTED = {
    "runtime": RUNTIME,
    "embeddings": RUNTIME + PYPROJECT["project"]["optional-dependencies"]["embeddings"],
    "mcp": RUNTIME + PYPROJECT["project"]["optional-dependencies"]["mcp"],
    "otel": RUNTIME + PYPROJECT["project"]["optional-dependencies"]["otel"],
    "dev": RUNTIME + PYPROJECT["dependency-groups"]["dev"],
}
MACHINES = [
    {
        "python_version": python,
        "python_full_version": f"{python}.6",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": platform,
        "platform_system": system,
        "os_name": os,
    }
    for python in ("3.11", "3.12", "3.13", "3.14")
    for platform, system, os in (
        ("linux", "Linux", "posix"),
        ("darwin", "Darwin", "posix"),
        ("win32", "Windows", "nt"),
    )
]
"""Where somebody may install: a requirement's markers say on which of these it counts."""

PIN = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^\]]*\])?==[^\\]+?)\s*\\$", re.MULTILINE)
parsed = functools.cache(Requirement)


def text_of(lock: str) -> str:
    return (ROOT / f"requirements/{lock}.lock").read_text(encoding="utf-8")


def counts(one: Requirement, machine: dict[str, str], extra: str = "") -> bool:
    return one.marker is None or one.marker.evaluate({**machine, "extra": extra})


def pins(lock: str, machine: dict[str, str]) -> dict[str, str]:
    """Name → version of what this lock file installs on this machine."""
    found = [one for one in map(parsed, PIN.findall(text_of(lock))) if counts(one, machine)]
    return {canonicalize_name(one.name): next(iter(one.specifier)).version for one in found}


@functools.cache
def needs(name: str) -> list[Requirement]:
    """What a package wants in turn; of one that only other systems install (pywin32) nothing can be known here."""
    if canonicalize_name(name) not in pins("dev", here()):
        return []
    return [parsed(text) for text in metadata.requires(name) or []]


def needed(lock: str, machine: dict[str, str]) -> set[Requirement]:
    """What the project wants there and, by the word of what is installed here, everything that this needs in turn."""
    seen: set[Requirement] = set()
    todo = [one for one in map(parsed, WANTED[lock]) if counts(one, machine)]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            extras = ("", *one.extras)
            todo += [inner for inner in needs(one.name) if any(counts(inner, machine, x) for x in extras)]
    return seen


def missing(wanted: set[Requirement], pinned: dict[str, str]) -> set[str]:
    """Requirements that no pin fulfils."""
    versions = [(one, pinned.get(canonicalize_name(one.name))) for one in wanted]
    return {str(one) for one, version in versions if not (version and one.specifier.contains(version, True))}


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_file_pins_all_that_is_needed_on_every_machine(lock):
    for machine in MACHINES:
        assert missing(needed(lock, machine), pins(lock, machine)) == set(), (
            f"{lock} on {machine['sys_platform']}, Python {machine['python_version']}: run `make lock`"
        )


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_file_without_any_one_of_its_pins_is_found_incomplete(lock):
    whole, wanted = pins(lock, MACHINES[0]), needed(lock, MACHINES[0])
    for name in whole:
        rest = {other: version for other, version in whole.items() if other != name}
        assert missing(wanted, rest), f"{name} is pinned and nothing needs it"


@pytest.mark.parametrize("lock", WANTED)
def test_every_pin_has_a_hash(lock):
    entries = re.split(r"^(?=[a-z0-9])", text_of(lock), flags=re.MULTILINE)
    assert len(entries) > 50
    assert [one[:40] for one in entries if "==" in one[:200] and "--hash=sha256:" not in one] == []


def test_what_tests_run_with_is_what_users_run_with():
    for machine in MACHINES:
        dev = pins("dev", machine)
        for lock in ("runtime", "otel", "mcp", "embeddings"):
            used = pins(lock, machine)
            assert {name: dev.get(name) for name in used} == used


def test_a_version_that_is_installed_here_is_the_pinned_one():
    """The needs are read from what is installed: it has to be what the lock file names, on this Python."""
    for name, version in pins("dev", here()).items():
        assert metadata.version(name) == version


def here() -> dict[str, str]:
    return {key: str(value) for key, value in default_environment().items()}
