"""The wheel holds all that runs: built from this checkout, installed into an empty place, run away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("core", "connectors", "demo", "webhook_app.py")


def run(*command: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False, **more)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built by the backend that pyproject.toml names, as the development lock pins it: nothing is fetched."""
    place = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(place), versions=["standard"])))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """An empty place with nothing but the wheel in it."""
    place = tmp_path_factory.mktemp("installed")
    told = run(
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", place, wheel
    )
    assert told.returncode == 0, told.stderr
    return place


@pytest.fixture
def backstop(installed, tmp_path):
    """Run the installed command in an empty folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKSTOP_")}
    env = kept | {"PYTHONPATH": str(installed), "HOME": str(tmp_path)}

    def call(*args: str) -> str:
        told = run(sys.executable, installed / "bin/backstop", *args, cwd=tmp_path, env=env)
        assert told.returncode == 0, told.stderr
        return told.stdout

    return call


def test_the_wheel_holds_every_file_of_the_program_and_nothing_else(wheel):
    listed = run("git", "ls-files", "--", *SHIPPED, cwd=ROOT)
    if listed.returncode:
        pytest.skip("this is no checkout of git")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert set(listed.stdout.splitlines()) - inside == set(), "the wheel lacks them"
    new = {name for name in inside if not (ROOT / name).exists()}
    assert new == set()
    assert {name.split("/")[0] for name in inside} == set(SHIPPED)
    kinds = {Path(name).suffix for name in inside}
    assert kinds >= {".py", ".html", ".css", ".js", ".toml", ".npz", ".txt", ".mako"}


def test_the_wheel_says_what_it_is_and_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode()
    assert "Provides-Extra: mcp" in text
    assert "Provides-Extra: otel" in text
    assert "License-Expression: GPL-3.0-or-later" in text


def test_what_is_installed_from_it_configures_and_classifies_away_from_the_checkout(
    backstop, installed, tmp_path
):
    where = "import core, sys; print(core.__file__)"
    told = run(sys.executable, "-c", where, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(installed)})
    assert Path(told.stdout.strip()).is_relative_to(installed)
    assert "escalation layer" in backstop("--help")
    asked = {
        "--vendor": "freshdesk",
        "--base-url": "http://127.0.0.1:9",
        "--public-url": "https://b.example.com",
    }
    backstop("init", *(word for pair in asked.items() for word in pair))
    assert (tmp_path / "backstop.toml").exists()
    found = json.loads(backstop("classify", "there is a charge on my card I did not make", "--json"))
    assert found["intent"] == "billing_dispute"


@pytest.mark.soak
def test_the_demo_plays_from_the_wheel(backstop):
    assert "0 missing, 0 stuck" in backstop("demo", "--once", "--port", "0")
