"""One file, `backstop.toml`, plus the environment; read once, checked whole, refused with a remedy."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from core.environment import PREFIX, EnvWithFiles, explain, load_dotenv
from core.errors import ConfigError
from core.model import Mode, Priority
from core.sections import Embeddings, HoursSettings, PromiseBounds
from core.setting_types import Address, Clock, Duration, Names, Secrets, Section, Span, default_of


class WebToken(Section):
    """`[web.tokens.<name>]`: a program that may call us, and what it may do. The log of changes names it."""

    role: str = Field(pattern="^(viewer|agent|admin)$")  # viewer looks, agent also claims, admin also pauses
    secret: Secrets = Field(default_factory=list)  # its bearer token; several at once while it changes

    @model_validator(mode="after")
    def _opens_something(self) -> WebToken:
        if not self.secret:
            raise ValueError("secret is missing: set BACKSTOP_WEB__TOKENS__<NAME>__SECRET")
        return self


class Web(Section):
    """`[web]`: where we listen, and who may look at the console."""

    host: str = "127.0.0.1"  # where to listen; beyond this machine a login or a token is demanded
    port: int = Field(8080, ge=0, le=65535)  # 0 = any free one
    token: SecretStr | None = None  # opens the console and /metrics to programs (Authorization: Bearer)
    token_role: str = Field("viewer", pattern="^(viewer|agent|admin)$")  # what those programs may do
    tokens: dict[str, WebToken] = Field(default_factory=dict)  # further programs by name, each with its role
    threads: int = Field(8, ge=1)  # requests at once per process
    session_secret: SecretStr | None = None  # signs cookies; default: one kept in the store
    oidc_issuer: str = ""  # single sign-on: the provider's address
    oidc_client_id: str = ""  # as the provider gave it
    oidc_client_secret: SecretStr | None = None  # as the provider gave it
    oidc_admins: Names = Field(default_factory=list)  # addresses that may change things


class Sweep(Section):
    """`[sweep]`: how often desks are compared with the ledger."""

    every: Span = timedelta(minutes=1)  # reconciliation and reminders
    heartbeat_url: str = ""  # pinged after each clean pass, so that silence is noticed outside


class ClassifierSettings(Section):
    """`[classifier]`: who guesses the intent."""

    kind: str = Field("embedded", pattern="^(embedded|http|openai)$")  # embedded, http or openai
    url: str = ""  # of kind http
    base_url: str = ""  # of kind openai
    model: str = ""  # of kind openai
    api_key: SecretStr | None = None  # of an outside classifier
    timeout: Span = timedelta(seconds=5)  # after which the embedded one answers instead
    price_in: float = Field(0.0, ge=0)  # of 1,000 tokens sent to an outside classifier, for the metrics
    price_out: float = Field(0.0, ge=0)  # of 1,000 tokens received from it
    cache: str = ""  # where the fitted model is kept; "" = the user's cache
    suspicion: float = Field(0.25, ge=0, le=1)  # from here on an intent alarms (two: a share of it)
    starter: bool = True  # recognise the starter intents the file does not name
    sample: float = Field(0.03, ge=0, le=1)  # share of automatic answers put before a human
    request: dict[str, Any] = Field(default_factory=dict)  # other request and answer shapes of kind http
    answer: dict[str, str] = Field(default_factory=dict)  # of kind http
    embeddings: Embeddings = Field(default_factory=Embeddings)  # meaning beside words, by a model of yours


class Bands(Section):
    """`[bands]`: what the confidence allows."""

    auto: float = Field(0.85, ge=0, le=1)  # at or above: answer by rule
    route: float = Field(0.60, ge=0, le=1)  # at or above: a specialist, with the guess


def _store_url(url: str, home: Path) -> str:
    """Return a store's address; a file's path is taken from the folder `home`. ValueError names the two forms."""
    kind, _, rest = url.partition("://")
    if kind in {"postgresql", "postgres", "postgresql+psycopg"} and rest:
        return url
    file, mark, options = rest.removeprefix("/").partition("?")
    if kind not in {"sqlite", "sqlite+pysqlite"} or not rest.startswith("/") or file in {"", ":memory:"}:
        raise ValueError("write sqlite:///file or postgresql://user@host/name: other stores lose tickets")
    if "?" in str(home):
        raise ValueError(f"{home}: a folder with a question mark cannot hold a SQLite store")
    return f"{kind}:///{home / file}{mark}{options}"


def _plain_name(name: str) -> str:
    """Return a name of small letters. Desks convert tags to lower case: another spelling would look like a person's correction."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ValueError(f'"{name}" becomes a tag at the desk: use small letters, digits, _ and - only')
    return name


IntentName = Annotated[str, AfterValidator(_plain_name)]


class IntentSettings(Section):
    """`[intents.<name>]`."""

    priority: Priority | None = None  # urgent, high, normal or low; default: the starter's, else normal
    queue: str = ""  # the desk's own group, team or mailbox; default: the general queue
    reply: str = ""  # a template; without one the intent is never answered automatically
    action: str = ""  # something the admin made in the desk, run instead of a reply
    mode: Mode = Mode.ACT  # observe, suggest or act, never more than the desk's
    auto: float | None = Field(None, ge=0, le=1)  # a threshold of its own
    examples: list[str] = Field(default_factory=list)  # what customers write; default: the starter's


class RungSettings(Section):
    """One rung of the ladder."""

    after: Duration  # since the ticket began to wait
    notify: str  # team, a name from [audiences] or [rota], or a channel
    repeat: int = Field(0, ge=0, le=20)  # how many times more; unset: until the next rung begins
    every: Duration | None = None  # the time between the repeats; of the last rung, which has no end: 4h
    quiet: str = ""  # hours in which this rung waits, as 22:00-07:00


def _default_promise() -> dict[Priority, timedelta]:
    hours = {Priority.URGENT: 0.5, Priority.HIGH: 1, Priority.NORMAL: 4, Priority.LOW: 24}
    return {priority: timedelta(hours=n) for priority, n in hours.items()}


def _default_ladder() -> list[RungSettings]:
    return [
        RungSettings(after=timedelta(minutes=30), notify="team"),
        RungSettings(after=timedelta(hours=2), notify="manager", every=timedelta(hours=4)),
    ]


def _default_clock() -> dict[Priority, Clock]:
    return {
        Priority.URGENT: "wall",
        Priority.HIGH: "wall",
        Priority.NORMAL: "business",
        Priority.LOW: "business",
    }


Ladder = list[RungSettings]
Promises = Annotated[dict[Priority, Span], default_of(_default_promise)]
Clocks = Annotated[dict[Priority, Clock], default_of(_default_clock)]


class Escalation(Section):
    """`[escalation]`: what is promised, whom we tell, and when again."""

    promise: Promises = Field(default_factory=_default_promise)  # in business hours; urgent: wall clock
    promise_bounds: dict[Priority, PromiseBounds] = Field(default_factory=dict)  # promise what was kept
    channels: dict[Priority, Names] = Field(default_factory=dict)  # priority → as "slack:urgent"; two at most
    ladder: Ladder = Field(default_factory=_default_ladder)  # when nobody has claimed it
    ladders: dict[str, Ladder] = Field(default_factory=dict)  # priority or intent → its own ladder
    clock: Clocks = Field(default_factory=_default_clock)  # what the rungs count in: wall or business
    second_word: bool = True  # tell the customer once, with a new time, before a promise breaks
    alarm: Names = Field(default_factory=list)  # where alarms go; default: urgent's channels


class Safety(Section):
    """`[safety]`: messages that a human must always see (self-harm, threats, legal steps …). Cannot be switched off."""

    priority: Priority = Priority.URGENT  # of these messages, unless their intent is more urgent
    channels: Names = Field(default_factory=list)  # who is notified of them; default: the priority's channels


class Limits(Section):
    """`[limits]`: how much may be said automatically, and how often a failing thing is tried."""

    per_address_per_hour: int = Field(10, ge=0)  # automatic messages to one mailbox; 0: no cap
    per_hour: int | None = Field(None, ge=0)  # of one desk to all customers; unset: by the desk's own volume
    tries: int = Field(12, ge=1)  # after which it is a dead letter
    workers: int = Field(8, ge=1)  # tickets at once
    dead_after: Span = timedelta(seconds=30)  # then others take over a silent worker's tickets


class LimboSettings(Section):
    """`[limbo]`: messages that a desk holds back, suspended or taken for spam."""

    recover: str = Field(
        "nobody",
        pattern="^(nobody|known customers)$",
        description="whose messages are recovered without a person: nobody's, or known customers'",
    )


class Privacy(Section):
    """`[privacy]`: how long what is kept."""

    keep_messages: Duration = timedelta(days=30)  # the customer's words
    keep_ledger: Duration = timedelta(days=400)  # what happened to a ticket, without the words
    keep_changes: Duration = timedelta(days=1100)  # who changed what in the console: about 150 bytes a change


class Settings(BaseSettings):
    """All of `backstop.toml`. Desks and channels stay raw here: their own folders know their keys."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid")

    database_url: str = "sqlite:///backstop.db"  # sqlite:///file, or postgresql://user@host/name
    public_url: Address = ""  # where the help desks and people reach us
    web: Web = Field(default_factory=Web)
    sweep: Sweep = Field(default_factory=Sweep)
    classifier: ClassifierSettings = Field(default_factory=ClassifierSettings)
    bands: Bands = Field(default_factory=Bands)
    desks: dict[str, dict[str, Any]] = Field(default_factory=dict)  # see below, by vendor
    intents: dict[IntentName, IntentSettings] = Field(default_factory=dict)
    escalation: Escalation = Field(default_factory=Escalation)
    audiences: dict[str, Names] = Field(default_factory=dict)  # name → channels
    channels: dict[str, dict[str, dict[str, Any]]] = Field(default_factory=dict)  # see below, by kind
    rota: dict[str, dict[str, Any]] = Field(default_factory=dict)  # who is on duty, by audience
    people: dict[str, dict[str, Any]] = Field(default_factory=dict)  # addresses by kind of channel
    safety: Safety = Field(default_factory=Safety)
    hours: HoursSettings = Field(default_factory=HoursSettings)
    limits: Limits = Field(default_factory=Limits)
    limbo: LimboSettings = Field(default_factory=LimboSettings)
    privacy: Privacy = Field(default_factory=Privacy)
    report: dict[str, Any] = Field(default_factory=dict)  # when the weekly report goes to whom

    path: Path = Field(default=Path("backstop.toml"), exclude=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: explicit values, then the environment, then the file."""
        path = init_settings.init_kwargs.get("path")  # type: ignore[attr-defined]
        there = path is not None and Path(path).exists()
        file = TomlConfigSettingsSource(settings_cls, Path(path) if there else None)
        return init_settings, EnvWithFiles(settings_cls, file.toml_data), file

    @model_validator(mode="after")
    def _beside_the_file(self) -> Settings:
        """Resolve relative paths from the file's folder, not the current one."""
        try:
            self.database_url = _store_url(self.database_url, self.home)
        except ValueError as err:
            raise ValueError(f"database_url: {err}") from err
        if self.classifier.cache:
            self.classifier.cache = str(self.home / self.classifier.cache)
        own = self.classifier.embeddings
        own.model, own.tokenizer = (str(self.home / one) if one else "" for one in (own.model, own.tokenizer))
        return self

    @property
    def home(self) -> Path:
        """The file's own folder."""
        return self.path.resolve().parent

    def template_dirs(self, desk: str = "") -> list[Path]:
        """Return the folders of an admin's templates: those of one desk first."""
        own = [self.home / "templates" / desk] if desk else []
        return [*own, self.home, self.home / "templates"]


def default_path() -> Path:
    """`$BACKSTOP_CONFIG`, else `./backstop.toml`."""
    return Path(os.environ.get("BACKSTOP_CONFIG") or "backstop.toml")


def load(path: Path | str | None = None, **overrides: Any) -> Settings:
    """Read and check a file. Raises ConfigError with file, key and remedy."""
    file = Path(path) if path is not None else default_path()
    if (not file.exists() or file.is_dir()) and (path is not None or "BACKSTOP_CONFIG" in os.environ):
        raise ConfigError(f"{file}: there is no such file. `backstop init` writes one.")
    try:
        if file.exists():
            load_dotenv(file.resolve().parent / ".env")
        return Settings(path=file, **overrides)
    except ValidationError as err:
        raise ConfigError(explain(err, str(file))) from err
    except (OSError, UnicodeError) as err:
        why = getattr(err, "strerror", "") or "it is no UTF-8 text"
        raise ConfigError(f"{file}: cannot be read: {why}") from err
    except ValueError as err:  # broken TOML
        raise ConfigError(f"{file}: {err}. Is a quote or a bracket missing?") from err
