"""Who we are, the groups and the agents: asked once, kept for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from connectors.freshdesk.api import Api, rows
from connectors.kit.directory import AFRESH, KEPT, Lists, addresses_in, found_in, if_allowed, person_in
from connectors.kit.values import Row
from core.errors import Refused
from core.model import Identity

KEPT_AGENTS = timedelta(days=1)  # the longest list; an unknown agent has it read again
NAMED = {
    "brands": ("/products", ("name", "primary_email")),
    "mailboxes": ("/email_configs", ("name", "reply_email", "to_email")),
}


class Directory:
    """One account's lists."""

    def __init__(
        self, api: Api, clock: Callable[[], datetime], ai_agents: frozenset[str] = frozenset()
    ) -> None:
        self.api, self.ai_agents = api, ai_agents
        self._lists = Lists(clock)

    def me(self, oldest: timedelta = timedelta.max) -> Row:
        """`GET /agents/me`; kept for good, since a key belongs to one agent for its whole life."""
        found: Row = self._lists.get("me", lambda: self.api.get("/agents/me"), oldest)
        return found

    @property
    def bot(self) -> str:
        """Our own agent id."""
        return str(self.me().get("id", ""))

    def whoami(self) -> Identity:
        """Return who the key acts as, read again: so a key that was revoked with its agent is noticed."""
        me = self.me(AFRESH)
        contact = me.get("contact") or {}
        role = {1: "global", 2: "group", 3: "restricted"}.get(me.get("ticket_scope", 0), "unknown")
        return Identity(
            str(me.get("id", "")), str(contact.get("name") or ""), str(contact.get("email") or ""), role
        )

    def addresses(self) -> frozenset[str]:
        """Return the addresses of every mailbox, for admins' keys
        (developers.freshdesk.com/api/#list_all_email_configs)."""
        return addresses_in(self._lists, lambda: self.named("mailboxes"))

    def groups(self, oldest: timedelta = KEPT) -> dict[str, str]:
        """Return a mapping, group id → name."""
        return self._lists.get("groups", self._ask_groups, oldest)

    def agents(self, oldest: timedelta = KEPT_AGENTS) -> dict[str, Identity]:
        """Return a mapping, agent id → who it is; empty when our key may not list agents (only admins may)."""
        return self._lists.get("agents", self._ask_agents, oldest)

    def absent(self) -> dict[str, str]:
        """Return a mapping, agent id → "away". Freshdesk says so of agents of groups with automatic assignment; of the others
        `available` is false without a time since when (developers.freshdesk.com/api/#list_all_agents). {} when our
        key may not list agents."""
        listed = if_allowed(lambda: self.api.all("/agents")) or []
        away = (one for one in listed if one.get("available") is False and one.get("available_since"))
        return {str(one["id"]): "away" for one in away if "id" in one}

    def group_id(self, name_or_id: str) -> str:
        """Return the id of a group given by name (any case) or id. Refused names it and those that exist."""
        return found_in(self.groups, "group", "Freshdesk", name_or_id)

    def group_name(self, group_id: str) -> str:
        """Return a group's name; asked again once when it is new to us."""
        groups = self.groups()
        if group_id and group_id not in groups:
            groups = self.groups(AFRESH)
        return groups.get(group_id, "")

    def named(self, kind: str) -> dict[str, list[str]]:
        """Return a mapping, id → names and addresses of the account's products, mailboxes or groups. Raises VendorError."""
        if kind == "groups":
            return {one: [name] for one, name in self.groups().items()}
        path, keys = NAMED[kind]

        def ask() -> dict[str, list[str]]:
            listed = self.api.all(path)
            return {
                str(one["id"]): [str(one.get(key) or "") for key in keys] for one in listed if "id" in one
            }

        return self._lists.get(kind, ask)

    def agent(self, agent_id: str) -> Identity:
        """Return an agent by id, with what we may know of it."""
        found = self.agents().get(agent_id) or self.agents(KEPT).get(agent_id)
        return found or Identity(agent_id, "")

    def agent_id(self, name_or_id: str) -> str:
        """Return the id of an agent given by id or e-mail."""
        found = person_in(self.agents, name_or_id, KEPT_AGENTS)
        if not found:
            raise Refused(
                f"there is no agent \"{name_or_id}\" that our key can see; give the agent's id, or an admin's key",
                status=400,
            )
        return found

    def human(self, agent_id: str) -> bool:
        """Return whether an agent id is a person: not ours, and not one of the configured AI agents."""
        if agent_id == self.bot or agent_id in self.ai_agents:
            return False
        if not any("@" in one for one in self.ai_agents):
            return True
        return self.agent(agent_id).email.casefold() not in self.ai_agents

    def _ask_groups(self) -> dict[str, str]:
        """Return the groups of `/groups`; a key without admin rights finds the same names in the group field's choices."""
        listed = if_allowed(lambda: self.api.all("/groups"))
        if listed is not None:
            return {str(one["id"]): str(one.get("name", "")) for one in listed if "id" in one}
        fields = rows(self.api.get("/ticket_fields", type="default_group"))
        choices: Row = next((f["choices"] for f in fields if isinstance(f.get("choices"), dict)), {})
        return {str(number): str(name) for name, number in choices.items()}

    def _ask_agents(self) -> dict[str, Identity]:
        found = if_allowed(lambda: self.api.all("/agents")) or []
        return {str(one["id"]): _agent(one) for one in found if "id" in one}


def _agent(row: Row) -> Identity:
    contact = row.get("contact") or {}
    return Identity(
        str(row["id"]),
        str(contact.get("name") or ""),
        str(contact.get("email") or ""),
        str(row.get("type") or ""),
    )
