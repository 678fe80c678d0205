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
"""Asks the vendor for a new token, given the old one (its refresh token, where the grant has one)."""


class Bearer:
    """The `Authorization` of one desk. Renewed at four fifths of its life, or when a 401 says so."""

    def __init__(self, desk: str, store: TokenStore, mint: Mint, clock: Callable[[], datetime]) -> None:
        self._desk, self._store, self._mint, self._clock = desk, store, mint, clock
        self._token: Token | None = None
        self._used = (
            threading.local()
        )  # by each thread, so that a 401 to an old token mints no second new one

    def __call__(self) -> str:
        """The header's value; mints a token when there is none that lives."""
        token = self._token or self._store.load(self._desk)
        if token is None or self._clock() >= token.expires_at:
            token = self._renewed(token)
        self._token = self._used.token = token
        return f"Bearer {token.access}"

    def renew(self) -> None:
        """The desk said 401 to the token in use: get another one."""
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
    """When to renew a token that lives `expires_in` seconds: at four fifths."""
    return now + timedelta(seconds=expires_in * 0.8)


def seconds_in(answer: Mapping[str, Any], key: str, usual: float) -> float:
    """A number of seconds in a token endpoint's answer, at most a year; `usual` for none and for rubbish."""
    try:
        seconds = float(answer.get(key) or usual)
    except (TypeError, ValueError, OverflowError):
        return usual
    return min(seconds, YEAR) if math.isfinite(seconds) and seconds > 0 else usual


def asked(vendor: str, url: str, remedy: str, **body: Any) -> dict[str, Any]:
    """One POST to a token endpoint, `json=` or `data=`. Minting twice does no harm, so no clear answer means: later."""
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
        raise NotAllowed(f"{vendor} gives no token ({err}): {remedy}", status=err.status) from err
    if not isinstance(answer, dict) or not answer.get("access_token"):
        raise Refused(
            f"{vendor}'s token endpoint did not answer with a token: is base_url the account's own address?"
        )
    return answer
