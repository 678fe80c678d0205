"""Tables inside others: business hours, the part of an account that a desk serves, the bounds of what may be promised, and the
model for meaning."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, model_validator

from core.scope import Scope, folded
from core.setting_types import Duration, Names, Section


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


class PromiseBounds(Section):
    """`promise_bounds.<priority>`: the promise is computed from what was kept before, between these."""

    least: Duration  # no shorter time is promised, however fast the team is
    most: Duration  # no longer one, however slow

    @model_validator(mode="after")
    def _in_order(self) -> PromiseBounds:
        if not timedelta(0) < self.least <= self.most:
            raise ValueError("least must be more than nothing and no longer than most")
        return self


class Embeddings(Section):
    """`[classifier.embeddings]`: a model for meaning beside words, a file of yours; needs `backstop[embeddings]`."""

    model: str = ""  # an ONNX file with a sentence embedding model; "" = words alone
    sha256: str = ""  # its SHA-256, in hexadecimal
    tokenizer: str = ""  # its tokenizer.json; "" = beside the model
    prefix: str = ""  # put before each text: "query: " for models of the e5 family
