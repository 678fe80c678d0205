"""From the answers of a set-up to the two files and to a running Backstop over them. One way to write a configuration: `init`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Protocol

from dotenv import dotenv_values
from pydantic import ValidationError

from core.admin.init import PROMISE, WEEK, Answers, Drafts, IntentAnswer, draft, secret_names
from core.admin.setup.kept import State
from core.app import App
from core.config.texts import SAMPLES
from core.environment import PREFIX, explain
from core.errors import ConfigError
from core.settings import Settings

DATABASE = "BACKSTOP_DATABASE_URL"  # in the environment: another store than the file beside the configuration


class Part(Protocol):
    """What the set-up asks of a vendor's folder."""

    @property
    def settings(self) -> Any:
        """The class of one `[desks.<name>]` table."""

    @property
    def connect(self) -> Any:
        """The part that connects in the browser, None where a vendor has only keys."""


@dataclass(frozen=True)
class Kit:
    """What the set-up is given by the composition, so that it knows no vendor itself."""

    vendors: Mapping[str, Part]
    compose: Callable[..., App]
    open_store: Callable[[App], None]

    def settings(self, vendor: str) -> Any:
        """Return a vendor's class of settings."""
        return self.vendors[vendor].settings


def answers_of(state: State, kit: Kit) -> Answers:
    """Return all steps as `init` wants them; what is not answered yet is as there by default."""
    desk, connect, part = state.of("desk"), state.of("connect"), state.of("part")
    hours = state.of("hours")
    own = kit.settings(desk["vendor"])
    return Answers(
        vendor=desk["vendor"],
        base_url=connect.get("base_url") or str(own.model_fields["base_url"].default),
        public_url=desk.get("public_url", ""),
        name=desk["name"],
        general_queue=part.get("general_queue") or "Support",
        desk=own.BROWSER if connect.get("browser") else {},
        only=part.get("only", {}),
        intents=tuple(IntentAnswer(**one) for one in state.of("intents").get("chosen", ())),
        timezone=hours.get("timezone", "UTC"),
        holidays=hours.get("holidays", ""),
        week=hours.get("week", WEEK),
        promise=hours.get("promise", PROMISE),
        **_people(state.of("people")),
    )


def _people(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those answers about channels that say something, by the names that `init` has for them."""
    found = {key: given[key] for key in PEOPLE if given.get(key)}
    return found | ({"sms_to": tuple(given["sms_to"])} if "sms_to" in found else {})


PEOPLE = ("slack_url", "manager", "mail_from", "smtp_url", "sms_to", "sms_from", "sms_sid", "sms_token")


def drafts_of(state: State, kit: Kit) -> Drafts:
    """Return the two texts. Raises ConfigError."""
    answers = answers_of(state, kit)
    secrets = secret_names(kit.settings(answers.vendor))
    given = {key: value for key, value in state.of("connect").items() if key in secrets}
    return draft(answers, secrets, state.generated, given)


def settings_of(state: State, kit: Kit, config: Path, folder: Path) -> Settings:
    """Return the drafted configuration as settings, without a file. Its store is the real one: a connection made in
    the browser is kept there. Texts of its own are looked for in `folder`."""
    drafts = drafts_of(state, kit)
    raw = _with_secrets(tomllib.loads(drafts.toml), drafts.env)
    raw["database_url"] = os.environ.get(DATABASE) or f"sqlite:///{config.resolve().parent}/backstop.db"
    try:
        return Settings(path=folder / "backstop.toml", **raw)
    except ValidationError as err:
        raise ConfigError(explain(err, config.name)) from err


def _with_secrets(raw: dict[str, Any], env: str) -> dict[str, Any]:
    """Return the file's tables with the environment's values in them."""
    for name, value in environment_of(env).items():
        if value:
            table = raw
            *path, last = name.removeprefix(PREFIX).lower().split("__")
            for key in path:
                table = table.setdefault(key, {})
            table[last] = value
    return raw


def environment_of(text: str) -> dict[str, str]:
    """Return the names and values of a `.env`."""
    return {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}


def samples(state: State) -> dict[str, str]:
    """File name → text of the sample replies that the chosen intents name."""
    chosen = (one["reply"] for one in state.of("intents").get("chosen", ()) if one.get("reply"))
    return {name: (SAMPLES / name).read_text(encoding="utf-8") for name in chosen if has_sample(name)}


def has_sample(name: str) -> bool:
    """Return whether there is a sample of this file's name."""
    return (SAMPLES / name).is_file()
