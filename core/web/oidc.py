"""The company's own log-in: OpenID Connect, by the authorization code with PKCE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, abort, request, session, url_for

from core.web.access import backstop, host_of, is_loopback
from core.web.login import enter
from core.web.users import Role, User, add_user, find, is_disabled

NEXT = "after single sign-on"
PATIENCE = 10  # seconds for each answer of the provider
NEEDED = ("email", "email_verified")


def add_routes(pages: Blueprint) -> None:
    """Off to the provider, and back."""
    pages.add_url_rule("/login/sso", "oidc_start", start)
    pages.add_url_rule("/login/sso/back", "oidc_back", back)


def start() -> Any:
    """Off to the company's own log-in."""
    app = backstop()
    session[NEXT] = request.args.get("next", "")
    with _explained():
        return _client(app).authorize_redirect(f"{_own_address(app)}{url_for('console.oidc_back')}")


def _own_address(app: Any) -> str:
    """Where the provider sends people back to; without public_url only on this machine, for anybody can send any Host."""
    if app.settings.public_url:
        return str(app.settings.public_url).rstrip("/")
    if not is_loopback(host_of(f"//{request.host}")):
        abort(404, "Single sign-on needs public_url: the provider must know where to send you back.")
    return request.url_root.rstrip("/")


def back() -> Any:
    """Handle the provider's redirect: a verified address must belong to a user, or be in the list of admins."""
    app, where = backstop(), str(session.get(NEXT, ""))
    with _explained():
        claims = _claims(_client(app))
    email = str(claims.get("email") or "").strip().lower()
    if not email:
        abort(403, "The log-in names no e-mail address, neither in its token nor at userinfo.")
    if not is_true(claims.get("email_verified")):
        abort(403, f"The log-in does not say that {email} is verified (email_verified).")
    return enter(app, _user(app, email), "single sign-on", where)


def _claims(client: Any) -> Mapping[str, Any]:
    """What the provider says of the person: in the token, or where a claim is missing there, at userinfo (OpenID Connect
    Core 5.4). Both claims are taken from one place: the one must be about the other."""
    token = client.authorize_access_token()
    said: Mapping[str, Any] = token.get("userinfo") or {}
    if all(name in said for name in NEEDED) or "userinfo_endpoint" not in client.load_server_metadata():
        return said
    more: Mapping[str, Any] = client.userinfo(token=token)
    if not said.get("sub") or more.get("sub") != said["sub"]:  # 5.3.2: else it may be about somebody else
        abort(403, "The log-in's userinfo is about another person than its token.")
    return more


def is_true(value: Any) -> bool:
    """Providers say it as JSON's true, some as text; "false" is a text, too."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _user(app: Any, email: str) -> User:
    user = find(app.engine, email)
    if user is None and is_disabled(app.engine, email):
        abort(403, f"{email} was shut out here. An admin can let them in again: backstop user add NAME")
    if user is None and email in {one.lower() for one in app.settings.web.oidc_admins}:
        add_user(app.engine, email, now=app.clock(), role=Role.ADMIN, email=email, by="single sign-on")
        user = find(app.engine, email)
    if user is None:
        abort(403, f"{email} has no user here. An admin can make one: backstop user add NAME --email {email}")
    return user


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
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "default_timeout": PATIENCE,
        },
    )


@contextmanager
def _explained() -> Iterator[None]:
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
    except RuntimeError:  # of Authlib, where the description lacks an address
        abort(
            503, "The provider's own description is not complete: ask an admin to check the issuer's address."
        )
    except RequestException:
        abort(503, "The company's log-in does not answer. Try again, or ask an admin for a one-time link.")
