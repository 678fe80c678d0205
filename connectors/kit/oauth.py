"""Tokens: mint, keep, renew. One renewer at a time, over all threads and processes.

The store behind `TokenStore` is shared by all processes; its `lock` is a lease, so that a renewer that
died does not lock the others out for ever.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import requests

from connectors.kit.decoding import answer_of
from connectors.kit.http import TIMEOUT, Limits, raise_for
from core.errors import NotAllowed, Refused, TryLater, VendorError
from core.ports import Token, TokenStore

YEAR = 31_536_000.0  # seconds

Mint = Callable[[Token | None], Token]
"""Requests a new token; the argument is the old one, whose refresh token is used where the grant has one."""


class Bearer:
    """The `Authorization` header of one desk. Renewed at four fifths of the token's life, or after a 401."""

    def __init__(self, desk: str, store: TokenStore, mint: Mint, clock: Callable[[], datetime]) -> None:
        self._desk, self._store, self._mint, self._clock = desk, store, mint, clock
        self._token: Token | None = None
        # by each thread, so that a 401 to an old token mints no second new one
        self._used = threading.local()

    def __call__(self) -> str:
        """Return the header's value; request a token when there is no valid one."""
        token = self._token or self._store.load(self._desk)
        if token is None or self._clock() >= token.expires_at:
            token = self._renewed(token)
        self._token = self._used.token = token
        return f"Bearer {token.access}"

    def renew(self) -> None:
        """Replace the token that the desk answered with 401."""
        self._token = self._renewed(getattr(self._used, "token", self._token))

    def _renewed(self, refused: Token | None) -> Token:
        with self._store.lock(self._desk):
            kept = self._store.load(self._desk)
            if kept and kept != refused and self._clock() < kept.expires_at:
                return kept  # another thread or process was faster
            token = self._mint(kept or refused)
            self._store.save(self._desk, token)
            return token


def life(expires_in: float, now: datetime) -> datetime:
    """Return when to renew a token that is valid for `expires_in` seconds: after four fifths of it."""
    return now + timedelta(seconds=expires_in * 0.8)


def seconds_in(answer: Mapping[str, Any], key: str, usual: float) -> float:
    """Return a number of seconds from a token endpoint's answer, at most a year; `usual` when it is missing or invalid."""
    try:
        seconds = float(answer.get(key) or usual)
    except (TypeError, ValueError, OverflowError):
        return usual
    return min(seconds, YEAR) if math.isfinite(seconds) and seconds > 0 else usual


def asked(vendor: str, url: str, remedy: str, **body: Any) -> dict[str, Any]:
    """Make one POST to a token endpoint, `json=` or `data=`. Raises TryLater without a clear answer: a second request does
    no harm. Raises NotAllowed, Refused."""
    try:
        response = requests.post(url, timeout=TIMEOUT, allow_redirects=False, **body)
        raise_for(response, read=True, limits=Limits())
        answer = answer_of(response) if response.status_code < 300 else None
    except ValueError:
        answer = None
    except requests.exceptions.RequestException as err:
        raise TryLater(f"no token from {vendor} ({type(err).__name__})") from err
    except TryLater:
        raise
    except VendorError as err:
        raise NotAllowed(f"{vendor} refused to issue a token ({err}): {remedy}", status=err.status) from err
    if not isinstance(answer, dict) or not answer.get("access_token"):
        raise Refused(
            f"{vendor}'s token endpoint did not answer with a token: is base_url the account's own address?"
        )
    return answer
