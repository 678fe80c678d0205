"""The composition: the only file that knows `core` and `connectors`. Makes the parts of a process from the settings."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from jinja2.sandbox import SandboxedEnvironment
from pydantic import ValidationError
from sqlalchemy import Engine

from connectors import FOLDERS, vendor_of
from connectors.channels import build as build_channels
from connectors.channels import calendars
from connectors.kit.provision import installed
from core.app import App, wall
from core.classify import late
from core.classify.configured import Absent, checked
from core.config.checks import refuse
from core.demoted import honour
from core.environment import explain
from core.errors import ConfigError, TryLater
from core.hours import Hours
from core.ledger import db
from core.ledger.installed import Installed
from core.ledger.pausing import REASON, paused
from core.ledger.tokens import StoredTokens
from core.model import Mode, Rules
from core.notifications import routing
from core.ports import HelpDesk
from core.rules import hours_of, rules_for
from core.sandbox import environment
from core.settings import Settings
from core.telemetry import traces
from core.telemetry.counters import Counters


def build(settings: Settings, *, classify: bool = True, **how: Any) -> App:
    """Return everything but the engine's threads, over a store that is made or brought up to date. Raises ConfigError.

    `classify=False`: a process that only receives. `how`: see `compose`.
    """
    app = compose(settings, **how)
    open_store(app)
    if classify:
        with_classifier(app)
    return app


def open_store(app: App) -> None:
    """Make the store, or bring it up to date, and the rules with it."""
    db.migrate(app.engine)
    honour(app)


def with_classifier(app: App) -> None:
    """Load the classifier, or fit it: the one part that is slow to build."""
    late.load(app)


def compose(settings: Settings, *, clock: Callable[[], datetime] = wall, engine: Engine | None = None) -> App:
    """Return all parts but the classifier, without opening the store. Raises ConfigError for what `serve` refuses.

    `engine`: another store than the configured one.
    """
    try:
        app = _composed(settings, clock, engine or db.connect(settings.database_url))
        checked(settings)
    except ConfigError as err:
        raise _named(settings, err) from err
    refuse(settings, app)
    return app


def _named(settings: Settings, err: ConfigError) -> ConfigError:
    """Return the error with the file's name in each of its lines."""
    file = f"{settings.path}: "
    return ConfigError("\n".join(file + line.removeprefix(file) for line in str(err).splitlines()))


def _composed(settings: Settings, clock: Callable[[], datetime], engine: Engine) -> App:
    counters, tokens = Counters(engine, clock), StoredTokens(engine, clock)
    desk_settings = {name: desk_settings_of(settings, name) for name in settings.desks}
    kept = {name: Installed(engine, name, installed) for name in desk_settings}
    for name, own in desk_settings.items():
        own.read_from(kept[name])
    desks: dict[str, HelpDesk] = {}
    for name, own in desk_settings.items():
        on_call = _counted(counters, name, desks)
        desk = vendor_of(own.vendor).make(name, own, tokens=tokens, clock=clock, on_call=on_call)
        desks[name] = traces.watched(desk, traces.DESK_CALLS)
    rules = {name: rules_for(settings, desk_settings[name]) for name in desks}
    made = build_channels(
        settings.channels,
        clock=clock,
        on_call=lambda channel, outcome: None,
        public_url=settings.public_url,
        desks=desks,
        may_write=lambda name: _may_write(engine, rules, name),
    )
    channels = {name: traces.watched(one, traces.CHANNEL_CALLS) for name, one in made.items()}
    return App(
        settings=settings,
        engine=engine,
        clock=clock,
        hours=hours_of(settings),
        counters=counters,
        rules=rules,
        desks=desks,
        channels=channels,
        routes=routing.make(settings, channels, lambda where: calendars.read(where, settings.home)),
        classifier=Absent(),
        templates=environment(settings.template_dirs()),
        desk_settings=desk_settings,
        installed=kept,
        own_addresses=_own(settings),
        own_hours=_own_hours(settings, desk_settings),
        own_templates=_own_templates(settings, desk_settings),
        vendor=lambda name: vendor_of(desk_settings[name].vendor),
        attachments=_enclosed,
        session=_sessions(desk_settings, tokens, clock, counters),
    )


def _enclosed(*given: Any) -> dict[str, Any]:
    """Return what goes with a message. What draws is loaded with the first weekly report."""
    found: dict[str, Any] = importlib.import_module("core.reports.attachments").enclosed(*given)
    return found


def desk_settings_of(settings: Settings, name: str) -> Any:
    """Return one `[desks.<name>]` table, checked by its vendor's own settings class. Raises ConfigError."""
    values = settings.desks[name]
    if "vendor" not in values:
        raise ConfigError(f"{settings.path}: desks.{name}.vendor is missing: one of {', '.join(FOLDERS)}")
    try:
        return vendor_of(str(values["vendor"])).settings.model_validate(values)
    except ValidationError as err:
        raise ConfigError(explain(err, str(settings.path), f"desks.{name}")) from err


def _sessions(
    desk_settings: Mapping[str, Any], tokens: StoredTokens, clock: Callable[[], datetime], counters: Counters
) -> Callable[..., Any]:
    """Return `session(desk, admin=False)`; `admin`: with the installer's credential where a vendor keeps them apart."""

    def session(name: str, *, admin: bool = False) -> Any:
        settings = desk_settings[name]

        def on_call(operation: str, outcome: str) -> None:
            counters.vendor_call(name, operation, outcome)

        make = vendor_of(settings.vendor).session
        return make(settings, tokens, clock, on_call, desk=name, admin=admin)

    return session


def _may_write(engine: Engine, rules: Mapping[str, Rules], desk: str) -> bool:
    """Return whether the channel `desk` may leave a note there. Raises TryLater while the desk is on hold."""
    if paused(engine, desk):
        raise TryLater(REASON, wait=timedelta(minutes=5))
    return desk in rules and rules[desk].mode is not Mode.OBSERVE


def _counted(counters: Counters, name: str, desks: Mapping[str, HelpDesk]) -> Callable[[str, str], None]:
    """Count each call to a desk, with what is left of its rate limit."""

    def on_call(operation: str, outcome: str) -> None:
        counters.vendor_call(name, operation, outcome)
        traces.event(operation, outcome=outcome)
        pace = getattr(desks.get(name), "pace", None)
        if pace is not None and pace.remaining is not None:
            counters.rate_limit(name, pace.remaining)

    return on_call


def _own_hours(settings: Settings, desks: Mapping[str, Any]) -> dict[str, Hours]:
    """Return the business hours of the desks that have their own."""
    return {
        name: hours_of(settings, own.hours, f"desks.{name}.hours")
        for name, own in desks.items()
        if own.hours is not None
    }


def _own_templates(settings: Settings, desks: Mapping[str, Any]) -> dict[str, SandboxedEnvironment]:
    """Return each desk's texts: those in its own folder first, and its signature."""
    return {name: environment(settings.template_dirs(name), own.signature) for name, own in desks.items()}


def _own(settings: Settings) -> frozenset[str]:
    """Return the addresses we send from: a message to one of them would come back to us."""
    mails = settings.channels.get("email", {}).values()
    return frozenset(str(values.get("from", "")) for values in mails) - {""}
