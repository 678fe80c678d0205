"""The parts of a running process, and the real clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any

from core.apart import Apart
from core.model import Priority, Rung
from core.ports import OwnAddresses
from core.scope import Scope, overlap

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment
    from sqlalchemy import Engine

    from connectors.kit.vendor import Vendor
    from core.hours import Hours
    from core.ledger.installed import Installed
    from core.model import Rules
    from core.ports import Channel, Classifier, HelpDesk
    from core.sections import PromiseBounds
    from core.settings import RungSettings, Settings
    from core.telemetry.counters import Counters


FIFTH = 5  # of so many sweeps one also asks what changes slowly


def wall() -> datetime:
    """Return the real clock."""
    return datetime.now(UTC)


def rungs_of(ladder: Iterable[RungSettings], *, business: bool = False) -> tuple[Rung, ...]:
    """Return a configured ladder as values."""
    return tuple(Rung(r.after, r.notify, r.repeat, r.every, r.quiet, business) for r in ladder)


def ladders(settings: Settings) -> dict[str, tuple[Rung, ...]]:
    """Return every ladder of the file by its key."""
    own = {f"ladders.{name}": rungs for name, rungs in settings.escalation.ladders.items()}
    return {name: rungs_of(rungs) for name, rungs in {"ladder": settings.escalation.ladder, **own}.items()}


def _unknown_vendor(desk: str, *_: object, **__: object) -> Any:
    raise LookupError(f"no vendor is known for {desk}")


def _no_attachments(*_: object) -> dict[str, Any]:
    return {}


@dataclass
class App:
    """A running Backstop's parts. `clock` is the only source of time below here."""

    settings: Settings
    engine: Engine
    clock: Callable[[], datetime]
    hours: Hours
    counters: Counters
    rules: dict[str, Rules]
    desks: dict[str, HelpDesk]
    channels: dict[str, Channel]
    classifier: Classifier
    templates: SandboxedEnvironment
    desk_settings: dict[str, Any] = field(default_factory=dict)
    installed: dict[str, Installed] = field(default_factory=dict)  # what install made, by desk
    own_addresses: frozenset[str] = frozenset()
    routes: Any = None  # who is notified how: made once by core.notifications.routing
    vendor: Callable[[str], Vendor[Any]] = _unknown_vendor  # by the desk's name
    # (app, channel, facts) → what goes with a message
    attachments: Callable[..., dict[str, Any]] = _no_attachments
    session: Callable[..., Any] = _unknown_vendor  # (desk, admin=…) → a session at the desk
    demoted: frozenset[str] = frozenset()  # intents that evidence forbids to answer: core.demoted
    apart: Apart = field(default_factory=Apart)  # work at several desks at once
    surge_looks: dict[str, datetime] = field(default_factory=dict)  # when this process last looked, by desk
    own_hours: dict[str, Hours] = field(default_factory=dict)  # of the desks that have their own
    own_templates: dict[str, SandboxedEnvironment] = field(default_factory=dict)  # by desk
    file_seen: tuple[tuple[int, ...], str] = ((), "")  # the file as it was last read, and why it was refused

    def hours_of(self, desk: str) -> Hours:
        """Return the business hours of a desk."""
        return self.own_hours.get(desk, self.hours)

    def templates_of(self, desk: str) -> SandboxedEnvironment:
        """Return the templates of a desk."""
        return self.own_templates.get(desk, self.templates)

    def own_addresses_of(self, desk: str) -> frozenset[str]:
        """Return the addresses that we and a desk send from: an answer to one of them comes back."""
        at = self.desks[desk]
        return self.own_addresses | (at.addresses() if isinstance(at, OwnAddresses) else frozenset())

    def is_due(self, asked: Mapping[str, Any] | None, now: datetime) -> bool:
        """Return whether five sweep intervals have passed. `asked`: the record of the last time, with its time under "at"."""
        every: timedelta = self.settings.sweep.every
        return not asked or now >= datetime.fromisoformat(asked["at"]) + FIFTH * every - every / 2

    def promised(self, desk: str, priority: Priority) -> timedelta:
        """Return within which time a desk promises an answer by a human."""
        own: dict[Priority, timedelta] = getattr(self.desk_settings.get(desk), "promise", {})
        return own.get(priority) or self.settings.escalation.promise.get(priority, timedelta(hours=4))

    def promise_bounds(self, desk: str, priority: Priority) -> PromiseBounds | None:
        """Return the bounds of a desk's computed promise; None where the promise is the configured one."""
        own: dict[Priority, PromiseBounds] = getattr(self.desk_settings.get(desk), "promise_bounds", {})
        return own.get(priority) or self.settings.escalation.promise_bounds.get(priority)

    def scope(self, desk: str) -> Scope:
        """Return the part of the account that a desk serves; {} for all of it."""
        own = self.desk_settings.get(desk)
        return own.only.scope() if own is not None else {}

    def siblings(self, desk: str) -> list[str]:
        """Return the other desk entries on the same account."""
        own = self.desk_settings.get(desk)
        return [
            name for name, other in self.desk_settings.items() if name != desk and same_account(own, other)
        ]

    def rungs(self, priority: Priority, intent: str = "") -> tuple[Rung, ...]:
        """Return the ladder for a ticket: its intent's, else its priority's, else the common one."""
        configured = self.settings.escalation
        name = next((name for name in (intent, priority) if name in configured.ladders), None)
        rungs = configured.ladder if name is None else configured.ladders[name]
        return rungs_of(rungs, business=configured.clock[priority] == "business")


def same_account(one: Any, other: Any) -> bool:
    """Return whether two `[desks.<name>]` tables describe one account."""
    return (one.vendor, one.account()) == (other.vendor, other.account())


def overlapping(desks: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the pairs of desk entries that would both process one ticket."""
    pairs = combinations(desks.items(), 2)
    return [
        (name, other)
        for (name, one), (other, two) in pairs
        if same_account(one, two) and overlap(one.only.scope(), two.only.scope())
    ]
