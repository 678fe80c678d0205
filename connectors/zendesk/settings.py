"""The settings of one Zendesk account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, SecretStr

from connectors.kit.settings import DeskSettings
from connectors.zendesk import auth


class Settings(DeskSettings):
    """`[desks.<name>]` of a Zendesk account."""

    TITLE: ClassVar[str] = "Zendesk"
    PLACES: ClassVar[frozenset[str]] = frozenset({"brands", "groups", "forms", "channels"})
    ASKED: ClassVar[Mapping[str, str]] = {"client_id": "Unique identifier", "client_secret": "Secret"}
    WHERE: ClassVar[str] = (
        "In Zendesk Admin Center, open Apps and integrations > APIs > OAuth clients, choose Add OAuth client and the client "
        "kind Confidential. Copy its unique identifier and its secret here. Backstop acts as the user who creates the client."
    )
    KNOWS_AI: ClassVar[bool] = True

    client_id: str = Field("", description="the OAuth client's unique identifier")
    client_secret: SecretStr = SecretStr("")  # of that client
    scope: str = Field("read write", description="what tokens are asked for; compared with what is granted")
    token_lifetime: int = Field(auth.LIFE, ge=auth.SHORTEST, le=auth.LONGEST, description="seconds")
    email: str = Field("", description="with api_token: the old way, which ends on 30 April 2027")
    api_token: SecretStr = SecretStr("")  # of that address
    bot_id: str = Field(
        "", description="our own user's id, as install keeps it: saves looking at our own writes"
    )
    bots: list[str] = Field(
        default_factory=list, description="ids or addresses of other robots that act as agents"
    )
    last_handled_field: str = Field("", description="a text field that keeps the key of our last write")
    text_fields: list[str] = Field(
        default_factory=list,
        description="those of intent_field and outcome_field that are text, not drop-down",
    )
    hook: str = Field(
        "events",
        pattern="^(events|triggers)$",
        description="what install makes: one event webhook, or triggers",
    )
    marketplace_name: str = Field("", description="the three headers of a marketplace app, sent when set")
    marketplace_organization_id: str = ""  # as above
    marketplace_app_id: str = ""  # as above

    def marketplace(self) -> dict[str, str]:
        """Return the headers by which Zendesk knows a marketplace app."""
        named = {
            "X-Zendesk-Marketplace-Name": self.marketplace_name,
            "X-Zendesk-Marketplace-Organization-Id": self.marketplace_organization_id,
            "X-Zendesk-Marketplace-App-Id": self.marketplace_app_id,
        }
        return {name: value for name, value in named.items() if value}

    def drop_downs(self) -> frozenset[str]:
        """Return ids of our fields whose values are options, and so tags."""
        return frozenset({self.value("intent_field"), self.value("outcome_field")} - {"", *self.text_fields})
