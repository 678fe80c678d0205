"""The settings of one account."""

from __future__ import annotations

from typing import ClassVar

from pydantic import SecretStr

from connectors.kit.settings import DeskSettings


class Settings(DeskSettings):
    """`[desks.<name>]` of a sandbox account."""

    TITLE: ClassVar[str] = "Sandbox"
    PLACES: ClassVar[frozenset[str]] = frozenset({"groups"})

    api_key: SecretStr = SecretStr("")
