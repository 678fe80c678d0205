"""The only file that knows both sides: settings in, a running set of parts out."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2.sandbox import SandboxedEnvironment
from pydantic import ValidationError
from sqlalchemy import Engine, delete, or_, select, update

from connectors import DESKS
from connectors.kit.oauth import Token
from core.errors import ConfigError, TryLater
from core.hours import Hours
from core.ledger import db
from core.ledger.schema import tokens
from core.model import IntentRule, Mode, Priority, Rules, Rung
from core.ports import Channel, Classifier, HelpDesk
from core.settings import Settings, explain
from core.telemetry import traces
from core.telemetry.counters import Counters
from core.wording import environment

if TYPE_CHECKING:
    from core.classify.linear import LinearClassifier
    from core.classify.remote import Call

log = logging.getLogger(__name__)

HIGH = {Priority.URGENT, Priority.HIGH}
ALWAYS_HUMAN = {"billing_dispute", "account_compromise", "critical_bug", "human_request"}
EVERY_DAY = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")


def wall() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


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
    own_addresses: frozenset[str] = frozenset()
    routes: Any = None  # who hears what: made once by core.notifications.routing
    demoted: frozenset[str] = frozenset()  # intents that evidence forbids to answer: core.learning.demotion

    def rungs(self) -> tuple[Rung, ...]:
        """The configured ladder."""
        return tuple(
            Rung(r.after, r.notify, r.repeat, r.every, r.quiet) for r in self.settings.escalation.ladder
        )


def build(settings: Settings, *, clock: Callable[[], datetime] = wall, classify: bool = True) -> App:
    """Everything but the engine's threads. Raises ConfigError. `classify=False`: a process that only receives."""
    engine = db.connect(settings.database_url)
    db.migrate(engine)
    counters = Counters(engine, clock)
    store = StoredTokens(engine, clock)
    desk_settings = {name: desk_settings_of(settings, name) for name in settings.desks}
    desks: dict[str, HelpDesk] = {}
    for name, values in settings.desks.items():
        desk = module(values["vendor"], "connector").make(
            name,
            desk_settings[name],
            tokens=store,
            clock=clock,
            on_call=_counted(counters, name, desks),
        )
        desks[name] = traces.watched(desk, traces.DESK_CALLS)
    from connectors.channels import build as build_channels
    from connectors.channels import calendars
    from core.learning.demotion import demoted
    from core.notifications import routing

    taken_back = frozenset(demoted(engine))
    rules = {name: rules_for(settings, desk_settings[name], taken_back) for name in desks}
    made = build_channels(
        settings.channels,
        clock=clock,
        on_call=lambda channel, outcome: None,
        public_url=settings.public_url,
        desks=desks,
        may_write=lambda name: _may_write(engine, rules, name),
    )
    channels = {name: traces.watched(one, traces.CHANNEL_CALLS) for name, one in made.items()}
    app = App(
        settings=settings,
        engine=engine,
        clock=clock,
        hours=hours_of(settings),
        counters=counters,
        rules=rules,
        desks=desks,
        channels=channels,
        routes=routing.make(settings, channels, calendars.read),
        classifier=classifier_of(settings, counters) if classify else _Absent(),
        templates=environment(settings.template_dirs()),
        desk_settings=desk_settings,
        own_addresses=_own(settings),
        demoted=taken_back,
    )
    from core.admin.checks import refuse

    refuse(settings, app)
    return app


def _may_write(engine: Engine, rules: Mapping[str, Rules], desk: str) -> bool:
    """Whether the channel `desk` may leave a note there. Raises TryLater while the desk is on hold."""
    from core.ledger.pausing import REASON, paused

    if paused(engine, desk):
        raise TryLater(REASON, wait=timedelta(minutes=5))
    return desk in rules and rules[desk].mode is not Mode.OBSERVE


def module(vendor: str, part: str) -> Any:
    """A vendor's module, imported when it is configured."""
    if vendor not in DESKS:
        raise ConfigError(f'vendor "{vendor}" is not known: use {", ".join(DESKS)}')
    return importlib.import_module(f"{DESKS[vendor]}.{part}")


def desk_settings_of(settings: Settings, name: str) -> Any:
    """One `[desks.<name>]` table, checked by its vendor's own settings class."""
    values = settings.desks[name]
    if "vendor" not in values:
        raise ConfigError(f"{settings.path}: desks.{name}.vendor is missing: one of {', '.join(DESKS)}")
    try:
        return module(str(values["vendor"]), "connector").Settings.model_validate(values)
    except ValidationError as err:
        raise ConfigError(explain(err, str(settings.path), f"desks.{name}")) from err


def hours_of(settings: Settings) -> Hours:
    """The business hours; without a week every hour counts."""
    section = settings.hours
    try:
        return Hours.make(section.timezone, section.week or EVERY_DAY, section.holidays)
    except ValueError as err:
        raise ConfigError(f"{settings.path}: hours: {err}") from err


def intent_rules(settings: Settings) -> dict[str, IntentRule]:
    """The configured intents, and the starter ones that the file does not name."""
    from core.classify.starter import starter

    begin = {i.name: IntentRule(i.name, i.priority) for i in starter().intents}
    rules = dict(begin) if settings.classifier.starter else {}
    for name, one in settings.intents.items():
        base = begin[name].priority if name in begin else Priority.NORMAL
        priority = one.priority or base
        rules[name] = IntentRule(name, priority, one.queue, one.reply, one.action, one.mode, one.auto)
    return rules


def rules_for(settings: Settings, desk: Any, demoted: Collection[str] = ()) -> Rules:
    """The rules of one desk, with a version that changes when they do; `demoted` intents only suggest."""
    intents = {
        name: replace(rule, mode=Mode.SUGGEST) if name in demoted and rule.mode is Mode.ACT else rule
        for name, rule in intent_rules(settings).items()
    }
    never = {name for name, rule in intents.items() if rule.priority in HIGH} | ALWAYS_HUMAN
    facts = [settings.bands.model_dump(), desk.general_queue, desk.mode, desk.acknowledge]
    facts += [[r.name, r.priority, r.queue, r.reply, r.action, r.mode, r.auto] for r in intents.values()]
    version = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
    return Rules(
        auto=settings.bands.auto,
        route=settings.bands.route,
        intents=intents,
        never_automatic=frozenset(never),
        general_queue=desk.general_queue,
        mode=desk.mode,
        tag_prefix=desk.tag_prefix,
        suspicion=settings.classifier.suspicion,
        acknowledge=desk.acknowledge,
        version=version,
    )


def examples_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """What the embedded classifier learns from: the file's examples, else the starter's of the same name."""
    from core.classify.starter import starter

    begin = starter().examples
    found = dict(begin) if settings.classifier.starter else {}
    for name, one in settings.intents.items():
        examples = tuple(one.examples) or begin.get(name, ())
        if not examples:
            raise ConfigError(
                f"{settings.path}: intents.{name}.examples is empty and {name} is no starter intent: "
                "give at least five sentences a customer would write"
            )
        found[name] = examples
    return found


def classifier_of(settings: Settings, counters: Counters | None = None) -> Classifier:
    """The embedded one, or an outside one that falls back to it; its time is counted where there are counters."""
    embedded, outside = embedded_of(settings), _outside(settings, counters)
    found = embedded if outside is None else outside(embedded)
    return found if counters is None else _Timed(found, counters)


def embedded_of(settings: Settings) -> LinearClassifier:
    """What `train` learned, while it is about the configured intents; else fitted to the examples."""
    from core.classify.cache import load_or_fit
    from core.classify.starter import starter

    examples = examples_of(settings)
    return _trained(settings, examples) or load_or_fit(examples, starter().background, cache_dir(settings))


def trained_path(settings: Settings) -> Path:
    """Where `train` leaves its model."""
    return cache_dir(settings) / "trained.npz"


def _trained(settings: Settings, examples: Mapping[str, Sequence[str]]) -> LinearClassifier | None:
    from core.classify.cache import load

    path = trained_path(settings)
    if not path.exists():
        return None
    try:
        model = load(path)
    except (ValueError, OSError) as err:
        log.warning("the trained model is not used: %s", err)
        return None
    if set(model.intents) == set(examples):
        return model
    log.warning("%s is not used: it knows other intents than the configuration; train again", path)
    return None


def _outside(settings: Settings, counters: Counters | None) -> Callable[[Classifier], Classifier] | None:
    section, intents = settings.classifier, intent_rules(settings)
    if section.kind == "embedded":
        return None
    from core.classify.outside import outside

    own = [rule.auto for rule in intents.values() if rule.auto is not None]
    tell = _counted_mind(counters) if counters else None
    return outside(section, intents, cache_dir(settings), [settings.bands.auto, *own], tell)


def calibration_path(settings: Settings) -> Path:
    """Where `train --calibrate` leaves what the configured outside classifier's confidence is worth."""
    from core.classify.outside import trust_path

    return trust_path(settings.classifier, intent_rules(settings), cache_dir(settings))


def _counted_mind(counters: Counters) -> Callable[[Call], None]:
    return lambda call: counters.mind_call(
        call.model, call.outcome, call.seconds, (call.tokens_in, call.tokens_out), call.cost
    )


def cache_dir(settings: Settings) -> Path:
    """Where the fitted model is kept: as configured, else in the user's cache."""
    if settings.classifier.cache:
        return Path(settings.classifier.cache)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "backstop"


class _Timed:
    """A classifier whose time is counted."""

    def __init__(self, inner: Classifier, counters: Counters) -> None:
        self._inner, self._counters, self.model = inner, counters, inner.model

    def predict(self, text: str) -> Any:
        begun = time.perf_counter()
        try:
            with traces.span("classify"):
                return self._inner.predict(text)
        finally:
            self._counters.classified(time.perf_counter() - begun)


class _Absent:
    """Stands where a process does not classify."""

    model = "none"

    def predict(self, text: str) -> Any:
        raise TryLater("this process does not classify")


def _counted(counters: Counters, name: str, desks: Mapping[str, HelpDesk]) -> Callable[[str, str], None]:
    """Each call to a desk is counted, with what is left of its rate limit."""

    def on_call(operation: str, outcome: str) -> None:
        counters.vendor_call(name, operation, outcome)
        traces.event(operation, outcome=outcome)
        pace = getattr(desks.get(name), "pace", None)
        if pace is not None and pace.remaining is not None:
            counters.rate_limit(name, pace.remaining)

    return on_call


def _own(settings: Settings) -> frozenset[str]:
    """Addresses we send from: a message to one of them would come back to us."""
    mails = settings.channels.get("email", {}).values()
    return frozenset(str(values.get("from", "")) for values in mails) - {""}


class StoredTokens:
    """`connectors.kit.oauth.TokenStore` over the ledger; the lock is a lease that a dead renewer loses."""

    LEASE = timedelta(seconds=60)
    PATIENCE = 90.0  # seconds to wait for another renewer

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine, self._clock = engine, clock

    def load(self, desk: str) -> Token | None:
        """The token kept for a desk."""
        with db.reading(self._engine) as conn:
            row = conn.execute(select(tokens).where(tokens.c.desk == desk)).first()
        if row is None or not row.access or row.expires_at is None:
            return None
        return Token(row.access, row.expires_at, row.refresh, row.scope, row.refresh_expires_at)

    def save(self, desk: str, token: Token) -> None:
        """Keep a token."""
        with self._engine.begin() as conn:
            db.put(conn, tokens, ["desk"], {"desk": desk, **asdict(token)})

    def forget(self, desk: str) -> None:
        """Keep nothing that opens the desk."""
        with self._engine.begin() as conn:
            conn.execute(delete(tokens).where(tokens.c.desk == desk))

    @contextmanager
    def lock(self, desk: str) -> Iterator[None]:
        """One renewer at a time over all processes."""
        me = f"{os.getpid()}-{os.urandom(4).hex()}"
        deadline = time.monotonic() + self.PATIENCE
        while not self._take(desk, me):
            if time.monotonic() > deadline:
                raise TryLater("another process has been renewing the token for too long")
            time.sleep(0.2)
        try:
            yield
        finally:
            with self._engine.begin() as conn:
                mine = update(tokens).where(tokens.c.desk == desk, tokens.c.leased_by == me)
                conn.execute(mine.values(leased_by="", leased_until=None))

    def _take(self, desk: str, me: str) -> bool:
        now = self._clock()
        with self._engine.begin() as conn:
            db.insert_new(conn, tokens, {"desk": desk})
            free = or_(tokens.c.leased_by == "", tokens.c.leased_until < now)
            take = update(tokens).where(tokens.c.desk == desk, free)
            return bool(conn.execute(take.values(leased_by=me, leased_until=now + self.LEASE)).rowcount)
