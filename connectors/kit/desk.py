"""What every vendor's desk has from its parts: names and times of its session, places, and who it acts as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Generic, Protocol, TypeVar

from connectors.kit.http import DeskSession
from connectors.kit.places import Placing, places_of
from connectors.kit.settings import DeskSettings
from core.model import Identity, Ticket


class Knows(Protocol):
    """The directory of an account."""

    def whoami(self) -> Identity:
        """Return who the credential acts as, asked now. Raises NotAllowed, TryLater."""

    def absent(self) -> Mapping[str, str]:
        """Return agent id → why they are away. Raises NotAllowed, TryLater, Refused."""

    def named(self, kind: str) -> Mapping[str, Iterable[str]]:
        """Return id → names of a kind of place. Raises VendorError."""


S = TypeVar("S", bound=DeskSettings)
D = TypeVar("D", bound=Knows)


class AccountDesk(Generic[S, D]):
    """The parts of the port `HelpDesk` that are the same for every vendor."""

    def __init__(self, name: str, settings: S, session: DeskSession, directory: D) -> None:
        self.name, self._settings, self._directory = name, settings, directory
        self.patience, self.pace = session.patience, session.pace
        self._places: Placing = partial(places_of, only=settings.only.scope(), named=directory.named)

    def mail_headers(self, ticket: Ticket, message_id: str) -> Mapping[str, str]:
        """Return the headers of a message's mail: {} where the vendor does not show them."""
        return {}

    def absent(self) -> Mapping[str, str]:
        """Return agent id → why they are away."""
        return self._directory.absent()

    def listed(self, kind: str) -> Mapping[str, Iterable[str]]:
        """Return id → names and addresses of the account's places of a kind."""
        return self._directory.named(kind)

    def whoami(self) -> Identity:
        """Return who the credential acts as."""
        return self._directory.whoami()
