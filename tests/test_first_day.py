"""CONTRIBUTING.md is followed by people who do not know the code yet: what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from connectors import DESKS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACE = re.compile(r"`((?:core|connectors|demo|docs|tests|bench)/[\w/.<>*-]+)(?:: (\w+))?`")
STEP = "a help desk"


def places() -> list[tuple[str, str]]:
    """Each file or folder that the page names, and the function or class it names in it."""
    return sorted({(path, name) for path, name in PLACE.findall(PAGE)})


def found(path: str) -> list[Path]:
    """The paths that a path of the page means: `<vendor>` is each desk, other words in angles are anything."""
    vendors = [path.replace("<vendor>", vendor) for vendor in DESKS] if "<vendor>" in path else [path]
    hits = [list(ROOT.glob(re.sub(r"<\w+>", "*", one).rstrip("/"))) for one in vendors]
    return [hit for some in hits for hit in some] if all(hits) else []


@pytest.mark.parametrize(("path", "name"), places())
def test_what_the_page_names_is_there(path, name):
    files = found(path)
    assert files, path
    if name:
        trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
        known = [{one.name for one in ast.walk(tree) if hasattr(one, "name")} for tree in trees]
        assert all(name in names for names in known), (path, name)


def test_the_page_names_enough_to_follow_a_ticket():
    assert len(places()) > 25
    assert len(PAGE.splitlines()) < 250


@pytest.mark.parametrize("vendor", DESKS)
def test_every_desk_has_the_files_that_the_steps_for_a_new_one_name(vendor):
    step = PAGE[PAGE.index(f"### {STEP}") :].partition("\n2. ")[0]
    names = {name for name in re.findall(r"`([\w/]+(?:\.py|/))`", step) if not name.startswith("connectors/")}
    folder = ROOT / DESKS[vendor].replace(".", "/")
    install = {"provision.py", "objects.py", "survey.py", "manual_steps.py", "doctor.py", "account_doctor.py"}
    assert {"connector.py", "events.py", "install/", "fake/"} <= names
    missing = [
        name for name in names if not (folder / ("install" if name in install else "") / name).exists()
    ]
    assert missing == []
