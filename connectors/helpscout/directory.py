"""Who we are, the users, teams, inboxes, workflows and fields: asked once, kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.helpscout.api import Api
from connectors.kit.values import Row, row, rows, text
from core.errors import NotAllowed, Refused
from core.model import Identity

KEPT = timedelta(minutes=15)
KEPT_USERS = timedelta(days=1)


@dataclass
class Directory:
    """One account's lists."""

    api: Api
    clock: Callable[[], datetime]
    bots: frozenset[str] = frozenset()  # ids or addresses, lower case, of other robots with a user's account
    _kept: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def me(self) -> Row:
        """`GET /users/me`; kept for good, since a token belongs to one user for its whole life."""
        found: Row = self._keep("me", lambda: row(self.api.get("/users/me")), timedelta.max)
        return found

    @property
    def bot(self) -> str:
        """Our own user id."""
        return text(self.me().get("id"))

    def whoami(self) -> Identity:
        """Asked afresh: this is how a dead token or a deactivated owner is noticed."""
        me = row(self.api.get("/users/me"))
        with self._lock:
            self._kept["me"] = (self.clock(), me)
        name = full_name(me)
        return Identity(text(me.get("id")), name, text(me.get("email")), text(me.get("role")))

    def users(self, *, afresh: bool = False) -> dict[str, Identity]:
        """User id → who it is; empty when our token may not list users."""
        found: dict[str, Identity] = self._keep("users", self._ask_users, KEPT_USERS, afresh=afresh)
        return found

    def _ask_users(self) -> dict[str, Identity]:
        try:
            listed = list(self.api.all("/users", "users"))
        except NotAllowed as err:
            if err.status == 401:
                raise
            return {}
        return {
            text(one.get("id")): Identity(
                text(one.get("id")), full_name(one), text(one.get("email")), text(one.get("role"))
            )
            for one in listed
        }

    def staff(self) -> frozenset[str]:
        """The addresses of the company's own people, lower case."""
        return frozenset(one.email.casefold() for one in self.users().values() if one.email)

    def absent(self) -> dict[str, str]:
        """User id → "away", by the e-mail status (developer.helpscout.com/mailbox-api/endpoints/users/status/list)."""
        listed = self.api.all("/users/status", "userStatuses")
        away = (one for one in listed if text(row(one.get("email")).get("status")) == "away")
        return {text(one.get("userId")): "away" for one in away}

    def teams(self, *, afresh: bool = False) -> dict[str, str]:
        """Team id → name."""
        return self._names("teams", afresh=afresh)

    def mailboxes(self, *, afresh: bool = False) -> dict[str, str]:
        """Inbox id → name."""
        return self._names("mailboxes", afresh=afresh)

    def _names(self, what: str, *, afresh: bool) -> dict[str, str]:
        def ask() -> dict[str, str]:
            listed = self.api.all(f"/{what}", what)
            return {text(one.get("id")): text(one.get("name")) for one in listed}

        found: dict[str, str] = self._keep(what, ask, KEPT, afresh=afresh)
        return found

    def named(self, kind: str) -> dict[str, list[str]]:
        """Id → names and addresses of the account's inboxes or teams. Raises VendorError."""
        if kind == "groups":
            return {one: [name] for one, name in self.teams().items()}

        def ask() -> dict[str, list[str]]:
            listed = self.api.all("/mailboxes", "mailboxes")
            return {text(one.get("id")): [text(one.get("name")), text(one.get("email"))] for one in listed}

        found: dict[str, list[str]] = self._keep("named", ask, KEPT)
        return found

    def queues(self, *, afresh: bool = False) -> dict[str, dict[str, str]]:
        """`{"team": {id: name}, "mailbox": {id: name}}`."""
        return {"team": self.teams(afresh=afresh), "mailbox": self.mailboxes(afresh=afresh)}

    def queue(self, name_or_id: str) -> tuple[str, str]:
        """("team" or "mailbox", id) of a queue by name or id. Refused names it and those that exist."""
        for afresh in (False, True):
            queues = self.queues(afresh=afresh)
            if found := queue_in(queues, name_or_id):
                return found
        known = ", ".join(sorted({name for names in queues.values() for name in names.values()}))
        raise Refused(
            f'there is no team or inbox "{name_or_id}" at Help Scout; known: {known or "none that we may see"}',
            status=400,
        )

    def name_of(self, kind: str, queue_id: str) -> str:
        """A queue's name; asked again once when it is new to us."""
        names = self._names("teams" if kind == "team" else "mailboxes", afresh=False)
        if queue_id and queue_id not in names:
            names = self._names("teams" if kind == "team" else "mailboxes", afresh=True)
        return names.get(queue_id, "")

    def user_id(self, name_or_id: str) -> str:
        """The id of a user given by id or address."""
        if name_or_id.strip().isdigit():
            return name_or_id.strip()
        for afresh in (False, True):
            for one in self.users(afresh=afresh).values():
                if one.email.casefold() == name_or_id.strip().casefold():
                    return one.id
        raise Refused(f'there is no user "{name_or_id}" at Help Scout that our token can see', status=400)

    def workflow(self, name_or_id: str) -> str:
        """The id of a manual workflow by name or id."""

        def ask() -> list[Row]:
            return [one for one in self.api.all("/workflows", "workflows") if one.get("type") == "manual"]

        wanted = name_or_id.strip().casefold()
        for afresh in (False, True):
            listed: list[Row] = self._keep("workflows", ask, KEPT, afresh=afresh)
            for one in listed:
                if wanted in {text(one.get("id")), text(one.get("name")).casefold()}:
                    return text(one.get("id"))
        known = ", ".join(sorted(text(one.get("name")) for one in listed))
        raise Refused(
            f'there is no manual workflow "{name_or_id}" at Help Scout; known: {known or "none"}', status=400
        )

    def fields(self, mailbox: str) -> list[Row]:
        """An inbox's custom fields, with the options of its drop-downs."""

        def ask() -> list[Row]:
            return list(self.api.all(f"/mailboxes/{mailbox}/fields", "fields"))

        found: list[Row] = self._keep(f"fields:{mailbox}", ask, KEPT) if mailbox.isdigit() else []
        return found

    def robot(self, user: Row) -> bool:
        """Whether a user of Help Scout's is no person: its own system user, or one of the configured robots."""
        user_id, email = text(user.get("id")), text(user.get("email")).casefold()
        return system(user) or user_id in self.bots or bool(email and email in self.bots)

    def _keep(self, what: str, ask: Callable[[], Any], life: timedelta, *, afresh: bool = False) -> Any:
        with self._lock:
            kept = self._kept.get(what)
        if kept is None or afresh or self.clock() - kept[0] > life:
            kept = (self.clock(), ask())
            with self._lock:
                self._kept[what] = kept
        return kept[1]


def queue_in(queues: Mapping[str, Mapping[str, str]], name_or_id: str) -> tuple[str, str] | None:
    """Teams before inboxes, ids before names, names in any case."""
    wanted = name_or_id.strip()
    for kind in ("team", "mailbox"):
        if wanted in queues.get(kind, {}):
            return kind, wanted
    for kind in ("team", "mailbox"):
        for one, name in queues.get(kind, {}).items():
            if name.casefold() == wanted.casefold():
                return kind, one
    return None


def full_name(person: Row) -> str:
    """First and last name; a team has only one of them, or `name`."""
    names = [text(person.get(key)) for key in ("first", "firstName", "last", "lastName", "name")]
    return " ".join(one for one in dict.fromkeys(names) if one)


# Workflows and automatic replies act as a user "Help Scout" with the id 1 and this address (seen in v2 answers).
SYSTEM_USER = ("1", "none@nowhere.com")


def system(user: Row) -> bool:
    """Whether it is Help Scout itself: v2 shows its system users as users."""
    return (
        text(user.get("type")) in {"system", "system_user"}
        or text(user.get("id")) == SYSTEM_USER[0]
        or text(user.get("email")).casefold() == SYSTEM_USER[1]
    )


def options(field_: Row) -> dict[str, str]:
    """A drop-down's options: label in lower case → id."""
    return {text(one.get("label")).casefold(): text(one.get("id")) for one in rows(field_.get("options"))}
