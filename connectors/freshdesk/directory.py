"""Who we are, the groups and the agents: asked once, kept for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.freshdesk.api import Api, rows
from connectors.kit.values import Row
from core.errors import NotAllowed, Refused
from core.model import Identity

KEPT = timedelta(minutes=15)
KEPT_AGENTS = timedelta(days=1)  # the longest list; an unknown agent has it read again
NAMED = {
    "brands": ("/products", ("name", "primary_email")),
    "mailboxes": ("/email_configs", ("name", "reply_email", "to_email")),
}


@dataclass
class Directory:
    """Who we are, the groups and the agents: asked once, kept for a quarter of an hour."""

    api: Api
    clock: Callable[[], datetime]
    ai_agents: frozenset[str] = frozenset()
    _kept: dict[str, tuple[datetime, Any]] = field(default_factory=dict)

    def me(self) -> Row:
        """`GET /agents/me`; kept for good, since a key belongs to one agent for its whole life."""
        kept = self._kept.get("me") or self._ask_me()
        found: Row = kept[1]
        return found

    def _ask_me(self) -> tuple[datetime, Any]:
        asked = self._kept["me"] = (self.clock(), self.api.get("/agents/me"))
        return asked

    @property
    def bot(self) -> str:
        """Our own agent id."""
        return str(self.me().get("id", ""))

    def whoami(self) -> Identity:
        """Asked afresh: this is how a dead key is noticed (it dies with its agent)."""
        me: Row = self._ask_me()[1]
        contact = me.get("contact") or {}
        role = {1: "global", 2: "group", 3: "restricted"}.get(me.get("ticket_scope", 0), "unknown")
        return Identity(
            str(me.get("id", "")), str(contact.get("name") or ""), str(contact.get("email") or ""), role
        )

    def groups(self, *, afresh: bool = False) -> dict[str, str]:
        """Group id → name."""
        found: dict[str, str] = self._keep("groups", self._ask_groups, KEPT, afresh=afresh)
        return found

    def agents(self, *, afresh: bool = False) -> dict[str, Identity]:
        """Agent id → who it is; empty when our key may not list agents (only admins may)."""
        found: dict[str, Identity] = self._keep("agents", self._ask_agents, KEPT_AGENTS, afresh=afresh)
        return found

    def absent(self) -> dict[str, str]:
        """Agent id → "away". Freshdesk says so of agents of groups with automatic assignment; of the others `available` is
        false without a time since when (developers.freshdesk.com/api/#list_all_agents). {} when our key may not list agents."""
        try:
            listed = self.api.all("/agents")
        except NotAllowed as err:
            if err.status == 401:
                raise
            return {}
        away = (one for one in listed if one.get("available") is False and one.get("available_since"))
        return {str(one["id"]): "away" for one in away if "id" in one}

    def group_id(self, name_or_id: str) -> str:
        """The id of a group given by name (any case) or id. Refused names it and those that exist."""
        for afresh in (False, True):
            groups = self.groups(afresh=afresh)
            wanted = name_or_id.strip()
            if wanted in groups:
                return wanted
            for one, name in groups.items():
                if name.casefold() == wanted.casefold():
                    return one
        known = ", ".join(sorted(groups.values())) or "none that we may see"
        raise Refused(f'there is no group "{name_or_id}" at Freshdesk; known: {known}', status=400)

    def group_name(self, group_id: str) -> str:
        """A group's name; asked again once when it is new to us."""
        groups = self.groups()
        if group_id and group_id not in groups:
            groups = self.groups(afresh=True)
        return groups.get(group_id, "")

    def named(self, kind: str) -> dict[str, list[str]]:
        """Id → names and addresses of the account's products, mailboxes or groups. Raises VendorError."""
        if kind == "groups":
            return {one: [name] for one, name in self.groups().items()}
        path, keys = NAMED[kind]

        def ask() -> dict[str, list[str]]:
            listed = self.api.all(path)
            return {
                str(one["id"]): [str(one.get(key) or "") for key in keys] for one in listed if "id" in one
            }

        found: dict[str, list[str]] = self._keep(kind, ask, KEPT, afresh=False)
        return found

    def agent(self, agent_id: str) -> Identity:
        """An agent by id, with what we may know of it."""
        known = self.agents()
        if agent_id not in known and self.clock() - self._kept["agents"][0] > KEPT:
            known = self.agents(afresh=True)
        return known.get(agent_id) or Identity(agent_id, "")

    def agent_id(self, name_or_id: str) -> str:
        """The id of an agent given by id or e-mail."""
        if name_or_id.isdigit():
            return name_or_id
        for afresh in (False, True):
            for one in self.agents(afresh=afresh).values():
                if one.email.casefold() == name_or_id.strip().casefold():
                    return one.id
        raise Refused(
            f"there is no agent \"{name_or_id}\" that our key can see; give the agent's id, or an admin's key",
            status=400,
        )

    def human(self, agent_id: str) -> bool:
        """Whether an agent id is a person: not ours, and not one of the configured AI agents."""
        if agent_id == self.bot or agent_id in self.ai_agents:
            return False
        if not any("@" in one for one in self.ai_agents):
            return True
        return self.agent(agent_id).email.casefold() not in self.ai_agents

    def _keep(self, what: str, ask: Callable[[], Any], life: timedelta, *, afresh: bool) -> Any:
        kept = self._kept.get(what)
        if kept is None or afresh or self.clock() - kept[0] > life:
            kept = self._kept[what] = (self.clock(), ask())
        return kept[1]

    def _ask_groups(self) -> dict[str, str]:
        """From `/groups`; a key without admin rights finds the same names in the group field's choices."""
        try:
            return {
                str(one["id"]): str(one.get("name", "")) for one in self.api.all("/groups") if "id" in one
            }
        except NotAllowed as err:
            if err.status == 401:
                raise
        fields = rows(self.api.get("/ticket_fields", type="default_group"))
        choices: Row = next((f["choices"] for f in fields if isinstance(f.get("choices"), dict)), {})
        return {str(number): str(name) for name, number in choices.items()}

    def _ask_agents(self) -> dict[str, Identity]:
        try:
            found = self.api.all("/agents")
        except NotAllowed as err:
            if err.status == 401:
                raise
            return {}
        return {str(one["id"]): _agent(one) for one in found if "id" in one}


def _agent(row: Row) -> Identity:
    contact = row.get("contact") or {}
    return Identity(
        str(row["id"]),
        str(contact.get("name") or ""),
        str(contact.get("email") or ""),
        str(row.get("type") or ""),
    )
