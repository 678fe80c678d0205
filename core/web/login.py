"""In and out: password, one-time link, the company's own log-in (OpenID Connect)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, render_template, request, session, url_for

from core.model import Dispatch, Priority
from core.web.access import backstop
from core.web.users import Role, User, add_user, find, log_in, login_link, record, use_link


def add_routes(pages: Blueprint) -> None:
    """The routes that strangers may reach, and the way out."""
    pages.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    pages.add_url_rule("/login/ask", "ask_link", ask_link, methods=["POST"])
    pages.add_url_rule("/login/link/<token>", "login_by_link", login_by_link, methods=["GET", "POST"])
    pages.add_url_rule("/login/sso", "oidc_start", oidc_start)
    pages.add_url_rule("/login/sso/back", "oidc_back", oidc_back)
    pages.add_url_rule("/logout", "logout", logout, methods=["POST"])


def login() -> Any:
    """Name and password; refused without saying which was wrong."""
    app, wrong = backstop(), False
    if request.method == "POST":
        user = log_in(app.engine, request.form.get("name", ""), request.form.get("password", ""), app.clock())
        if user:
            return _enter(app, user, "password")
        wrong = True
    where = _inside(request.values.get("next", ""))
    sso = bool(app.settings.web.oidc_issuer)
    mail = _mail_channel(app) is not None
    page = render_template("console/login.html", wrong=wrong, next=where, sso=sso, mail=mail, asked=False)
    return page, 401 if wrong else 200


def ask_link() -> Any:
    """Send a one-time link, and say the same whether there is such a user or not."""
    app = backstop()
    user, channel = find(app.engine, request.form.get("name", "")), _mail_channel(app)
    if user and user.email and channel:
        now = app.clock()
        token = login_link(app.engine, user.name, now)
        base = app.settings.public_url.rstrip("/") or request.url_root.rstrip("/")
        link = f"{base}{url_for('console.login_by_link', token=token)}"
        text = f"Log in to Backstop within 15 minutes: {link}\n\nIf you did not ask for this, ignore it."
        channel.send(
            Dispatch(
                f"login:{user.name}:{now.isoformat()}",
                (user.email,),
                "Log in to Backstop",
                text,
                Priority.NORMAL,
            ),
            now,
        )
    return render_template("console/login.html", wrong=False, next="", sso=False, mail=True, asked=True)


def _mail_channel(app: Any) -> Any:
    return next((one for one in app.channels.values() if one.kind == "email"), None)


def login_by_link(token: str) -> Any:
    """A page with a button: scanners that open every link in a mail use nothing up."""
    if request.method == "GET":
        return render_template("console/link.html", token=token)
    app = backstop()
    user = use_link(app.engine, token, app.clock())
    if user is None:
        abort(403, "This link was used before, or its quarter of an hour is over. Ask for a new one.")
    return _enter(app, user, "one-time link")


def _enter(app: Any, user: User, how: str) -> Any:
    session.clear()  # nothing of the stranger's session is carried over
    session.permanent = True
    session["user"] = user.name
    with app.engine.begin() as connection:
        record(connection, app.clock(), user.name, "logged in", "", how)
    return redirect(_inside(request.values.get("next", "")))


def _inside(where: str) -> str:
    """A path of ours, never another site's."""
    parts = urlsplit(where)
    own = where.startswith("/") and not where.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    return where if own else url_for("console.now")


def logout() -> Any:
    """Forget the session."""
    session.clear()
    return redirect(url_for("console.login"))


# --- OpenID Connect -------------------------------------------------------------------------


def _client(app: Any) -> Any:
    web = app.settings.web
    if not web.oidc_issuer:
        abort(404, "No single sign-on is configured: see [web] oidc_issuer.")
    from authlib.integrations.flask_client import OAuth
    from flask import current_app

    secret = web.oidc_client_secret
    return OAuth(current_app).register(
        "sso",
        client_id=web.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        server_metadata_url=f"{web.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )


@contextmanager
def _honest() -> Iterator[None]:
    """What goes wrong between us and the issuer, said to the person who wants in."""
    from authlib.integrations.base_client import OAuthError
    from joserfc.errors import JoseError
    from requests import RequestException

    try:
        yield
    except OAuthError as err:
        abort(403, f"The log-in was refused: {err.error}")
    except (JoseError, ValueError) as err:  # a token that is not for us, or not from the issuer
        abort(403, f"The log-in's token does not hold: {err}")
    except RequestException:
        abort(503, "The company's log-in does not answer. Try again, or ask an admin for a one-time link.")


def oidc_start() -> Any:
    """Off to the company's own log-in."""
    app = backstop()
    base = app.settings.public_url.rstrip("/") or request.url_root.rstrip("/")
    with _honest():
        return _client(app).authorize_redirect(f"{base}{url_for('console.oidc_back')}")


def oidc_back() -> Any:
    """Back from there: a verified address that a user, or the list of admins, bears."""
    app = backstop()
    with _honest():
        info = dict(_client(app).authorize_access_token().get("userinfo") or {})
    email = str(info.get("email") or "").strip().lower()
    # providers that verify nothing leave the claim out; one that says false is believed
    if not email or info.get("email_verified") is False:
        abort(403, "The log-in names no verified address.")
    user = find(app.engine, email)
    if user is None and email in {one.lower() for one in app.settings.web.oidc_admins}:
        add_user(app.engine, email, now=app.clock(), role=Role.ADMIN, email=email, by="single sign-on")
        user = find(app.engine, email)
    if user is None:
        abort(403, f"{email} has no user here. An admin can make one: backstop user add NAME --email {email}")
    return _enter(app, user, "single sign-on")
