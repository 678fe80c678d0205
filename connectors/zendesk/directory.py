"""Who we are and which groups there are: asked once and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from connectors.kit.directory import KEPT, Lists, addresses_in, found_in
from connectors.kit.values import Row, row, rows
from connectors.zendesk.api import Api, text
from connectors.zendesk.reading import STAFF
from core.errors import Gone, NotAllowed, Refused
from core.model import Identity

ABSENT = {"2": "offline", "4": "away"}  # the unified statuses that every account has, by id
AGAIN = timedelta(minutes=1)  # not more often, however many tickets name an unknown group


class Directory:
    """Our own user, our groups, and all groups by name."""

    def __init__(self, api: Api, clock: Callable[[], datetime]) -> None:
        self._api, self._lists = api, Lists(clock)
        self._lock = threading.RLock()
        self._me: Row = {}

    @property
    def known_id(self) -> str:
        """Our user's id if it has been asked for already, else ""."""
        return text(self._me.get("id"))

    @property
    def me_id(self) -> str:
        """Our user's id."""
        return text(self.me().get("id"))

    def me(self) -> Row:
        """Return our user, asked once."""
        with self._lock:
            if not self._me:
                self.whoami()
            return self._me

    def whoami(self) -> Identity:
        """Read our user now. A bad credential is answered with 200 and an anonymous user without an id: NotAllowed."""
        me = self._api.me()
        if not text(me.get("id")) or me.get("role") not in STAFF:
            raise NotAllowed(
                f'Zendesk takes us for "{me.get("name") or "nobody"}" ({me.get("role") or "no role"}), not for an agent: '
                "check the credential and the role of the user who made the OAuth client"
            )
        with self._lock:
            self._me = me
        return Identity(
            text(me.get("id")),
            str(me.get("name") or ""),
            email=str(me.get("email") or ""),
            role=str(me.get("role")),
        )

    def absent(self) -> dict[str, str]:
        """Return a mapping, agent id → "offline" or "away", by Zendesk's own statuses. An account's own ones say nothing that we
        can read; without omnichannel routing there is no status at all."""
        found = {}
        for one in self._api.availabilities():
            status = text(row(one.get("agent_status")).get("id"))
            if status in ABSENT:
                found[text(one.get("agent_id"))] = ABSENT[status]
        return found

    def addresses(self) -> frozenset[str]:
        """Return every support address; agents may list them
        (developer.zendesk.com/api-reference/ticketing/account-configuration/support_addresses)."""

        def ask() -> dict[str, list[str]]:
            listed = self._api.all("/recipient_addresses.json", "recipient_addresses")
            return {text(one.get("id")): [text(one.get("email"))] for one in listed}

        return addresses_in(self._lists, ask)

    def groups(self, oldest: timedelta = KEPT) -> dict[str, str]:
        """Return a mapping, id → name of every group."""
        return self._lists.get("groups", self._api.groups, oldest)

    def named(self, kind: str) -> dict[str, list[str]]:
        """Return a mapping, id → names and addresses of the account's brands, groups or forms, kept as groups are. Raises
        VendorError."""
        if kind == "groups":
            return {one: [name] for one, name in self.groups().items()}
        return self._lists.get(kind, lambda: NAMED[kind](self._api))

    def group_name(self, group_id: str) -> str:
        """Return a group's name, "" for one that we may not see."""
        return self.groups().get(group_id) or self.groups(AGAIN).get(group_id, "")

    def group_id(self, queue: str) -> str:
        """Return the id of a group named by name or id."""
        return found_in(self.groups, "group", "Zendesk", queue, AGAIN)

    def solving_group(self, wanted: str) -> str:
        """Return the group to solve in: an assignee must belong to the ticket's group."""
        ours = self._our_groups()
        default = text(self.me().get("default_group_id"))
        return wanted if wanted in ours else default or min(ours, default=wanted)

    def _our_groups(self) -> frozenset[str]:
        """Return our user's groups, read once; none where our role may not read memberships."""

        def ask() -> frozenset[str]:
            try:
                return self._api.groups_of(self.me_id)
            except (Gone, Refused):
                return frozenset()

        return self._lists.get("ours", ask, timedelta.max)


def _brands(api: Api) -> dict[str, list[str]]:
    """Return each brand's name, subdomain, mapped domain and address."""
    keys = ("name", "subdomain", "host_mapping")
    return {
        text(one.get("id")): [
            *(text(one.get(key)) for key in keys),
            urlsplit(text(one.get("brand_url"))).netloc,
        ]
        for one in api.all("/brands.json", "brands")
    }


def _forms(api: Api) -> dict[str, list[str]]:
    """Return each form's name and the name that customers see. The list has no pages."""
    found = rows(api.get("/ticket_forms.json").get("ticket_forms"))
    return {text(one.get("id")): [text(one.get("name")), text(one.get("display_name"))] for one in found}


NAMED: dict[str, Callable[[Api], dict[str, list[str]]]] = {"brands": _brands, "forms": _forms}
