"""The command line: `backstop`. Exits 0 on success, 1 when what was checked does not hold, 2 on wrong usage or configuration."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import click

from core import __version__
from core.errors import BackstopError, ConfigError

WRONG = 2


class Lazy(click.Group):
    """Commands are imported when they are called: `backstop --help` needs no numpy."""

    TABLE: ClassVar = {
        "serve": "core.commands.run:serve",
        "web": "core.commands.run:web",
        "worker": "core.commands.run:worker",
        "demo": "core.commands.run:demo",
        "init": "core.commands.init:init",
        "plan": "core.commands.desk:plan",
        "install": "core.commands.desk:install",
        "uninstall": "core.commands.desk:uninstall",
        "connect": "core.commands.desk:connect",
        "pause": "core.commands.desk:pause",
        "resume": "core.commands.desk:resume",
        "doctor": "core.commands.desk:doctor",
        "classify": "core.commands.learn:classify",
        "train": "core.commands.learn:train",
        "evaluate": "core.commands.measure:evaluate",
        "thresholds": "core.commands.measure:thresholds",
        "whatif": "core.commands.measure:whatif",
        "sweep": "core.commands.ledger:sweep",
        "audit": "core.commands.ledger:audit",
        "report": "core.commands.ledger:report",
        "show": "core.commands.ledger:show",
        "retry": "core.commands.ledger:retry",
        "forget": "core.commands.ledger:forget",
        "prune": "core.commands.ledger:prune",
        "migrate-store": "core.commands.ledger:migrate_store",
        "user": "core.commands.user:user",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(self.TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is asked for."""
        import importlib

        if cmd_name not in self.TABLE:
            return None
        place, _, name = self.TABLE[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(place), name)
        return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="backstop %(version)s")
def backstop() -> None:
    """The escalation layer that does not lose tickets."""


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config PATH` and `--json`, on every command."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)
    return click.option(
        "--config", "config", type=click.Path(), help="Default: $BACKSTOP_CONFIG, else ./backstop.toml."
    )(command)


def app_of(config: str | None, *, classify: bool = False, **overrides: Any) -> Any:
    """The parts of a running Backstop for one command."""
    from core import settings, wiring

    loaded = settings.load(config, **overrides)
    if not loaded.desks:
        raise ConfigError(f"{loaded.path}: there is no [desks.<name>] table. `backstop init` writes one.")
    app = wiring.build(loaded, classify=classify)
    click.get_current_context().call_on_close(lambda: _close(app))
    return app


def _close(app: Any) -> None:
    """A command has come to its end: what it counted is stored, nothing of it stays connected."""
    app.counters.close()
    app.engine.dispose()


def desk_of(app: Any, name: str) -> str:
    """A desk's name, checked."""
    if name not in app.desks:
        raise ConfigError(f"there is no desk called {name}: one of {', '.join(app.desks)}")
    return name


def out(as_json: bool, value: Any, text: Callable[[], str] | str) -> None:
    """One JSON document, or text for people."""
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False, default=str))
    else:
        from core.reports.phrases import HIDDEN

        # customers' words must not drive the reader's terminal
        click.echo(HIDDEN.sub("", text() if callable(text) else text))


def main(args: Sequence[str] | None = None) -> None:
    """Run a command; errors are one line for the person who can fix them."""
    try:
        code = backstop(args, standalone_mode=False)  # click gives an Exit's code back instead of raising it
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as err:
        err.show()
        sys.exit(WRONG)
    except ConfigError as err:
        click.echo(str(err), err=True)
        sys.exit(WRONG)
    except BackstopError as err:
        click.echo(f"{err.code}: {err}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
