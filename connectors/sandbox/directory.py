"""Who we are, the groups and the agents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from connectors.kit.directory import AFRESH, KEPT, Lists, found_in, person_in, unknown
from connectors.kit.http import DeskSession, json_of
from connectors.kit.values import rows, text
from core.model import Identity

HOME = "base_url must be the account's own address"


class Directory:
    """One account's lists."""

    def __init__(self, session: DeskSession, clock: Callable[[], datetime]) -> None:
        self._session, self._lists = session, Lists(clock)

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON behind a path. Raises VendorError."""
        return json_of(self._session.request("GET", path, params=params), HOME)

    def people(self, oldest: timedelta = KEPT) -> dict[str, Identity]:
        """Return agent id → who it is."""

        def ask() -> dict[str, Identity]:
            listed = rows(self.get("/agents"))
            return {text(a["id"]): Identity(text(a["id"]), a["name"], a["email"], a["role"]) for a in listed}

        return self._lists.get("people", ask, oldest)

    def whoami(self) -> Identity:
        """Return the agent whose key we use. Raises NotAllowed, TryLater."""
        return next(one for one in self.people(AFRESH).values() if one.role == "bot")

    def groups(self, oldest: timedelta = KEPT) -> dict[str, str]:
        """Return group id → name."""
        return self._lists.get(
            "groups", lambda: {text(g["id"]): g["name"] for g in rows(self.get("/groups"))}, oldest
        )

    def group_id(self, name_or_id: str) -> str:
        """Return a group's id by its name or itself. Raises Refused."""
        return found_in(self.groups, "group", "the desk", name_or_id)

    def agent_id(self, email: str) -> str:
        """Return an agent's id by address or itself. Raises Refused."""
        found = person_in(self.people, email, KEPT)
        if not found:
            raise unknown("agent", "the desk", email, (one.email for one in self.people().values()))
        return found

    def named(self, kind: str) -> dict[str, list[str]]:
        """Return group id → its names."""
        return {one: [name] for one, name in self.groups().items()}

    def absent(self) -> dict[str, str]:
        """Return {}: the desk does not say who is away."""
        return {}
