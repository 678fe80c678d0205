"""Freshdesk's API as the connector uses it: one call each, paged lists, and the directories kept for a while."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from connectors.kit.decoding import answer_of
from connectors.kit.http import DeskSession, json_of, stay_home
from connectors.kit.values import Row
from connectors.kit.values import rows as listed
from core.errors import Gone, Refused

ROOT = "/api/v2"
HOME = "base_url must be the account's own https://….freshdesk.com origin: the API does not answer on a custom domain"
PER_PAGE = 100  # more is refused


def basic(api_key: str) -> str:
    """Return the `Authorization` of an API key; Freshdesk ignores the password."""
    return "Basic " + base64.b64encode(f"{api_key}:X".encode()).decode()


class Api:
    """One account behind one session."""

    def __init__(self, session: DeskSession) -> None:
        self.session = session

    def get(self, path: str, **params: Any) -> Any:
        """Return the answer's JSON. A page that is no JSON (a proxy's) is a failed read, to be tried later."""
        return json_of(self._read(path, params), HOME)

    def pages(self, path: str, **params: Any) -> Iterator[list[Row]]:
        """Each page of a list; the `link` header says whether another one follows."""
        page = 1
        while True:
            response = self._read(path, {**params, "per_page": PER_PAGE, "page": page})
            yield rows(json_of(response, HOME))
            if "next" not in response.links:
                return
            page += 1

    def all(self, path: str, **params: Any) -> list[Row]:
        """Return all pages of a list together."""
        return [row for page in self.pages(path, **params) for row in page]

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Row:
        """Make one write. Freshdesk refuses spam and deleted tickets with 405."""
        try:
            response = self.session.request(method, ROOT + path, json=body)
        except Refused as err:
            if err.status == 405:
                raise Gone(f"{path}: the ticket is spam or deleted ({err})", status=405) from err
            raise
        stay_home(response, HOME)
        try:
            answer = answer_of(response)
        except ValueError:  # 204, or a success whose body was cut: the write is done all the same
            return {}
        return answer if isinstance(answer, dict) else {}

    def _read(self, path: str, params: Mapping[str, Any]) -> requests.Response:
        return self.session.request("GET", ROOT + path, params=dict(params))


def rows(answer: Any) -> list[Row]:
    """Return the objects of a list; the newer admin lists wrap theirs in an object of one key."""
    if isinstance(answer, dict):
        answer = next((value for value in answer.values() if isinstance(value, list)), [])
    return listed(answer)
