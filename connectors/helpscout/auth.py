"""How we prove ourselves to Help Scout: the app's own grant, or the grant of a person who clicked "Authorize"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from connectors.kit.oauth import Mint, asked, life, seconds_in
from core.errors import NotAllowed
from core.ports import Token

TWO_DAYS = 172_800.0  # seconds that a token lives
CLIENT = "client_credentials"


def minting(
    base_url: str, client_id: str, client_secret: str, grant: str, clock: Callable[[], datetime]
) -> Mint:
    """Return a function that asks for a token. Each refresh token is good for one renewal and brings the next one."""

    def mint(old: Token | None) -> Token:
        app = {"client_id": client_id, "client_secret": client_secret}
        if grant == CLIENT:
            answer = ask(base_url, {**app, "grant_type": CLIENT})
        elif old is not None and old.refresh:
            answer = ask(base_url, {**app, "grant_type": "refresh_token", "refresh_token": old.refresh})
        else:
            raise NotAllowed("nobody has authorised the app yet: connect the desk first", status=401)
        return token_of(answer, clock())

    return mint


def ask(base_url: str, form: dict[str, str]) -> dict[str, Any]:
    """Make one POST to the token endpoint, form-encoded: JSON is documented and has been seen to fail."""
    remedy = (
        "check client_id and client_secret under Your profile > My apps, and that the app's owner is an active user"
        if form["grant_type"] == CLIENT
        else "the grant was revoked or used up: connect the desk again"
    )
    return asked("Help Scout", f"{base_url.rstrip('/')}/v2/oauth2/token", remedy, data=form)


def token_of(answer: dict[str, Any], now: datetime) -> Token:
    """Return the token in an answer."""
    renew_at = life(seconds_in(answer, "expires_in", TWO_DAYS), now)
    return Token(str(answer["access_token"]), renew_at, str(answer.get("refresh_token") or ""))
