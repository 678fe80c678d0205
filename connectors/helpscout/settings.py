"""The settings of one Help Scout account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, SecretStr

from connectors.kit.settings import DeskSettings
from core.setting_types import Origin


class Settings(DeskSettings):
    """`[desks.<name>]` of a Help Scout account."""

    TITLE: ClassVar[str] = "Help Scout"
    PLACES: ClassVar[frozenset[str]] = frozenset({"mailboxes", "groups", "channels"})
    QUEUES: ClassVar[tuple[str, ...]] = ("groups", "mailboxes")
    ASKED: ClassVar[Mapping[str, str]] = {"client_id": "App ID", "client_secret": "App Secret"}
    WHERE: ClassVar[str] = (
        "In Help Scout, open Your profile > My apps and choose Create My App. Copy its App ID and App Secret here. "
        "Backstop acts as the user who creates the app."
    )
    BROWSER: ClassVar[Mapping[str, str]] = {"grant": "authorization_code"}

    base_url: Origin = "https://api.helpscout.net"
    client_id: str = Field("", description="the App ID, from Your profile > My apps")
    client_secret: SecretStr = SecretStr("")  # the App Secret, from the same place
    grant: str = Field(
        "client_credentials",
        pattern="^(client_credentials|authorization_code)$",
        description="client_credentials acts as the app's owner; authorization_code as whoever authorised it",
    )
    bots: list[str] = Field(
        default_factory=list, description="ids or addresses of other robots with a user's account"
    )
    write_burst: int = Field(12, ge=0, description="writes in five seconds; Help Scout takes twelve; 0 = any")
    auto_reply_off: bool = Field(
        False, description="you switched off the inboxes' own auto reply (no API shows it)"
    )

    def account(self) -> str:
        """All accounts share one origin: an app belongs to one of them."""
        return f"{super().account()} {self.client_id}"
