"""The parts of a running process, and the real clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.model import Priority, Rung

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment
    from sqlalchemy import Engine

    from connectors import Vendor
    from core.hours import Hours
    from core.ledger.installed import Installed
    from core.model import Rules
    from core.ports import Channel, Classifier, HelpDesk
    from core.settings import RungSettings, Settings
    from core.telemetry.counters import Counters


def wall() -> datetime:
    """The real clock."""
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
    routes: Any = None  # who hears what: made once by core.notifications.routing
    vendor: Callable[[str], Vendor] = _unknown_vendor  # by the desk's name
    attachments: Callable[..., dict[str, Any]] = (
        _no_attachments  # (app, channel, facts) → what goes with a message
    )
    session: Callable[..., Any] = _unknown_vendor  # (desk, admin=…) → a session at the desk
    demoted: frozenset[str] = frozenset()  # intents that evidence forbids to answer: core.learning.demotion

    def rungs(self, priority: Priority, intent: str = "") -> tuple[Rung, ...]:
        """Return the ladder for a ticket: its intent's, else its priority's, else the common one."""
        configured = self.settings.escalation
        name = next((name for name in (intent, priority) if name in configured.ladders), None)
        rungs = configured.ladder if name is None else configured.ladders[name]
        return rungs_of(rungs, business=configured.clock[priority] == "business")
