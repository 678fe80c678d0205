"""web: the receiver and the console. It loads neither the engine's worker nor the classifier."""

from __future__ import annotations

import signal
from typing import Any

import click

from core.commands.common import Store, app_of, common
from core.errors import ConfigError, said_of
from core.telemetry.logs import set_up
from core.web.access import check_open
from core.web.server import Server
from webhook_app import create_app


@click.command()
@common
@click.option("--port", type=click.IntRange(0, 65535), help="Default: [web] port.")
def web(config: str | None, as_json: bool, port: int | None) -> None:
    """Run only the receiver and the console; any number on one Postgres."""
    set_up()
    app = app_of(config, store=Store.MADE)
    listen(app, application(app), port)


def application(app: Any) -> Any:
    """Return the Flask application; print what is open to everybody."""
    if notice := check_open(app.settings, app.engine):
        click.echo(notice, err=True)
    return create_app(app)


def listen(app: Any, flask: Any, port: int | None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    server = _server(app, flask, port)

    def asked(number: int, _frame: Any) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second signal ends the process at once
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    click.echo(f"listening on {server.url}", err=True)
    server.run()


def _server(app: Any, flask: Any, port: int | None) -> Server:
    """Return the server, which listens already. Raises ConfigError where the address or port cannot be used."""
    web, file = app.settings.web, app.settings.path
    number = web.port if port is None else port
    try:
        return Server(flask, web.host, number, web.threads)
    except (OSError, ValueError) as err:
        raise ConfigError(
            f"{file}: web.host, web.port: cannot listen at {web.host} port {number} ({said_of(err)}): "
            "choose a free port (--port), or an address of this machine"
        ) from err
