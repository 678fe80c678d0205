"""The settings of one Freshdesk account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, SecretStr

from connectors.kit.settings import DeskSettings


class Settings(DeskSettings):
    """`[desks.<name>]` of a Freshdesk account."""

    TITLE: ClassVar[str] = "Freshdesk"
    PLACES: ClassVar[frozenset[str]] = frozenset({"brands", "mailboxes", "groups", "channels"})
    ASKED: ClassVar[Mapping[str, str]] = {
        "api_key": "API key of the bot's agent",
        "install_api_key": "API key of an admin (optional: for making the automation rules)",
    }
    WHERE: ClassVar[str] = (
        "Create an agent for Backstop in Freshdesk and log in as that agent. Click the picture at the top right, open "
        "Profile settings and choose View API key. Copy the key here."
    )
    RECOVERS: ClassVar[bool] = False

    api_key: SecretStr = Field(SecretStr(""), description="of the bot's own agent account")
    install_api_key: SecretStr = Field(
        SecretStr(""), description="an admin's key, used by plan, install, uninstall and doctor only"
    )
    from_email: str = Field("", description="one of the account's support addresses; default: its global one")
    quiet_solve: bool = Field(
        False,
        description="resolve without Freshdesk's own mail about it (asynchronous: the result is not reported)",
    )
    own_notifications_off: bool = Field(
        False, description="you switched off Freshdesk's own mails to customers (no API shows it)"
    )
