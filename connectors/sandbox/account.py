"""What every vendor's fake account is made of: its WSGI app, its webhooks and its tickets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.hooks import Hooks

S = TypeVar("S")


@dataclass
class Account(Generic[S]):
    """One account of a vendor over the sandbox; `state` is the vendor's own."""

    app: Flask
    hooks: Hooks
    desk: SandboxDesk
    state: S


def app_of(
    prefix: str,
    *routes: Blueprint,
    guard: Callable[[], None],
    headers: Callable[[Response], Response],
    bare: Callable[[HTTPException], Response],
) -> Flask:
    """Return the app: `guard` before each request, `headers` after it, `bare` for unknown routes and verbs."""
    app = Flask(__name__)
    app.before_request(guard)
    app.after_request(headers)
    app.register_error_handler(HTTPException, bare)
    for one in routes:
        app.register_blueprint(one, url_prefix=prefix)
    return app
