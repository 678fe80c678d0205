"""The console's door: who is reading, by which right, and what a browser may do with our pages."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from core.errors import ConfigError
from core.ledger.schema import meta
from core.web.users import Role, any_user, find

if TYPE_CHECKING:
    from core.settings import Settings

csrf = CSRFProtect()

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via", "Cf-Connecting-Ip")
SESSION_LASTS = timedelta(hours=12)


@dataclass(frozen=True)
class Reader:
    """Who is looking. `via`: open, token, session."""

    name: str
    email: str
    role: Role
    via: str

    def may(self, needed: str) -> bool:
        """Whether the reader's role includes `needed`."""
        return self.role.may(Role(needed))


def backstop() -> Any:
    """The wiring's App behind the request."""
    return current_app.extensions["backstop"]


def check_open(settings: Settings, engine: Engine) -> None:
    """Refuse to listen beyond this machine while nobody could log in. Call before `serve` and `web` listen."""
    web = settings.web
    if _loopback(web.host) or web.token or web.oidc_issuer or any_user(engine):
        return
    raise ConfigError(
        f"{settings.path}: web.host: {web.host} can be reached from other machines, and the console has no user. "
        "Make one (`backstop user add NAME --role admin`), or set BACKSTOP_WEB__TOKEN, or listen on 127.0.0.1."
    )


def reader() -> Reader | None:
    """Who sends this request, None for a stranger. `/metrics` may ask this, too."""
    if "reader" not in g:
        app = backstop()
        g.reader = _by_token(app) or _by_session(app) or _by_openness(app)
    found: Reader | None = g.reader
    return found


def _by_token(app: Any) -> Reader | None:
    token, header = app.settings.web.token, request.headers.get("Authorization", "")
    if token is None or not header.startswith("Bearer "):
        return None
    given, wanted = header.removeprefix("Bearer ").strip().encode(), token.get_secret_value().encode()
    return Reader("token", "", Role.ADMIN, "token") if wanted and hmac.compare_digest(given, wanted) else None


def _by_session(app: Any) -> Reader | None:
    name = session.get("user")
    user = find(app.engine, name) if name else None  # asked each time: a disabled user is out at once
    return Reader(user.name, user.email, user.role, "session") if user else None


def _by_openness(app: Any) -> Reader | None:
    """On this machine, for this machine, while there is nobody to log in as."""
    web = app.settings.web
    if not _loopback(web.host) or web.token or web.oidc_issuer or not _from_here() or any_user(app.engine):
        return None
    return Reader("local", "", Role.ADMIN, "open")


def _from_here() -> bool:
    """A proxy or tunnel makes strangers look local; a foreign Host name is a page that rebinds its own."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return (
        _loopback(request.remote_addr or "")
        and _loopback(host)
        and not any(map(request.headers.get, FORWARDED))
    )


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def guard() -> Any:
    """Before each page: strangers to the login, forms only with their token."""
    found = reader()
    public = request.endpoint in PUBLIC
    if found is None and not public:
        wants_page = request.method == "GET" and "Authorization" not in request.headers
        if wants_page and request.accept_mimetypes.accept_html:
            return redirect(url_for("console.login", next=request.full_path.rstrip("?")))
        abort(401)
    if request.method == "POST" and (found is None or found.via != "token"):
        csrf.protect()
    return None


PUBLIC = frozenset(
    f"console.{name}" for name in ("static", "login", "login_by_link", "ask_link", "oidc_start", "oidc_back")
)


def needs(role: Role) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Only readers with this role get further."""

    def around(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def inside(*args: Any, **kwargs: Any) -> Any:
            found = reader()
            if found is None or not found.role.may(role):
                abort(403, f"This needs the role {role}.")
            return view(*args, **kwargs)

        return inside

    return around


def with_headers(response: Response) -> Response:
    """What a browser may do with our pages: run nothing but our own files, keep nothing."""
    response.headers.update(HEADERS)
    if request.endpoint != "console.static":
        response.headers["Cache-Control"] = "no-store"
    return response


class _Sessions(SecureCookieSessionInterface):
    """Signed cookies whose key is made once and kept in the ledger, unless the settings name one."""

    def get_signing_serializer(self, app: Flask) -> Any:
        if not app.secret_key and "backstop" in app.extensions:
            try:
                app.secret_key = session_secret(app.extensions["backstop"])
            except SQLAlchemyError:
                return None  # webhooks are answered without a session, and without a database
        return super().get_signing_serializer(app)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Over TLS only, except on this machine itself, where there is none."""
        return super().get_cookie_secure(app) and not _loopback(urlsplit(f"//{request.host}").hostname or "")


def session_secret(app: Any) -> str:
    """The settings' secret, or the ledger's, made at first need."""
    given = app.settings.web.session_secret
    if given is not None:
        return str(given.get_secret_value())
    wanted = select(meta.c.value).where(meta.c.name == "session_secret")
    with app.engine.connect() as connection:
        kept = connection.scalar(wanted)
    if kept is None:
        # another process may be first: then its secret is read below
        with suppress(IntegrityError), app.engine.begin() as connection:
            connection.execute(insert(meta), {"name": "session_secret", "value": secrets.token_urlsafe(32)})
        with app.engine.connect() as connection:
            kept = connection.scalar(wanted)
    return str(kept)


def set_up(flask: Flask, public_url: str) -> None:
    """Sessions and CSRF by the framework's means; forms are checked in `guard`, webhooks never."""
    flask.session_interface = _Sessions()
    flask.config.update(
        SESSION_COOKIE_NAME="backstop",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=SESSION_LASTS,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # behind a proxy the Host we see need not be the browser's; the token decides
    )
    csrf.init_app(flask)
