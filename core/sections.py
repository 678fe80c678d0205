"""Tables that stand in several places of the file: business hours, and the part of an account that a desk serves."""

from __future__ import annotations

from pydantic import Field, model_validator

from core.scope import Scope, folded
from core.setting_types import Names, Section


class HoursSettings(Section):
    """`[hours]`: business hours. Without it every hour of the week counts."""

    timezone: str = "UTC"  # of the business hours, as Europe/Berlin
    week: dict[str, str | list[str]] = Field(default_factory=dict)  # day → 09:00-17:00, or several spans
    holidays: str | list[str] = ""  # a country (DE, US-CA), or dates


class Only(Section):
    """`only` of a desk: the part of the account that it serves, by name, address or id. A ticket must fit each kind."""

    brands: Names = Field(default_factory=list)
    mailboxes: Names = Field(default_factory=list)
    groups: Names = Field(default_factory=list)
    forms: Names = Field(default_factory=list)
    channels: Names = Field(default_factory=list)

    @model_validator(mode="after")
    def _says_something(self) -> Only:
        """An empty list would serve nothing, or everything: nobody can tell which was meant."""
        for kind in self.model_fields_set:
            if not folded(getattr(self, kind)):
                raise ValueError(f"{kind} is empty: name at least one, or leave {kind} out")
        return self

    def scope(self) -> Scope:
        """Return what is named, by kind."""
        return {kind: folded(getattr(self, kind)) for kind in type(self).model_fields if getattr(self, kind)}
