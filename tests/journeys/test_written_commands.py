"""The commands that the pages show are commands: each is understood, and each that can be is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from account import shell_of, without_hooks
from command import backstop

from core import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
        *ROOT.glob("connectors/**/README.md"),
    ]
)
MADE = {"commands.md", "CHANGELOG.md", "DECISIONS.md"}  # made from the code, and what was once
BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(backstop [a-z][^`]*)`")
BEFORE = re.compile(r"^(?:[A-Z_]+=\S+ +)*(?:sudo -u backstop +(?:[A-Z_]+=\S+ +)*)?")
NOT_OURS = {
    "make": "tests/test_first_day.py, tests/test_house.py",
    "curl": "the requests are those of tests/console/test_api.py",
    "python3": "a virtual environment is the system's affair",
    ".venv/bin/pip": "an installation: tests/deploy/test_wheel.py",
    "pip": "an installation: tests/test_locks.py",
    "sha256sum": "needs a model of the admin's",
    ".venv/bin/pytest": "this is it",
    "git": "needs the network",
    "mkdir": "the system's",
    "sudo": "needs root",
    "install": "needs root",
    "useradd": "needs root",
    "cp": "needs root: tests/deploy verifies the units",
    "systemctl": "needs root and systemd",
    "(umask": "the system's",
    "docker": "needs a container engine: tests/deploy reads the files",
    "kubectl": "needs a cluster",
    "helm": "needs a cluster: tests/deploy renders the chart where Helm is",
}
"""Commands of others in the blocks, by their first word, each with the reason why it is not run here."""
NOT_RUN = {
    "serve": "runs until it is stopped: tests/deploy/test_processes.py",
    "web": "runs until it is stopped: tests/deploy/test_processes.py",
    "worker": "runs until it is stopped: tests/durability",
    "mcp": "speaks to an assistant: tests/core/test_mcp.py",
    "demo": "plays for half a minute: tests/journeys/test_demo.py",
    "connect": "needs a browser: tests/journeys/test_connecting.py",
    "setup": "stays until it is stopped",
    "backtest": "reads a month: tests/journeys/test_backtest.py",
    "whatif": "replays the past twice: tests/journeys/test_backtest.py",
    "train": "fits for many seconds: tests/core/test_cli_learn.py",
    "evaluate": "needs a file of rows: tests/core/test_cli_learn.py",
    "thresholds": "needs a file of rows: tests/core/test_cli_learn.py",
    "migrate-store": "needs a second database: tests/core/test_every_command.py",
    "init": "is run by itself, below",
}
"""Commands of ours that are not run here, each with the reason or the test that does."""


def lines(page: Path) -> list[str]:
    """The commands of a page's code blocks, without prompt, comment and environment variables."""
    found = []
    for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            told = line[2:] if line[:2] in {"$ ", "# "} else "" if kind == "console" else line
            found += [BEFORE.sub("", part).strip() for part in re.split(r" && ", told.split("  #")[0])]
    return [one for one in found if one and not one.startswith("#")]


def ours(page: Path) -> list[str]:
    """The commands of Backstop in a page: in its blocks, and in its sentences."""
    blocks = [
        line.partition("backstop ")[2] for line in lines(page) if Path(line.split()[0]).name == "backstop"
    ]
    spans = [span.partition(" ")[2] for span in SPAN.findall(page.read_text(encoding="utf-8"))]
    return [one for one in (*blocks, *spans) if one and not one.startswith("--")]


READ = [(page, one) for page in PAGES if page.name not in MADE for one in dict.fromkeys(ours(page))]


def words(command: str) -> list[str]:
    """The words of a command; what a reader puts in is put in, what may be left out is."""
    plain = re.sub(r"\[[^\]]*\]|…|\s[|>].*$", "", command).replace(" N", " 1").replace("PATH_OR_URL", "x")
    return shlex.split(plain, comments=True)


@pytest.mark.parametrize(("page", "command"), READ, ids=[f"{page.name}: {one}" for page, one in READ])
def test_a_command_of_a_page_is_understood(page, command):
    """Each word of it is known to the command line: nothing is run."""
    group: click.Command = cli.backstop
    args, parent = words(command), None
    while isinstance(group, click.Group) and args:
        parent = click.Context(group, parent)
        name = args.pop(0)
        found = group.get_command(parent, name)
        assert found is not None, f"{page.name}: backstop {command}"
        group = found
    known = {flag for one in group.params for flag in (*one.opts, *one.secondary_opts)} | {"-h", "--help"}
    assert {one.partition("=")[0] for one in args if one.startswith("--")} <= known, f"{page.name}: {command}"


def test_every_other_command_of_the_blocks_is_listed_with_its_reason():
    first = {line.split()[0] for page in PAGES if page.name not in MADE for line in lines(page)}
    others = {one for one in first if Path(one).name != "backstop"}
    assert others - set(NOT_OURS) == set()
    assert len(READ) > 60


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_what_the_pages_blocks_show_runs_on_a_desk(house, vendor):
    h = without_hooks(house(), vendor)
    shell = shell_of(h)
    told = {}
    for page in PAGES:
        for line in lines(page) if page.name not in MADE else ():
            args = shlex.split(line, comments=True)
            if Path(args[0]).name == "backstop" and len(args) > 1 and args[1] not in {*NOT_RUN, "--help"}:
                told[" ".join(args[1:])] = shell.run(*args[1:])
    assert len(told) >= 5, told.keys()
    wrong = {line: found.output for line, found in told.items() if found.exit_code not in {0, 1}}
    assert wrong == {}


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_the_pages_ways_to_begin_write_a_configuration(tmp_path, vendor, monkeypatch):
    begun = [line for page in PAGES for line in lines(page) if " init --vendor" in line]
    assert len(begun) >= 3
    for number, line in enumerate(begun):
        place = tmp_path / str(number)
        place.mkdir()
        monkeypatch.chdir(place)
        told = backstop(*shlex.split(line, comments=True)[1:])
        assert told.exit_code == 0, told.output
        assert (place / "backstop.toml").exists()
