"""What `backstop init` and `backstop setup` write: answers → the text of `backstop.toml` and of `.env`. Pure but for `write`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel, ValidationError

from core.config.drafts import put
from core.config.edited import as_toml
from core.environment import PREFIX, explain
from core.errors import ConfigError
from core.model import Mode
from core.settings import Settings

BESIDE_SECRETS = {"client_id", "account_sid", "user"}  # not secret, but issued together with one


WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00")
PROMISE = {"urgent": "30m", "high": "1h", "normal": "4h", "low": "1d"}


@dataclass(frozen=True)
class IntentAnswer:
    """One `[intents.<name>]` table. `note`: a comment in the file."""

    name: str
    priority: str
    queue: str = ""
    reply: str = ""
    note: str = ""
    examples: Sequence[str] = ()  # of one that is no starter intent


@dataclass(frozen=True)
class Answers:
    """The answers to the questions. `base_url` is "" where the vendor has one address for all accounts."""

    vendor: str
    base_url: str
    public_url: str
    name: str = "support"
    general_queue: str = "Support"
    mode: Mode = Mode.OBSERVE
    database_url: str = "sqlite:///backstop.db"
    timezone: str = "UTC"
    holidays: str = ""
    slack_url: str = ""
    manager: str = ""
    mail_from: str = ""
    smtp_url: str = "smtp://127.0.0.1:25"
    desk: Mapping[str, str] = field(default_factory=dict)  # further keys of the desk's table
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    intents: tuple[IntentAnswer, ...] = ()  # none: two to begin with, as comments show
    week: Mapping[str, str] = field(default_factory=lambda: WEEK)
    promise: Mapping[str, str] = field(default_factory=lambda: PROMISE)
    sms_to: tuple[str, ...] = ()
    sms_from: str = ""
    sms_sid: str = ""
    sms_token: str = field(default="", repr=False)


DEFAULTS = {one.name: one.default for one in fields(Answers) if isinstance(one.default, str)}


@dataclass(frozen=True)
class Drafts:
    """The texts of the two files."""

    toml: str
    env: str = field(repr=False)


def secret_names(settings: type[BaseModel]) -> list[str]:
    """Return the keys of a table that belong into the environment."""
    return [
        name
        for name, info in settings.model_fields.items()
        if "SecretStr" in str(info.annotation) or name in BESIDE_SECRETS
    ]


def env_name(*path: str) -> str:
    """Return the environment variable that sets a key."""
    return PREFIX + "__".join(path).upper()


def faults(answers: Answers) -> list[str]:
    """Return what is wrong with the answers, one line each, with the remedy."""
    wrong = [
        f"{what} {url!r} is no address of a server: write it as https://host, without a path"
        for what, url in (("--base-url", answers.base_url), ("--public-url", answers.public_url))
        if url and not _origin(url)
    ]
    if not answers.name.isidentifier() or answers.name != answers.name.lower():
        wrong.append(f"--name {answers.name!r}: small letters, digits and _ only; it becomes /hooks/<name>")
    try:
        ZoneInfo(answers.timezone)
    except (KeyError, ValueError, OSError):
        wrong.append(f"--timezone {answers.timezone!r} is not known: write one as Europe/Berlin")
    if answers.manager and not answers.mail_from:
        wrong.append("--mail-from is missing: mail to the manager needs a sender's address")
    return wrong


def _origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.path in {"", "/"}


def draft(
    answers: Answers, secrets: list[str], generated: Mapping[str, str], given: Mapping[str, str] | None = None
) -> Drafts:
    """Return both texts, checked by the settings classes. `generated`: secrets made here; `given`: known
    secrets of the desk's table."""
    toml = _environment().get_template("init.toml.j2").render(a=answers, places=_places(answers))
    try:
        Settings(path=Path("backstop.toml"), **tomllib.loads(toml))
    except ValidationError as err:
        raise ConfigError(explain(err, "backstop.toml")) from err
    return Drafts(toml, _env(answers, secrets, generated, given or {}))


def _environment() -> Environment:
    env = Environment(  # TOML, every value through the filter  # noqa: S701  # nosec B701
        loader=PackageLoader("core"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    env.filters["toml"] = as_toml
    env.filters["line"] = lambda text: " ".join(str(text).split())
    return env


def _places(answers: Answers) -> dict[str, list[str]]:
    """Return the channels by priority that the answers allow; the desk's own queue is always there."""
    chat = ["slack:urgent"] if answers.slack_url else []
    phone = ["sms:oncall"] if answers.sms_to else []
    if not chat and not phone:
        return {}
    return {"urgent": phone + chat, "high": chat or phone, "normal": ["desk"], "low": ["desk"]}


MADE = "# made for you: give it to the help desk. Where the desk makes its own (install prints it), put that here."


def _env(answers: Answers, secrets: list[str], generated: Mapping[str, str], given: Mapping[str, str]) -> str:
    lines = ["# Backstop's secrets. Readable by you alone; never committed, never mailed.", ""]
    for name in secrets:
        if name in generated and name not in given:
            lines += [MADE]
        value = given.get(name) or generated.get(name, "")
        lines += [f"{env_name('desks', answers.name, name)}={_quoted(value)}"]
    lines += [
        "",
        "# opens the console and /metrics to programs",
        f"{env_name('web', 'token')}={_quoted(generated['token'])}",
    ]
    channels = {
        ("slack", "urgent", "webhook_url"): answers.slack_url,
        ("sms", "oncall", "account_sid"): answers.sms_sid,
        ("sms", "oncall", "auth_token"): answers.sms_token,
    }
    named = [f"{env_name('channels', *path)}={_quoted(value)}" for path, value in channels.items() if value]
    return "\n".join([*lines, *([""] if named else []), *named]) + "\n"


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'" if value else ""


def write(path: Path, drafts: Drafts, *, force: bool = False) -> tuple[Path, Path]:
    """Write both files. Raises ConfigError when one exists, unless `force`."""
    env = path.parent / ".env"
    there = [str(one) for one in (path, env) if one.exists()]
    if there and not force:
        raise ConfigError(
            f"{' and '.join(there)}: already there, nothing was written. Use --force to overwrite."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, drafts.toml, 0o644)
    put(env, drafts.env, 0o600)
    return path, env
