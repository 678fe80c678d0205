"""The last steps: files written, the webhook made, a login, and the start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.admin import provisioning
from core.admin.setup import files
from core.admin.setup.context import Form, Setup, Wrong, one
from core.config import drafts
from core.errors import BackstopError, ConfigError, said_of
from core.settings import load
from core.web.users import Role, add_user, any_user

BY_HAND = "by_hand"


def write(setup: Setup, form: Form) -> list[str]:
    """Write the files as they were shown, and check that `serve` takes them. Raises Changed, ConfigError."""
    found = files.drafts(setup)
    seen = {
        name.removeprefix("seen-"): values[0] for name, values in form.items() if name.startswith("seen-")
    }
    with setup.program():  # refused before anything is written, where `serve` would refuse it
        written = drafts.write(found, seen, setup.clock())
    if trouble := refused(setup):
        written.append(f"`backstop serve` would not start with it yet: {trouble}")
    return written


def refused(setup: Setup) -> str:
    """Return why `serve` would refuse the written file, "" when it would not."""
    try:
        with _environment_as_it_was():
            setup.kit.compose(load(setup.config)).engine.dispose()
    except ConfigError as err:
        return str(err)
    return ""


@contextmanager
def _environment_as_it_was() -> Iterator[None]:
    """What loading takes out of `.env` goes again: other secrets may be written before this process ends."""
    before = set(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - before:
            del os.environ[name]


def install(setup: Setup) -> None:
    """Make the webhook and what belongs to it; what was made, what is to be clicked and what went wrong is kept."""
    made: dict[str, Any] = {"steps": [], "clicks": [], "trouble": ""}
    try:
        made |= _installed(setup) if setup.state.of("desk").get("public_url") else {"without": True}
    except (BackstopError, ConfigError) as err:
        made["trouble"] = said_of(err)
    setup.kept.change(lambda s: s.with_found(installed=made))


def _installed(setup: Setup) -> dict[str, Any]:
    with setup.program(store=True) as app:
        steps = [vars(step) for step in provisioning.install(app, setup.desk)]
    return {
        "steps": [step for step in steps if step["action"] != BY_HAND],
        "clicks": [step for step in steps if step["action"] == BY_HAND],
    }


def needs_login(setup: Setup) -> bool:
    """Return whether nobody could log in to the console yet."""
    with setup.program(store=True) as app:
        return not any_user(app.engine)


def login(setup: Setup, form: Form) -> None:
    """The first person who may log in to the console, as an admin. Raises Wrong."""
    name, password = one(form, "login"), (form.get("password") or [""])[0]
    if not name or not password:
        raise Wrong("Choose a name and a password for the console.")
    email = name if "@" in name else ""
    try:
        with setup.program(store=True) as app:
            now = setup.clock()
            add_user(app.engine, name, now=now, role=Role.ADMIN, email=email, password=password, by="set-up")
    except ConfigError as err:
        raise Wrong(str(err)) from err


def console_url(setup: Setup) -> str:
    """Where the console is once `serve` runs."""
    with _environment_as_it_was():
        port = load(setup.config).web.port
    return f"http://127.0.0.1:{port}/"
