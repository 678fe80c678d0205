"""What every command needs: its options, the parts of a running process, and one way to print."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import click

from core import settings, wiring
from core.cli import STORE
from core.errors import ConfigError
from core.ledger import db
from core.reports.phrases import HIDDEN


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--config PATH` and `--json`, on every command."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)
    return click.option(
        "--config", "config", type=click.Path(), help="Default: $BACKSTOP_CONFIG, else ./backstop.toml."
    )(command)


class Store(Enum):
    """What a command needs of the store."""

    NEEDED = "it reads or changes what is stored: without a store it fails"
    MADE = "it may be the first command: a missing store is created"
    USED = "it reads the store if there is one, and works without"


def composed(config: str | None) -> Any:
    """Return the parts that need no store, after every check that `serve` makes. Raises ConfigError."""
    loaded = settings.load(config)
    app = wiring.compose(loaded)
    click.get_current_context().meta[STORE] = (f"{loaded.path}: database_url", loaded.database_url)
    return app


@contextmanager
def naming_store(name: str, url: str) -> Iterator[None]:
    """Within the block, errors of the store name this store instead of the configured one."""
    meta = click.get_current_context().meta
    usual = meta[STORE]
    meta[STORE] = (name, url)
    yield
    meta[STORE] = usual


def app_of(config: str | None, *, store: Store = Store.NEEDED, classify: bool = False) -> Any:
    """Return the parts of a running process for one command; they are closed when it ends."""
    app, context = composed(config), click.get_current_context()
    loaded = app.settings
    if not loaded.desks:
        raise ConfigError(
            f"{loaded.path}: there is no [desks.<name>] table. `backstop setup` or `backstop init` writes one."
        )
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
    """Store what the command counted, and close its connections."""
    app.counters.close()
    app.engine.dispose()


def desk_of(app: Any, name: str) -> str:
    """Return a desk's name, checked. Raises ConfigError."""
    if name not in app.desks:
        raise ConfigError(f"there is no desk called {name}: one of {', '.join(app.desks)}")
    return name


def out(as_json: bool, value: Any, text: Callable[[], str] | str) -> None:
    """Print one JSON document, or text for people."""
    if as_json:
        said = json.dumps(value, ensure_ascii=False, default=str)
    else:
        # customers' words must not drive the reader's terminal
        said = HIDDEN.sub("", text() if callable(text) else text)
    click.echo(said.encode("utf-8", "replace").decode())


def from_stdin() -> str:
    """Return all of standard input; what is no UTF-8 in it stays readable for the rest."""
    return sys.stdin.buffer.read().decode("utf-8", "replace")
