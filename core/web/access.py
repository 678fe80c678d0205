"""The console's door: who is reading, by which right, and what a browser may do with our pages."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Response, abort, current_app, g, redirect, request, session, url_for
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine

from core.errors import ConfigError
from core.web.users import Role, any_user, of_session

if TYPE_CHECKING:
    from pydantic import SecretStr

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
_PROXIED = (
    "forwarded via x-forwarded x-real- x-original- x-client-ip x-cluster-client x-envoy- x-amzn- x-cloud- "
    "true-client- cf- fly- ngrok- tailscale- x-arr- x-azure- fastly-"
)
PROXIED = tuple(_PROXIED.split())
"""How the headers begin that proxies and tunnels add."""


@dataclass(frozen=True)
class Reader:
    """Who is looking. `via`: open, token, sidebar, session."""

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


def check_open(settings: Settings, engine: Engine) -> str:
    """What to tell whoever starts us, "" for nothing. Raises ConfigError where we would listen beyond this machine while
    nobody could log in. Call before `serve` and `web` listen."""
    web = settings.web
    if web.token or web.tokens or web.oidc_issuer or any_user(engine):
        return ""
    remedy = "Make a user (`backstop user add NAME --role admin`)"
    if not is_loopback(web.host):
        raise ConfigError(
            f"{settings.path}: web.host: {web.host} can be reached from other machines, and the console has no user. "
            f"{remedy}, or set BACKSTOP_WEB__TOKEN, or listen on 127.0.0.1."
        )
    if is_public(settings):
        return f"the console is closed: public_url leads to it, and nobody can log in. {remedy}."
    return ""


def is_public(settings: Settings) -> bool:
    """Whether others than this machine are led to us."""
    return bool(settings.public_url) and not is_loopback(host_of(settings.public_url))


def reader() -> Reader | None:
    """Who sends this request, None for a stranger."""
    if "reader" not in g:
        app = backstop()
        g.reader = by_token(app) or _by_session(app) or _by_openness(app)
    found: Reader | None = g.reader
    return found


def bears(*secrets: SecretStr | None) -> bool:
    """Return whether the request's bearer token is one of these."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        return False
    said = given.strip().encode("utf-8", "replace")
    return any(hmac.compare_digest(said, one.get_secret_value().encode()) for one in secrets if one)


def by_token(app: Any) -> Reader | None:
    """A program with the console's token has the role that the file gives it; the token of a desk's sidebar opens the
    tickets of that desk and nothing else."""
    web = app.settings.web
    if bears(web.token):
        return Reader("token", "", Role(web.token_role), "token")
    for name, own in web.tokens.items():
        if bears(*own.secret):
            return Reader(f"token {name}", "", Role(own.role), "token")
    if request.endpoint == SIDEBAR:
        desk = app.desk_settings.get((request.view_args or {}).get("desk"))
        if desk is not None and bears(*desk.sidebar_token):
            return Reader("sidebar", "", Role.VIEWER, "sidebar")
    return None


def _by_session(app: Any) -> Reader | None:
    name, number = session.get("user"), session.get("number")
    if not isinstance(name, str) or not isinstance(number, int):
        return None
    user = of_session(app.engine, name, number)  # asked each time: a disabled user is out at once
    return Reader(user.name, user.email, user.role, "session") if user else None


def _by_openness(app: Any) -> Reader | None:
    """On this machine, for this machine, while there is nobody to log in as."""
    web = app.settings.web
    if not is_loopback(web.host) or web.token or web.tokens or web.oidc_issuer or not is_local(app.settings):
        return None
    return None if any_user(app.engine) else Reader("local", "", Role.ADMIN, "open")


def is_local(settings: Settings) -> bool:
    """Whether the request was made on this machine, for this machine: where a public address leads to us it may always be
    a stranger's. A proxy or tunnel makes strangers look local (nginx speaks HTTP/1.0 to us by default, as no browser
    does); a foreign Host name is a page that rebinds its own."""
    return (
        not is_public(settings)
        and is_loopback(request.remote_addr or "")
        and is_loopback(host_of(f"//{request.host}"))
        and request.environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        and not any(name.lower().startswith(PROXIED) for name, _ in request.headers)
    )


def source() -> str:
    """Whom the request comes from, for counting: the peer, or whom the proxy before us names. A neighbour on a private
    network may name whom it likes; the limit of each user holds all the same."""
    peer = _address(request.remote_addr or "")
    named = _address(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip())
    found = named if named and peer and (peer.is_loopback or peer.is_private) else peer
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))  # one customer of a provider has so many addresses
    return str(found or request.remote_addr)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether this names the machine itself."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def host_of(url: str) -> str:
    """The name of the host in an address, "" where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def guard() -> Any:
    """Before each page: strangers to the login, forms only with their token, nothing that no store can keep."""
    said = (*(request.view_args or {}).values(), *request.values.keys(), *request.values.values())
    if any("\0" in str(one) for one in said):
        abort(400, "There is a character in it that no text has (NUL).")
    found = reader()
    public = request.endpoint in PUBLIC
    if found is None and not public:
        wants_page = request.method == "GET" and "Authorization" not in request.headers and not is_api()
        if wants_page and request.accept_mimetypes.accept_html:
            return redirect(url_for("console.login", next=request.full_path.rstrip("?")))
        abort(401)
    if request.method == "POST" and (found is None or found.via != "token"):
        csrf.protect()
    return None


def is_api() -> bool:
    """Whether the request is for programs, who are sent to no login page."""
    return request.path.startswith("/api/")


def wants_page() -> bool:
    """Return whether a browser asks, so that an error is a page; programs and vendors are sent JSON."""
    if is_api() or request.path.startswith("/hooks/") or "Authorization" in request.headers:
        return False
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="application/json")
    return best == "text/html"


SIDEBAR = "console.api_ticket"
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
