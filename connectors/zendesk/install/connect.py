"""The connection made in the browser: authorization code with PKCE and state. Its refresh token is kept and renewed.

Needed where several people's accounts are connected by one client; an account's own confidential client needs no browser.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from urllib.parse import urlencode

from connectors.zendesk.auth import REFRESH_LIFE, ask, token_of
from connectors.zendesk.settings import Settings
from core.ports import Token


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorize_url(settings: Settings, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the page on which an admin allows the connection."""
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect_uri,
        "scope": settings.scope,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{settings.base_url.rstrip('/')}/oauth/authorizations/new?{urlencode(query)}"


def exchange(settings: Settings, *, code: str, redirect_uri: str, verifier: str, now: datetime) -> Token:
    """Return the code that came back, for a token to keep in the store. The caller has compared the state."""
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.get_secret_value(),
        "redirect_uri": redirect_uri,
        "scope": settings.scope,
        "code_verifier": verifier,
        "expires_in": settings.token_lifetime,
        "refresh_token_expires_in": REFRESH_LIFE,
    }
    return token_of(ask(settings.base_url, body), settings.scope, now)
