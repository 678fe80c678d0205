"""What holds for every command (contract, section 2), asked of all that the command line knows: a new one cannot escape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
from command import Shell, backstop

from core import cli
from core.ledger import db
from core.ledger.trouble import DAMAGED, REACH, WRITE
from core.telemetry.counters import Counters
from tests.console.world import fill
from tests.stores import KINDS

ARGS: dict[str, tuple[str, ...]] = {
    "surge": ("support",),
    "serve": ("--port", "0"),
    "web": ("--port", "0"),
    "worker": (),
    "demo": ("--once",),
    "setup": ("--no-open", "--port", "0"),
    "init": ("--no-ask",),
    "plan": ("support",),
    "install": ("support",),
    "uninstall": ("support",),
    "connect": ("support", "--paste"),
    "pause": ("support",),
    "resume": ("support",),
    "doctor": ("support",),
    "classify": ("where is my order",),
    "train": (),
    "evaluate": (),
    "thresholds": (),
    "backtest": ("support",),
    "whatif": (),
    "sweep": ("support",),
    "audit": ("support",),
    "report": (),
    "show": ("support", "4711"),
    "retry": ("all",),
    "forget": ("nobody@example.com",),
    "prune": (),
    "mcp": (),
    "migrate-store": ("postgresql://127.0.0.1:1/elsewhere",),
    "user add": ("ann",),
    "user list": (),
    "user disable": ("ann",),
    "user link": ("ann",),
}
"""How each is called. Whatever is not said otherwise below looks back at what is there, or changes it."""

BEFORE = {"setup", "init", "demo"}  # these bring their configuration along
MAKE_A_STORE = {"serve", "web", "worker", "install", "connect", "user add"}
DO_WITHOUT = {"plan", "doctor", "classify", "backtest", *BEFORE}
# they run until they are stopped: tests/deploy, tests/durability, test_mcp.py
STAY = {"serve", "web", "worker", "mcp", "setup"}


@pytest.fixture(autouse=True)
def no_writer_stays(monkeypatch):
    """A process ends with its command; here the writer of its metrics would go on, and log, into the next test."""
    monkeypatch.setattr(Counters, "_wake", lambda _self: None)


EVERY = pytest.mark.parametrize("name", sorted(ARGS))
CONFIGURED = pytest.mark.parametrize("name", sorted(set(ARGS) - BEFORE))
USES_A_STORE = pytest.mark.parametrize("name", sorted(set(ARGS) - BEFORE - {"classify"}))
LOOKS_BACK = pytest.mark.parametrize("name", sorted(set(ARGS) - MAKE_A_STORE - DO_WITHOUT))


def known(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command by the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from known(command, f"{before}{name} ")
        elif command is not None:
            yield before + name, command


def run(shell: Shell, name: str, *more: str):
    found = shell.run(*name.split(), *ARGS[name], *more)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exc_info
    assert "Traceback" not in found.output
    return found


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another folder than the configuration's is the current one."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A configuration whose paths are relative, in a folder of its own."""
    home = tmp_path / "home"
    home.mkdir()
    made = Shell(home, database="sqlite:///backstop.db")
    made.file.write_text(made.file.read_text().replace(f"{home}/cache", "cache"))
    return made


def told_in_one_line(found, *words: str) -> None:
    assert found.exit_code == 2, found.output
    assert len(found.output.strip().splitlines()) == 1, found.output
    assert all(word in found.output for word in words), found.output


def test_every_command_is_covered():
    assert set(ARGS) == {name for name, _ in known(cli.backstop)}


@pytest.mark.parametrize(("name", "command"), list(known(cli.backstop)), ids=str)
def test_every_command_takes_config_and_json(name, command):
    assert {"--config", "--json"} <= {flag for one in command.params for flag in one.opts}


@CONFIGURED
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[bands]\nauto = 0.5\nroute = 0.6\n", "bands.auto"),
        ("[intents.mine]\nqueue = 'Q'\n", "intents.mine.examples"),
    ],
)
def test_every_command_refuses_what_serve_refuses_before_anything_is_built(
    shell, elsewhere, monkeypatch, name, text, words
):
    def built(*_args, **_more):
        raise AssertionError("built before the configuration was refused")

    monkeypatch.setattr(db, "migrate", built)
    monkeypatch.setattr(db, "exists", built)
    monkeypatch.setattr("core.classify.build.load_or_fit", built)
    shell.file.write_text(shell.file.read_text() + text)
    told_in_one_line(run(shell, name), "backstop.toml: ", words)


@CONFIGURED
def test_every_command_says_which_file_is_not_there(elsewhere, name):
    found = backstop(*name.split(), *ARGS[name], "--config", "nowhere.toml")
    told_in_one_line(found, "nowhere.toml", "backstop init")


@LOOKS_BACK
def test_what_looks_back_or_changes_what_is_there_makes_no_store(shell, elsewhere, name):
    found = run(shell, name)
    told_in_one_line(found, f"there is no store at sqlite:///{shell.home}/backstop.db", "`backstop serve`")
    assert (list(elsewhere.iterdir()), list(shell.home.glob("*.db*"))) == ([], [])


@pytest.mark.parametrize("name", sorted(DO_WITHOUT - BEFORE))
def test_what_can_do_without_a_store_makes_none(shell, elsewhere, name):
    assert "there is no store" not in run(shell, name).output
    assert (list(elsewhere.iterdir()), list(shell.home.glob("*.db*"))) == ([], [])


def test_doctor_says_that_there_is_no_store_yet(shell, elsewhere):
    lines = shell.run("doctor").output.splitlines()
    assert f"there is no store yet at sqlite:///{shell.home}/backstop.db" in next(
        one for one in lines if "DB01" in one
    )


@pytest.fixture(scope="module")
def ledger(stores, tmp_path_factory) -> Path:
    """A store with history: a file to be copied."""

    def history(url: str) -> None:
        engine = db.connect(url)
        fill(engine)
        engine.dispose()

    return Path(stores.template("sqlite", "history", history))


@LOOKS_BACK
def test_relative_paths_are_those_of_the_files_folder(shell, elsewhere, ledger, name):
    (shell.home / "backstop.db").write_bytes(ledger.read_bytes())
    found = run(shell, name)
    assert "there is no store" not in found.output
    assert list(elsewhere.iterdir()) == []


@USES_A_STORE
@pytest.mark.parametrize(
    ("url", "content", "words"),
    [
        ("sqlite:///backstop.db", b"no database " * 100, DAMAGED),
        ("postgresql://ann:hush-hush@127.0.0.1:1/tickets", b"", REACH),
    ],
)
def test_a_store_that_fails_is_one_line_with_the_remedy(shell, elsewhere, name, url, content, words):
    (shell.home / "backstop.db").write_bytes(content)
    shell.file.write_text(shell.file.read_text().replace("sqlite:///backstop.db", url))
    found = run(shell, name)
    told_in_one_line(found, "backstop.toml: database_url: ", words)
    assert "hush" not in found.output


@pytest.mark.parametrize("name", sorted(set(ARGS) - BEFORE - STAY))
def test_a_store_that_cannot_be_written_is_one_line_with_the_remedy(
    shell, elsewhere, ledger, monkeypatch, name
):
    (shell.home / "backstop.db").write_bytes(ledger.read_bytes())
    connected = db._on_sqlite_connect

    def read_only(connection, record):
        connected(connection, record)
        connection.execute("PRAGMA query_only = ON")

    monkeypatch.setattr(db, "_on_sqlite_connect", read_only)
    found = run(shell, name)
    if found.exit_code == 2 and "database_url" in found.output:
        told_in_one_line(found, "backstop.toml: database_url: ", WRITE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(set(ARGS) - BEFORE - STAY))
def test_every_command_runs_on_either_database_and_names_the_zone_of_its_times(both, kind, name):
    """09:30 in Berlin is said as such: a time without its zone is nobody's."""
    found = run(both[kind], name)
    assert "database_url:" not in found.output
    said = re.sub(r"https?://\S+|\d\d:\d\d to \d\d:\d\d in the configured time zone", "", found.output)
    assert re.findall(r"\b\d{1,2}:\d\d(?::\d\d)?\b(?! (?:IST|Asia))", said) == [], found.output


@pytest.fixture(scope="module")
def both(stores, tmp_path_factory) -> Iterator[dict[str, Shell]]:
    """A ledger with history on each kind of database, in an office whose clock is half an hour off everybody's."""
    made: dict[str, Shell] = {}
    with ExitStack() as stack:
        for kind in KINDS:
            home = tmp_path_factory.mktemp(kind)
            url = stack.enter_context(stores.fresh(kind, home))
            engine = db.connect(url)
            fill(engine)
            engine.dispose()
            made[kind] = Shell(home, database=url)
            with made[kind].file.open("a") as file:
                file.write("\n[hours]\ntimezone = 'Asia/Kolkata'\n")
        yield made
