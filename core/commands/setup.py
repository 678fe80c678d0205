"""`backstop setup`: set up in the browser, then run `backstop serve` with the configuration that it wrote."""

from __future__ import annotations

import json
import signal
import threading
import webbrowser
from pathlib import Path

import click

from connectors import DESKS, vendor_of
from core import wiring
from core.admin.setup.context import Setup
from core.admin.setup.drafting import Kit
from core.admin.setup.kept import Kept
from core.admin.setup.pages import create_app
from core.admin.setup.pages.guard import Guard
from core.commands.common import common
from core.commands.run import serve
from core.errors import ConfigError
from core.settings import default_path
from core.web.server import Server

PORT, THREADS = 8765, 4  # the port of `backstop connect`: one redirect address serves both
HOW = "Open this link in a browser on this machine. It works once, for one browser:"


@click.command()
@click.option(
    "--port", type=int, default=PORT, show_default=True, help="Where the pages are; 0 takes a free one."
)
@click.option("--open/--no-open", "show", default=True, show_default=True, help="Open the browser.")
@click.option(
    "--serve/--no-serve", "then", default=True, show_default=True, help="Continue as `backstop serve`."
)
@common
def setup(config: str | None, as_json: bool, port: int, show: bool, then: bool) -> None:
    """Set up Backstop in the browser, see it on your own tickets and start observing.

    The pages are on this machine alone. After an interruption it continues where it stopped.
    """
    file = Path(config) if config else default_path()
    kept = Kept(file)
    with kept.alone():
        if not ran(Setup(kit(), file, kept), port, show=show, as_json=as_json):
            click.echo("Set-up is not finished: `backstop setup` continues where you stopped.", err=True)
            return
    if then:
        click.get_current_context().invoke(serve, config=str(file), as_json=False, port=None)


def kit() -> Kit:
    """Return what the set-up may use of the rest of the program."""
    return Kit({name: vendor_of(name) for name in DESKS}, wiring.compose, wiring.open_store)


def ran(found: Setup, port: int, *, show: bool, as_json: bool) -> bool:
    """Serve the pages until the set-up is finished or Ctrl-C; return whether it is finished."""
    guard = Guard()
    try:
        server = Server(create_app(found, guard), "127.0.0.1", port, THREADS)
    except OSError as err:
        raise ConfigError(f"port {port} is in use: choose another one with --port") from err
    found.address = f"http://localhost:{server.effective_port}"
    link = f"{found.address}/enter?key={guard.key}"
    over = threading.Event()

    def wait() -> None:
        while not over.is_set() and not found.finished.wait(0.2):
            pass
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    _say(link, as_json)
    if show:
        webbrowser.open(link)
    server.run()
    waiting.join()
    return found.finished.is_set()


def _say(link: str, as_json: bool) -> None:
    click.echo(json.dumps({"link": link}) if as_json else f"{HOW}\n\n  {link}\n")
