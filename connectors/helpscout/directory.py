"""Who we are, the users, teams, inboxes, workflows and fields: asked once, kept for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from connectors.helpscout.api import Api
from connectors.kit.directory import (
    AFRESH,
    KEPT,
    Lists,
    addresses_in,
    found_in,
    if_allowed,
    person_in,
    unknown,
)
from connectors.kit.values import Row, row, rows, text
from core.errors import Refused
from core.model import Identity

KEPT_USERS = timedelta(days=1)


class Directory:
    """One account's lists."""

    def __init__(self, api: Api, clock: Callable[[], datetime], bots: frozenset[str] = frozenset()) -> None:
        self.api = api
        self.bots = bots  # ids or addresses, lower case, of other robots with a user's account
        self._lists = Lists(clock)

    def me(self, oldest: timedelta = timedelta.max) -> Row:
        """`GET /users/me`; kept for good, since a token belongs to one user for its whole life."""
        return self._lists.get("me", lambda: row(self.api.get("/users/me")), oldest)

    @property
    def bot(self) -> str:
        """Our own user id."""
        return text(self.me().get("id"))

    def whoami(self) -> Identity:
        """Return who the token acts as, read again: so a revoked token or a deactivated owner is noticed."""
        me = self.me(AFRESH)
        return Identity(text(me.get("id")), full_name(me), text(me.get("email")), text(me.get("role")))

    def users(self, oldest: timedelta = KEPT_USERS) -> dict[str, Identity]:
        """Return a mapping, user id → who it is; empty when our token may not list users."""
        return self._lists.get("users", self._ask_users, oldest)

    def _ask_users(self) -> dict[str, Identity]:
        listed = if_allowed(lambda: list(self.api.all("/users", "users"))) or []
        return {
            text(one.get("id")): Identity(
                text(one.get("id")), full_name(one), text(one.get("email")), text(one.get("role"))
            )
            for one in listed
        }

    def staff(self) -> frozenset[str]:
        """Return the addresses of the company's own people, lower case."""
        return frozenset(one.email.casefold() for one in self.users().values() if one.email)

    def absent(self) -> dict[str, str]:
        """Return a mapping, user id → "away", by the e-mail status
        (developer.helpscout.com/mailbox-api/endpoints/users/status/list)."""
        listed = self.api.all("/users/status", "userStatuses")
        away = (one for one in listed if text(row(one.get("email")).get("status")) == "away")
        return {text(one.get("userId")): "away" for one in away}

    def addresses(self) -> frozenset[str]:
        """Return the address of every inbox (developer.helpscout.com/mailbox-api/endpoints/inboxes/list); aliases are
        not listed."""
        return addresses_in(self._lists, lambda: self.named("mailboxes"))

    def teams(self, oldest: timedelta = KEPT) -> dict[str, str]:
        """Return a mapping, team id → name."""
        return self._names("teams", oldest)

    def mailboxes(self, oldest: timedelta = KEPT) -> dict[str, str]:
        """Return a mapping, inbox id → name."""
        return self._names("mailboxes", oldest)

    def _names(self, what: str, oldest: timedelta) -> dict[str, str]:
        def ask() -> dict[str, str]:
            listed = self.api.all(f"/{what}", what)
            return {text(one.get("id")): text(one.get("name")) for one in listed}

        return self._lists.get(what, ask, oldest)

    def named(self, kind: str) -> dict[str, list[str]]:
        """Return a mapping, id → names and addresses of the account's inboxes or teams. Raises VendorError."""
        if kind == "groups":
            return {one: [name] for one, name in self.teams().items()}

        def ask() -> dict[str, list[str]]:
            listed = self.api.all("/mailboxes", "mailboxes")
            return {text(one.get("id")): [text(one.get("name")), text(one.get("email"))] for one in listed}

        return self._lists.get("named", ask)

    def queues(self, oldest: timedelta = KEPT) -> dict[str, dict[str, str]]:
        """`{"team": {id: name}, "mailbox": {id: name}}`."""
        return {"team": self.teams(oldest), "mailbox": self.mailboxes(oldest)}

    def queue(self, name_or_id: str) -> tuple[str, str]:
        """("team" or "mailbox", id) of a queue by name or id. Refused names it and those that exist."""
        found = queue_in(self.queues(), name_or_id) or queue_in(self.queues(AFRESH), name_or_id)
        if found is None:
            known = {name for names in self.queues().values() for name in names.values()}
            raise unknown("team or inbox", "Help Scout", name_or_id, known)
        return found

    def name_of(self, kind: str, queue_id: str) -> str:
        """Return a queue's name; asked again once when it is new to us."""
        lists = "teams" if kind == "team" else "mailboxes"
        names = self._names(lists, KEPT)
        if queue_id and queue_id not in names:
            names = self._names(lists, AFRESH)
        return names.get(queue_id, "")

    def user_id(self, name_or_id: str) -> str:
        """Return the id of a user given by id or address."""
        found = person_in(self.users, name_or_id, KEPT_USERS)
        if not found:
            raise Refused(f'there is no user "{name_or_id}" at Help Scout that our token can see', status=400)
        return found

    def workflow(self, name_or_id: str) -> str:
        """Return the id of a manual workflow by name or id."""

        def ask() -> dict[str, str]:
            listed = self.api.all("/workflows", "workflows")
            return {text(w.get("id")): text(w.get("name")) for w in listed if w.get("type") == "manual"}

        listed = partial(self._lists.get, "workflows", ask)
        return found_in(listed, "manual workflow", "Help Scout", name_or_id)

    def fields(self, mailbox: str) -> list[Row]:
        """Return an inbox's custom fields, with the options of its drop-downs."""

        def ask() -> list[Row]:
            return list(self.api.all(f"/mailboxes/{mailbox}/fields", "fields"))

        return self._lists.get(f"fields:{mailbox}", ask) if mailbox.isdigit() else []

    def robot(self, user: Row) -> bool:
        """Return whether a user of Help Scout's is no person: its own system user, or one of the configured robots."""
        user_id, email = text(user.get("id")), text(user.get("email")).casefold()
        return system(user) or user_id in self.bots or bool(email and email in self.bots)


def queue_in(queues: Mapping[str, Mapping[str, str]], name_or_id: str) -> tuple[str, str] | None:
    """Return a queue by id or name: teams before inboxes, ids before names, names in any case."""
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
    """Return first and last name; a team has only one of them, or `name`."""
    names = [text(person.get(key)) for key in ("first", "firstName", "last", "lastName", "name")]
    return " ".join(one for one in dict.fromkeys(names) if one)


# Workflows and automatic replies act as a user "Help Scout" with the id 1 and this address (seen in v2 answers).
SYSTEM_USER = ("1", "none@nowhere.com")


def system(user: Row) -> bool:
    """Return whether it is Help Scout itself: v2 shows its system users as users."""
    return (
        text(user.get("type")) in {"system", "system_user"}
        or text(user.get("id")) == SYSTEM_USER[0]
        or text(user.get("email")).casefold() == SYSTEM_USER[1]
    )


def options(field_: Row) -> dict[str, str]:
    """Return a drop-down's options: label in lower case → id."""
    return {text(one.get("label")).casefold(): text(one.get("id")) for one in rows(field_.get("options"))}
