"""The help is there at once: it loads what prints it, and none of what the commands will need."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from core.cli import TABLE, backstop

HEAVY = {
    "sqlalchemy",
    "numpy",
    "scipy",
    "sklearn",
    "matplotlib",
    "dbos",
    "flask",
    "pydantic",
    "requests",
    "babel",
}


def test_help_lists_every_command_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom core.cli import TABLE, main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})\n"
        "print('COMMANDS', *TABLE)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(told.partition("LOADED ")[2].splitlines()[0].split())
    assert not loaded & HEAVY
    for command in told.partition("COMMANDS ")[2].split():
        assert f"\n  {command}" in told.replace("│", " "), command


@pytest.mark.parametrize("name", TABLE)
def test_the_line_of_each_command_is_the_first_sentence_of_its_own_help(name):
    command = backstop.get_command(click.Context(backstop), name)
    assert command is not None
    assert TABLE[name][1] == command.get_short_help_str(200)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "core.commands.look",
            {"numpy", "dbos", "core.classify.build", "core.engine", "core.pipeline", "core.queue"},
        ),
        (
            "core.commands.show",
            {
                "core.mail.machine",
                "core.reports.reporting",
                "holidays",
                "sqlalchemy.dialects.postgresql",
                "core.queue",
            },
        ),
        (
            "core.commands.receive",
            {"numpy", "scipy", "dbos", "psycopg", "sqlalchemy.orm", "core.classify.build"},
        ),
    ],
)
def test_what_only_reads_or_receives_loads_neither_engine_nor_classifier(module, absent):
    code = f"import sys\nimport {module}\nprint(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert module in loaded.split()
    assert not absent & set(loaded.split())
