"""Commands run as a person runs them: a file, some environment, what is printed, the exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from core.cli import main
from tests.stores import after_a_first_start

CONFIG = """
database_url = "{database}"
public_url = "https://backstop.example.com"

[classifier]
cache = "{home}/cache"

[desks.support]
vendor = "zendesk"
base_url = "http://127.0.0.1:9"
general_queue = "Support"

[intents.order_status]
priority = "low"
queue = "Orders"
reply = "order_status.txt"

[intents.billing_dispute]
priority = "urgent"
queue = "Billing"
"""


@dataclass
class Shell:
    """One configuration and the commands on it."""

    home: Path
    text: str = CONFIG
    database: str = ""  # default: a file beside the configuration

    def __post_init__(self) -> None:
        (self.home / "templates").mkdir(exist_ok=True)
        (self.home / "templates" / "order_status.txt").write_text("It is on its way.\n")
        database = self.database or f"sqlite:///{self.home}/backstop.db"
        self.file.write_text(self.text.replace("{home}", str(self.home)).replace("{database}", database))

    @property
    def file(self) -> Path:
        return self.home / "backstop.toml"

    def with_store(self) -> Shell:
        """The same, after a first start: what looks back makes no store."""
        after_a_first_start(self.home / "backstop.db")
        return self

    def run(self, *args: str, **kwargs: Any) -> Result:
        """`backstop ARGS --config FILE`, through the door that turns errors into lines and exit codes."""
        return backstop(*args, "--config", str(self.file), **kwargs)

    def json(self, *args: str) -> Any:
        """What a command prints with --json."""
        found = self.run(*args, "--json")
        return json.loads(found.stdout)


def backstop(*args: str, **kwargs: Any) -> Result:
    """The command line as `main` runs it."""
    import click

    @click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def door(rest: tuple[str, ...]) -> None:
        main(list(rest))

    return CliRunner().invoke(door, list(args), **kwargs)
