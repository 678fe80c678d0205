"""What every desk's settings have in common; each vendor's folder adds its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, model_validator

from core.model import Mode, Priority
from core.scope import folded
from core.sections import HoursSettings, Only, PromiseBounds
from core.setting_types import Duration, Names, Origin, Secrets, Section, Span

USUAL_PORTS = {"http": 80, "https": 443}

Kept = Callable[[], Mapping[str, str]]
"""What install made and keeps: setting → value."""


def _nothing() -> Mapping[str, str]:
    return {}


class DeskSettings(Section):
    """One `[desks.<name>]` table. `base_url` is the bare origin; the connector adds the paths."""

    PLACES: ClassVar[frozenset[str]] = frozenset()  # the kinds of `only` that this vendor has
    TITLE: ClassVar[str] = ""  # the vendor's name as people write it
    QUEUES: ClassVar[tuple[str, ...]] = ("groups",)  # the kinds of places that a ticket can be given to
    ASKED: ClassVar[Mapping[str, str]] = {}  # what has to be typed to connect → its label
    WHERE: ClassVar[str] = ""  # where an admin finds that
    BROWSER: ClassVar[Mapping[str, str]] = {}  # settings that a connection made in the browser needs
    KNOWS_AI: ClassVar[bool] = False  # whether the vendor's own AI is known without `ai_agents`
    RECOVERS: ClassVar[bool] = True  # whether a held back message is recovered by a call, not by clicks

    vendor: str  # which help desk this is
    base_url: Origin = ""  # the bare origin of the account
    mode: Mode = Mode.ACT  # observe (write nothing), suggest (never answer by itself) or act
    general_queue: str = ""  # group, team or mailbox for unsure messages, by name or id
    webhook_secret: Secrets = Field(
        default_factory=list,
        description="several while one is exchanged; the one of its own webhook install keeps itself",
    )
    sidebar_token: Secrets = Field(
        default_factory=list,
        description="opens this desk's tickets for reading, for the app beside a ticket; nothing else",
    )
    calls_per_minute: int = Field(0, ge=0, description="a fixed budget; 0 = the vendor's own headers decide")
    head_room: float = Field(0.1, ge=0, lt=1, description="the share of the rate limit left to humans")
    timeout: float = Field(30.0, gt=0, description="seconds to wait for an answer")
    look_back: Duration = Field(timedelta(days=1), description="how far the first sweep looks back")
    tag_prefix: str = "ai_"  # of every tag we set
    intent_field: str = Field(
        "",
        description="the account's own field for it: Zendesk's id, Freshdesk's name, Help Scout's name or id; by default the "
        "one that install made",
    )
    confidence_field: str = ""  # as above, in whole per cent
    outcome_field: str = ""  # as above: what became of the ticket
    people: Names = Field(
        default_factory=list,
        description='senders and mailing lists that look automatic and are people: "forms@shop.example", "list-id:help.shop.example"',
    )
    acknowledge: bool = True  # false keeps the desk's own automatic reply as the only one
    ai_agents: Names = Field(
        default_factory=list,
        description="ids or addresses of the desk's own AI agents, beside those that are known by themselves",
    )
    wait_for_ai: Duration = Field(
        timedelta(minutes=10),
        description="how long an AI that has a ticket may owe the customer a word before a person is called",
    )
    only: Only = Field(
        default_factory=Only,
        description="the part of the account that this desk serves; default: all of it. See the vendor's page",
    )
    hours: HoursSettings | None = Field(None, description="its own business hours; default: `[hours]`")
    promise: dict[Priority, Span] = Field(
        default_factory=dict, description="its own promises; default: `escalation.promise`"
    )
    promise_bounds: dict[Priority, PromiseBounds] = Field(
        default_factory=dict,
        description="its own bounds of a computed promise; default: `escalation.promise_bounds`",
    )
    signature: str = Field(
        "", description="below each answer and acknowledgment; as `{{ signature }}` where a template wants it"
    )

    @model_validator(mode="after")
    def _knows_its_places(self) -> DeskSettings:
        if wrong := sorted(set(self.only.scope()) - self.PLACES):
            there = ", ".join(sorted(self.PLACES))
            raise ValueError(f"only.{wrong[0]}: {self.vendor} has no {wrong[0]} to choose by; use {there}")
        return self

    def ais(self) -> frozenset[str]:
        """Return the ids and addresses of the configured AI agents, in small letters."""
        return folded(self.ai_agents)

    def account(self) -> str:
        """Return what distinguishes this account from others of the vendor."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port not in {None, USUAL_PORTS.get(parts.scheme)} else ""
        return f"{(parts.hostname or '').rstrip('.')}{port}"

    _kept: Kept = PrivateAttr(default_factory=lambda: _nothing)

    def read_from(self, kept: Kept) -> None:
        """Ask `kept` for what install made, each time that it is needed, wherever the file says nothing."""
        self._kept = kept

    def value(self, name: str) -> str:
        """Return a setting as the file has it, else as install keeps it."""
        return str(getattr(self, name)) or self._kept().get(name, "")

    def fields(self) -> dict[str, str]:
        """Return our three fields → the account's names of them, those that are configured or were installed."""
        named = {
            "intent": self.value("intent_field"),
            "confidence": self.value("confidence_field"),
            "outcome": self.value("outcome_field"),
        }
        return {ours: theirs for ours, theirs in named.items() if theirs}

    def secrets(self) -> list[str]:
        """Return the webhook secrets in clear, for the proof only: those of the file, then the one that install
        keeps."""
        found = [secret.get_secret_value() for secret in self.webhook_secret]
        return list(dict.fromkeys([*found, *filter(None, [self._kept().get("webhook_secret", "")])]))
