"""serve, web, worker, demo."""

from __future__ import annotations

import importlib
import signal
import threading
from pathlib import Path
from typing import Any

import click

from core import wiring
from core.commands.common import Store, app_of, common
from core.commands.receive import application, listen
from core.config.checks import warnings
from core.engine import worker as engine
from core.errors import ConfigError, said_of
from core.learning.labelled_tickets import proven_auto
from core.telemetry.logs import set_up


@click.command()
@common
@click.option("--port", type=click.IntRange(0, 65535), help="Default: [web] port.")
def serve(config: str | None, as_json: bool, port: int | None) -> None:
    """Run receiver, worker and timers in one process: the default for one machine."""
    set_up()
    app = app_of(config, store=Store.MADE)
    flask = application(app)
    _warn(app)
    wiring.with_classifier(app)
    engine.launch(app)
    try:
        listen(app, flask, port)
    finally:
        engine.stop()


@click.command()
@click.option(
    "--alive",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that is touched every few seconds while the worker runs, for liveness probes.",
)
@common
def worker(alive: Path | None, config: str | None, as_json: bool) -> None:
    """Run only a worker with the timers; any number on one Postgres."""
    set_up()
    app = app_of(config, store=Store.MADE)
    _warn(app)
    wiring.with_classifier(app)
    if alive is not None:
        _touch(alive)
    engine.launch(app, alive=alive)
    click.echo("worker: at work", err=True)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    over.wait()
    engine.stop()


def _touch(alive: Path) -> None:
    try:
        alive.touch()
    except OSError as err:
        raise ConfigError(f"--alive {alive} cannot be written: {said_of(err)}") from err


@click.command()
@click.option("--once", is_flag=True, help="Play the story, print what happened to every ticket, and end.")
@click.option("--port", type=int, default=8600, show_default=True, help="0 takes a free one.")
@click.option("--desk", default="", help="Which help desk's interface the demo is played through.")
@common
def demo(once: bool, port: int, desk: str, config: str | None, as_json: bool) -> None:
    """Show the whole product on this machine, with a sandbox help desk.

    It has its own configuration and store: --config is accepted and ignored. With --once, --json prints
    the table as one document.
    """
    run: Any = importlib.import_module("demo.run").run
    which = {"desk": desk} if desk else {}
    raise click.exceptions.Exit(run(once=once, port=port, as_json=as_json, **which))


def _warn(app: Any) -> None:

    for finding in warnings(app.settings, proven_auto(app)):
        click.echo(f"warning {finding.code}: {finding.what}: {finding.remedy}", err=True)
