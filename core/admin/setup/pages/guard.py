"""Who may see the set-up: one browser on this machine, let in once by the link that the command prints."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from typing import Any

from flask import Flask, Response, abort, redirect, request, session, url_for
from flask_wtf.csrf import CSRFProtect

from core.app import wall
from core.web.access import HEADERS, host_of, is_loopback

csrf = CSRFProtect()
OPEN = frozenset({"setup.enter", "setup.static"})


class Guard:
    """The one-time link, and the browser that used it."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(24)
        self._browser = ""
        self._since: datetime | None = None

    def protect(self, flask: Flask) -> None:
        """Sessions that end with this process, form tokens, and the console's headers."""
        flask.config.update(
            SECRET_KEY=secrets.token_bytes(32),
            SESSION_COOKIE_NAME="backstop_setup",
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Lax",  # the vendor's page sends the browser back to us
            WTF_CSRF_CHECK_DEFAULT=False,
            WTF_CSRF_TIME_LIMIT=None,
            MAX_CONTENT_LENGTH=1024 * 1024,
        )
        csrf.init_app(flask)
        flask.before_request(self.check)
        flask.after_request(_with_headers)

    def check(self) -> None:
        """Only the browser that was let in; a foreign Host name is a page that rebinds its own."""
        if not is_loopback(host_of(f"//{request.host}")):
            abort(403, "The set-up can only be opened on this machine (localhost).")
        if any("\0" in value for value in request.values.values()):
            abort(400, "There is a character in it that no text has (NUL).")
        if request.endpoint not in OPEN and not self._knows_it():
            abort(403, "Open the link that `backstop setup` printed. It works for one browser.")
        if request.method == "POST":
            csrf.protect()

    def _knows_it(self) -> bool:
        mark = session.get("browser", "")
        return bool(self._browser) and hmac.compare_digest(str(mark).encode(), self._browser.encode())

    def enter(self) -> Any:
        """The link, good once; whoever comes second is told so."""
        if self._knows_it():
            return redirect(url_for("setup.first"))
        if not hmac.compare_digest(request.args.get("key", "").encode(), self.key.encode()):
            abort(403, "This link is from an earlier start of `backstop setup`: use the one it printed last.")
        if self._since is not None:
            abort(
                409,
                f"Somebody has been in this set-up since {self._since:%H:%M} UTC, by the same link. Two people at once would "
                "undo each other's answers: ask them, or end `backstop setup` and start it again. Nothing is lost by that.",
            )
        self._browser, self._since = secrets.token_urlsafe(24), wall()
        session["browser"] = self._browser
        return redirect(url_for("setup.first"))


def _with_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint != "setup.static":
        response.headers["Cache-Control"] = "no-store"
    return response
