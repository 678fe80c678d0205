"""Sessions and form tokens, by the framework's means."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from core.ledger.db import reading
from core.ledger.schema import meta
from core.web.access import csrf, host_of, is_loopback

LASTS = timedelta(hours=12)


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
        return super().get_cookie_secure(app) and not is_loopback(host_of(f"//{request.host}"))


def session_secret(app: Any) -> str:
    """The settings' secret, or the ledger's, made at first need."""
    given = app.settings.web.session_secret
    if given is not None:
        return str(given.get_secret_value())
    wanted = select(meta.c.value).where(meta.c.name == "session_secret")
    with reading(app.engine) as connection:
        kept = connection.scalar(wanted)
    if kept is None:
        # another process may be first: then its secret is read below
        with suppress(IntegrityError), app.engine.begin() as connection:
            connection.execute(insert(meta), {"name": "session_secret", "value": secrets.token_urlsafe(32)})
        with reading(app.engine) as connection:
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
        PERMANENT_SESSION_LIFETIME=LASTS,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # behind a proxy the Host we see need not be the browser's; the token decides
    )
    csrf.init_app(flask)
