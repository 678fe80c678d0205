"""Connect a desk in the browser: the link, the answer that comes back, and the token exchanged for it."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, request
from werkzeug.serving import make_server

from core.app import App
from core.errors import ConfigError
from core.ledger import store
from core.ledger.tokens import StoredTokens

if TYPE_CHECKING:
    from connectors.kit.vendor import Connect

DONE = "Connected. You may close this page.\n"
NOT_DONE = "That did not work. Look at the terminal.\n"


@dataclass
class Answer:
    """What the browser brought back."""

    given: Mapping[str, str] = field(default_factory=dict)
    came: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Request:
    """One attempt: the vendor's page, and the state that has to come back."""

    url: str
    redirect_uri: str
    state: str
    verifier: str


def begin(app: App, desk: str, redirect_uri: str) -> Request:
    """Return a new attempt. Raises ConfigError where this desk needs no browser."""
    settings = app.desk_settings[desk]
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    link = _part(app, desk).authorize_url(settings, redirect_uri=redirect_uri, state=state, verifier=verifier)
    return Request(link, redirect_uri, state, verifier)


def _part(app: App, desk: str) -> Connect[Any]:
    found = app.vendor(desk).connect
    if found is None:
        raise ConfigError(
            f"desk {desk} needs no browser: its key stands in the environment, and `backstop doctor {desk}` tries it"
        )
    return found


def finish(app: App, desk: str, asked: Request, given: Mapping[str, str]) -> None:
    """Exchange the answer for a token and store it; events that waited for it become due. Raises ConfigError
    when it is the answer to another attempt."""
    if given.get("error"):
        raise ConfigError(
            f"the connection was not allowed: {given.get('error_description') or given['error']}"
        )
    if not hmac.compare_digest(given.get("state", "").encode(), asked.state.encode()):
        raise ConfigError(f"this answer belongs to another attempt: run `backstop connect {desk}` again")
    if not given.get("code"):
        raise ConfigError("there is no code in the answer: paste the whole address that the browser shows")
    settings = app.desk_settings[desk]
    token = _part(app, desk).exchange(
        settings,
        code=given["code"],
        redirect_uri=asked.redirect_uri,
        verifier=asked.verifier,
        now=app.clock(),
    )
    StoredTokens(app.engine, app.clock).save(desk, token)
    with app.engine.begin() as conn:
        store.put_desk(conn, desk, trouble="")
        store.hasten(conn, desk, app.clock())


def pasted(text: str) -> dict[str, str]:
    """Return the answer in an address that a person copied from the browser."""
    query = urlsplit(text.strip()).query
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def listening(port: int) -> Iterator[tuple[str, Answer]]:
    """Serve a page on loopback that takes one answer; return its address."""
    answer, flask = Answer(), Flask("connect", static_folder=None)

    @flask.get("/callback")
    def callback() -> str:
        if not answer.came.is_set():
            answer.given = request.args.to_dict()
            answer.came.set()
        return DONE if "code" in answer.given else NOT_DONE

    try:
        server = make_server("127.0.0.1", port, flask)
    except (OSError, SystemExit) as err:  # werkzeug leaves the process when a port is taken
        raise ConfigError(f"port {port} is in use: choose another one with --port") from err
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/callback", answer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def waited(answer: Answer, seconds: float, show: Callable[[], None]) -> Mapping[str, str]:
    """Show the link, then wait for the browser's answer. Raises ConfigError when none comes in time."""
    show()
    if not answer.came.wait(seconds):
        raise ConfigError(
            "no answer came in time: run it again, or use --paste if the browser runs elsewhere"
        )
    return answer.given
