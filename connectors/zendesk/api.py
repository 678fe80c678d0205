"""Zendesk's API as the connector uses it.

zenpy builds and sends the updates of tickets; no objects are made of their answers, of which three fields are read. The
reads need side-loads (users, audits, metric sets) and a sort order, both of which zenpy drops, so they use the session
directly.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import requests

from connectors.kit.decoding import answer_of
from connectors.kit.http import DeskSession, json_of, stay_home
from connectors.kit.values import Row, number, row, rows, whole
from core.errors import Gone, TryLater, UnknownOutcome, VendorError

ROOT = "/api/v2"
HOME = "is base_url the account's own address?"
PAGE = 100  # the largest page of cursor pagination
PLACEHOLDER = "desk"  # the subdomain passed to zenpy; the session puts our own origin in its place


def text(value: Any) -> str:
    """Return an id or a word as a string: numbers in the API, strings in events, "0", "" and null when unset."""
    plain = "" if value is None or isinstance(value, bool | dict | list) else str(value)
    return "" if plain in {"0", "null"} else plain


class _Through(requests.Session):
    """What zenpy takes for its own session: our session's one-shot writes, time-outs and errors."""

    authorized = True  # zenpy: leave the credentials alone

    def __init__(self, desk: DeskSession) -> None:
        super().__init__()
        self._desk = desk

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        kwargs.pop("timeout", None)  # zenpy's single value would replace our pair
        response: requests.Response = self._desk.request(method, url, *args, **kwargs)
        stay_home(response, HOME)
        return response


def _object_in(response: requests.Response) -> Row:
    answer = answer_of(response)
    if not isinstance(answer, dict):
        raise TypeError("no JSON object")
    return answer


def _as_it_came(response: requests.Response, _mapping: object = None) -> requests.Response:
    return response


class Api:
    """One account behind one session."""

    def __init__(self, session: DeskSession) -> None:
        self.session = session
        session.headers.update({"Accept": "application/json", "User-Agent": "Backstop"})
        self._local = threading.local()

    @property
    def _tickets(self) -> Any:
        """This thread's client of zenpy for tickets: zenpy keeps state of the current call, so threads cannot share one."""
        if not hasattr(self._local, "tickets"):
            from zenpy import Zenpy

            client = Zenpy(subdomain=PLACEHOLDER, session=_Through(self.session), disable_cache=True)
            client.tickets._process_response = (
                _as_it_came  # to make its objects takes longer than the call itself
            )
            self._local.tickets = client.tickets
        return self._local.tickets

    def get(self, path: str, **params: Any) -> Row:
        """Return the answer's JSON object. A page that is none (a proxy's) is a failed read, to be tried later."""
        response: requests.Response = self.session.get(ROOT + path, params=params)
        answer = json_of(response, HOME)
        if not isinstance(answer, dict):
            raise TryLater(f"{path}: Zendesk's answer is no JSON object", status=response.status_code)
        return answer

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Row]:
        """Each page of a cursor-paginated list; `meta.has_more` decides, since some lists always link on."""
        after = ""
        while True:
            cursor = {"page[after]": after} if after else {}
            page = self.get(path, **{"page[size]": PAGE, **params, **cursor})
            yield page
            meta = row(page.get("meta"))
            after = text(meta.get("after_cursor"))
            if not meta.get("has_more") or not after:
                return

    def ticket(self, ticket_id: str) -> Row:
        """Return the ticket with all that one read can bring along."""
        include = "users,groups,comment_count,last_audits"
        return self.get(f"/tickets/{number(ticket_id)}.json", include=include)

    def comments(self, ticket_id: str) -> tuple[list[Row], list[Row]]:
        """Return all comments, oldest first, and their authors."""
        found: list[Row] = []
        users: list[Row] = []
        for page in self.pages(
            f"/tickets/{number(ticket_id)}/comments.json", {"include": "users", "sort": "-created_at"}
        ):
            found += rows(page.get("comments"))
            users += rows(page.get("users"))
        return sorted(found, key=lambda one: (str(one.get("created_at") or ""), whole(one.get("id")))), users

    def audits(self, ticket_id: str) -> list[Row]:
        """Return all audits, oldest first: the list cannot be turned round."""
        path = f"/tickets/{number(ticket_id)}/audits.json"
        return [one for page in self.pages(path, {}) for one in rows(page.get("audits"))]

    def users(self, ids: Iterable[int]) -> list[Row]:
        """Return people by id; those that are gone are left out."""
        wanted = ",".join(str(one) for one in sorted(set(ids))[:PAGE])
        return rows(self.get("/users/show_many.json", ids=wanted).get("users")) if wanted else []

    def users_with(self, address: str) -> list[Row]:
        """Return people found by an e-mail address (developer.zendesk.com/api-reference/ticketing/users/users, Search
        Users)."""
        return rows(self.get("/users/search.json", query=f"email:{address}").get("users"))

    def show_many(self, ticket_ids: Iterable[str]) -> Row:
        """Return up to a hundred tickets with their people and their times."""
        wanted = ",".join(map(number, ticket_ids))
        return self.get("/tickets/show_many.json", ids=wanted, include="users,metric_sets")

    def export(self, **where: str | int) -> Row:
        """Return a page of the incremental export, from `start_time` or from `cursor`: the tickets of AI agents, too."""
        return self.get(
            "/incremental/tickets/cursor.json",
            include="metric_sets,comment_count",
            support_type_scope="all",
            **where,
        )

    def me(self) -> Row:
        """Return who the credential acts as. With a bad one this answers 200 and an anonymous user without an id."""
        return row(self.get("/users/me.json").get("user"))

    def availabilities(self) -> list[Row]:
        """Return what each agent's availability is, where omnichannel routing is on: a list in the form of JSON:API
        (developer.zendesk.com/api-reference/agent-availability/agent-availability-api)."""
        data = [one for page in self.pages("/agent_availabilities", {}) for one in rows(page.get("data"))]
        return [row(one.get("attributes")) for one in data]

    def groups(self) -> dict[str, str]:
        """Return ids and names of the groups."""
        found = [group for page in self.pages("/groups.json", {}) for group in rows(page.get("groups"))]
        return {
            text(group.get("id")): str(group.get("name") or "") for group in found if not group.get("deleted")
        }

    def groups_of(self, user_id: str) -> frozenset[str]:
        """Return ids of the groups that a user belongs to."""
        found = self.pages(f"/users/{user_id}/group_memberships.json", {})
        return frozenset(
            text(one.get("group_id")) for page in found for one in rows(page.get("group_memberships"))
        )

    def update(self, ticket_id: str, body: Mapping[str, Any]) -> Row:
        """Send one PUT once and return its answer: `ticket` and `audit`. Raises UnknownOutcome for one that cannot be read."""
        from zenpy.lib.api_objects import Comment, Ticket

        comment = {"comment": Comment(**body["comment"])} if "comment" in body else {}
        given = {**body, "id": int(number(ticket_id)), **comment}
        ticket = Ticket(**{name: value for name, value in given.items() if value is not None})
        for name in [name for name, value in given.items() if value is None]:
            setattr(ticket, name, None)  # zenpy sends a null only for what is set afterwards
        try:
            return _object_in(self._tickets.update(ticket))
        except VendorError:
            raise
        except Exception as err:  # whatever zenpy raises for an unexpected answer: the update itself was sent
            raise UnknownOutcome(
                f"ticket {ticket_id}: the answer to the update cannot be read ({type(err).__name__})"
            ) from err

    def all(self, path: str, name: str, **params: Any) -> list[Row]:
        """Return all objects of a list."""
        return [one for page in self.pages(path, params) for one in rows(page.get(name))]

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Row:
        """Write an object of the account; return the answer, {} where Zendesk sends none."""
        response: requests.Response = self.session.request(method, ROOT + path, json=body)
        stay_home(response, HOME)
        try:
            return row(answer_of(response))
        except ValueError:  # 204
            return {}

    def field(self, field_id: str) -> Row:
        """Return a ticket field, empty when there is none."""
        try:
            return row(self.get(f"/ticket_fields/{field_id}.json").get("ticket_field"))
        except Gone:
            return {}
