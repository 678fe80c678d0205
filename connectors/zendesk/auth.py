"""Authentication at Zendesk: client credentials, a refresh token, or (until 30 April 2027) an API token.

The lives of tokens are those of the official text: `expires_in` "more than 300" and "less than 172,800" seconds,
`refresh_token_expires_in` more than 604,800 and less than 7,776,000, by default 2,592,000. Each renewal brings a new refresh
token and ends the old one (developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from connectors.kit.oauth import Mint, asked, life, seconds_in
from core.errors import NotAllowed
from core.ports import Token

API_TOKENS_END = date(2027, 4, 30)
SHORTEST, LONGEST = 301, 172_799  # seconds that a token may live
LIFE = 86_400  # asked for by default: the vendor's own examples
REFRESH_LIFE = 7_775_999  # the longest that a refresh token may live: just under 90 days
USUAL = 1_800  # what a client made since 30 April 2026 gets when the answer does not say


def basic(email: str, api_token: str) -> str:
    """Return the `Authorization` of an API token: none can be made since 27 October 2026, all stop on 30 April 2027."""
    return "Basic " + base64.b64encode(f"{email}/token:{api_token}".encode()).decode()


def minting(
    base_url: str,
    client_id: str,
    client_secret: str,
    scope: str,
    lifetime: int,
    clock: Callable[[], datetime],
) -> Mint:
    """Return a function that asks for a token: by the refresh token where there is one, else by the client's own
    grant."""

    def mint(old: Token | None) -> Token:
        body: dict[str, Any] = {
            "client_id": client_id,
            "client_secret": client_secret,
            "scope": scope,
            "expires_in": lifetime,
        }
        if old is not None and old.refresh:
            body |= {"refresh_token": old.refresh, "refresh_token_expires_in": REFRESH_LIFE}
            answer = ask(base_url, {**body, "grant_type": "refresh_token"})
        else:
            answer = ask(base_url, {**body, "grant_type": "client_credentials"})
        return token_of(answer, scope, clock(), old)

    return mint


def ask(base_url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Make one POST to the token endpoint."""
    remedy = (
        "the connection was revoked or has expired: connect the desk again"
        if body["grant_type"] in {"refresh_token", "authorization_code"}
        else "check client_id and client_secret in Admin Center > Apps and integrations > APIs > OAuth clients, "
        "and that the user who made the client is still an active agent"
    )
    return asked("Zendesk", f"{base_url.rstrip('/')}/oauth/tokens", remedy, json=body)


def token_of(answer: dict[str, Any], wanted: str, now: datetime, old: Token | None = None) -> Token:
    """Return the token in an answer. Raises NotAllowed for a misspelt scope: Zendesk issues a token with which every call is
    a 403."""
    scope = str(answer.get("scope") or "")
    missing = set(wanted.split()) - set(scope.split())
    if scope and missing:
        raise NotAllowed(
            f'Zendesk granted the scope "{scope}", not "{wanted}": check `scope` in the configuration and the client\'s scopes'
        )
    renew_at = life(seconds_in(answer, "expires_in", USUAL), now)
    access, refresh = str(answer["access_token"]), str(answer.get("refresh_token") or "")
    if refresh:
        ends = now + timedelta(seconds=seconds_in(answer, "refresh_token_expires_in", REFRESH_LIFE))
        return Token(access, renew_at, refresh, scope, ends)
    return Token(access, renew_at, old.refresh if old else "", scope, old.refresh_expires_at if old else None)
