"""The command line: `backstop`. Exits 0 on success, 1 when what was checked does not hold, 2 on wrong usage or configuration."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any, ClassVar

import click

from core import __version__
from core.errors import BackstopError, ConfigError

WRONG = 2
STORE = "core.cli.store"  # in click's context: name and address of the store that the command speaks to


class Lazy(click.Group):
    """Commands are imported when they are called: `backstop --help` needs no numpy. What the store does to any of them
    is told in one place."""

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
        "backtest": "core.commands.replay:backtest",
        "whatif": "core.commands.replay:whatif",
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a store that fails is a ConfigError that says where it is and what to do."""
        try:
            return super().invoke(ctx)
        except (
            click.ClickException,
            click.exceptions.Exit,
            click.exceptions.Abort,
            BackstopError,
            ConfigError,
        ):
            raise
        except Exception as err:
            from core.ledger import db, trouble

            if not trouble.of_the_store(err):
                raise
            name, url = ctx.meta.get(STORE, ("the store", ""))
            raise ConfigError(f"{name}: {db.where(url)} {trouble.words(err)}") from err


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


class Store(Enum):
    """What a command asks of the store."""

    NEEDED = "it looks back at what is there, or changes it: without a store it says so"
    MADE = "it is what a new Backstop begins with: the store is made where there is none"
    USED = "it reads the store where there is one, and does without where there is none"


def composed(config: str | None) -> Any:
    """The parts that need no store, held against every rule that `serve` holds them against."""
    from core import settings, wiring

    loaded = settings.load(config)
    app = wiring.compose(loaded)
    click.get_current_context().meta[STORE] = (f"{loaded.path}: database_url", loaded.database_url)
    return app


@contextmanager
def naming_store(name: str, url: str) -> Iterator[None]:
    """While it lasts, another store than the configured one is spoken to: it is the one that may fail."""
    meta = click.get_current_context().meta
    usual = meta[STORE]
    meta[STORE] = (name, url)
    yield
    meta[STORE] = usual


def app_of(config: str | None, *, store: Store = Store.NEEDED, classify: bool = False) -> Any:
    """The parts of a running Backstop for one command; they end with it."""
    from core import wiring
    from core.ledger import db

    app, context = composed(config), click.get_current_context()
    loaded = app.settings
    if not loaded.desks:
        raise ConfigError(f"{loaded.path}: there is no [desks.<name>] table. `backstop init` writes one.")
    if store is not Store.MADE and not db.exists(loaded.database_url):
        if store is Store.NEEDED:
            raise ConfigError(
                f"{loaded.path}: database_url: there is no store at {db.where(loaded.database_url)}. "
                "`backstop serve` (or `backstop worker`) makes it; another configuration is named with --config."
            )
        aside = context.with_resource(tempfile.TemporaryDirectory(prefix="backstop-"))
        app = wiring.compose(loaded, engine=db.connect(f"sqlite:///{aside}/none.db"))
    context.call_on_close(lambda: _close(app))
    wiring.open_store(app)
    if classify:
        wiring.with_classifier(app)
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
