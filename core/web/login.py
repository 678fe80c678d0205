"""In and out: password, one-time link. Single sign-on is in `oidc`."""

from __future__ import annotations

import logging
import queue
import re
import threading
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, session, url_for

from core.model import OutboundMessage, Priority
from core.web import attempts
from core.web.access import backstop, reader, source
from core.web.users import User, end_sessions, find, log_in, login_link, record, use_link

log = logging.getLogger(__name__)

LINKS, LINKS_OF_A_SOURCE = 3, 10  # asked for within attempts.WITHIN
OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\x7f]*")  # browsers leave line breaks out and take \ for /


def add_routes(pages: Blueprint) -> None:
    """The routes that strangers may reach, and the way out."""
    pages.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    pages.add_url_rule("/login/ask", "ask_link", ask_link, methods=["POST"])
    pages.add_url_rule("/login/link/<token>", "login_by_link", login_by_link, methods=["GET", "POST"])
    pages.add_url_rule("/logout", "logout", logout, methods=["POST"])


def login() -> Any:
    """Name and password; refused without saying which was wrong."""
    app, wrong = backstop(), False
    if request.method == "POST":
        name, password = request.form.get("name", ""), request.form.get("password", "")
        user = log_in(app.engine, name, password, app.clock(), source())
        if user:
            return enter(app, user, "password", request.form.get("next", ""))
        wrong = True
    return _page(app, wrong=wrong), 401 if wrong else 200


def _page(app: Any, **shown: bool) -> str:
    return render_template(
        "console/login.html",
        **{"wrong": False, "asked": False} | shown,
        next=own_path(request.values.get("next", "")),
        sso=bool(app.settings.web.oidc_issuer),
        mail=bool(app.settings.public_url and _mail_channel(app)),
    )


def enter(app: Any, user: User, how: str, where: str = "") -> Any:
    """Begin a session, and go on to where the person was going."""
    session.clear()  # nothing of the stranger's session is carried over
    session.permanent = True
    session["user"], session["number"] = user.name, user.sessions
    with app.engine.begin() as connection:
        record(connection, app.clock(), user.name, "logged in", "", how)
    return redirect(own_path(where))


def own_path(where: str) -> str:
    """A path of ours, never another site's."""
    return where if OWN_PATH.fullmatch(where) else url_for("console.now")


def logout() -> Any:
    """End this session, and all others of the same user: a copied cookie is worth nothing from now on."""
    found = reader()
    if found and found.via == "session":
        end_sessions(backstop().engine, found.name)
    session.clear()
    return redirect(url_for("console.login"))


# --- one-time links -------------------------------------------------------------------------


def ask_link() -> Any:
    """Send a one-time link, and say the same, as fast, whether there is such a user or not."""
    app, name = backstop(), request.form.get("name", "").strip()
    if not app.settings.public_url:
        abort(404, "Without public_url no link is sent: the address in it would be the visitor's to choose.")
    limits = {f"link typed {name.casefold()}": LINKS, f"link from {source()}": LINKS_OF_A_SOURCE}
    if attempts.take(app.engine, limits, app.clock()):
        _post.put(app, name)
    return _page(app, asked=True)


class _Post:
    """A thread that sends the links, started with the first: nobody's answer waits for a mail server."""

    def __init__(self) -> None:
        self._asked: queue.Queue[tuple[Any, str]] = queue.Queue(maxsize=100)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, app: Any, name: str) -> None:
        """Send a link to this user, if there is one, some time soon."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="login links", daemon=True)
                self._thread.start()
        try:
            self._asked.put_nowait((app, name))
        except queue.Full:
            log.warning("a login link was not sent: too many were requested")

    def _run(self) -> None:
        while True:
            app, name = self._asked.get()
            try:
                send_link(app, name)
            except Exception:  # one mail that fails must not end the thread
                log.exception("a login link was not sent")


_post = _Post()


def send_link(app: Any, name: str) -> None:
    """Mail a link to a user's own address; nothing where there is no such user, or too many were sent of late."""
    user, channel, now = find(app.engine, name), _mail_channel(app), app.clock()
    if user is None or not user.email or channel is None:
        return
    if not attempts.take(app.engine, {f"link to {user.name}": LINKS}, now):
        return
    link = f"{app.settings.public_url.rstrip('/')}/login/link/{login_link(app.engine, user.name, now)}"
    text = f"Log in to Backstop within 15 minutes: {link}\n\nIf you did not ask for this, ignore it."
    key = f"login:{user.name}:{now.isoformat()}"
    channel.send(OutboundMessage(key, (user.email,), "Log in to Backstop", text, Priority.NORMAL), now)


def _mail_channel(app: Any) -> Any:
    return next((one for one in app.channels.values() if one.kind == "email"), None)


def login_by_link(token: str) -> Any:
    """A page with a button: scanners that open every link in a mail use nothing up."""
    if request.method == "GET":
        return render_template("console/link.html", token=token)
    app = backstop()
    user = use_link(app.engine, token, app.clock())
    if user is None:
        abort(403, "This link was already used or is older than 15 minutes. Request a new one.")
    return enter(app, user, "one-time link")
