"""The connection made in the browser: authorization code with state. Its refresh token is kept, and rotates.

Help Scout keeps the redirect address with the app and documents no PKCE, so both are taken and not sent: the state, which the
caller compares, is what ties the answer to the question.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from connectors.helpscout.auth import ask, token_of
from connectors.helpscout.settings import Settings
from core.ports import Token

API, PAGES = "https://api.helpscout.net", "https://secure.helpscout.net"
PATH = "/authentication/authorizeClientApplication"


def authorize_url(settings: Settings, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the page on which a user allows the connection; beside the API, unless both stand behind an address of
    yours."""
    del redirect_uri, verifier
    origin = settings.base_url.rstrip("/")
    query = urlencode({"client_id": settings.client_id, "state": state})
    return f"{PAGES if origin == API else origin}{PATH}?{query}"


def exchange(settings: Settings, *, code: str, redirect_uri: str, verifier: str, now: datetime) -> Token:
    """Return the code that came back, for a token to keep in the store; a code works once."""
    del redirect_uri, verifier
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.get_secret_value(),
    }
    return token_of(ask(settings.base_url, form), now)
