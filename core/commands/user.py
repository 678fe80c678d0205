"""user add, list, disable, link: who may look at the console."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import select

from core.classify.plain import table
from core.commands.common import Store, app_of, common, out
from core.errors import ConfigError
from core.ledger import db, schema
from core.web import users


@click.group()
def user() -> None:
    """Who may look at the console."""


@user.command()
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="viewer, agent or admin.")
@click.option("--email", default="", help="Of single sign-on, and for claims.")
@click.option("--password", is_flag=True, help="Ask for a password; without one only links let in.")
@common
def add(name: str, role: str, email: str, password: bool, config: str | None, as_json: bool) -> None:
    """Make a user, or change the one of that name."""

    app = app_of(config, store=Store.MADE)
    word = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True) if password else ""
    users.add_user(app.engine, name, now=app.clock(), role=role, email=email, password=word)
    words = f"{name} may log in as {role}" + ("" if word else f"; `backstop user link {name}` gives a link")
    out(as_json, {"name": name, "role": role, "email": email}, words)


@user.command(name="list")
@common
def list_users(config: str | None, as_json: bool) -> None:
    """Everybody who may log in, or might once."""

    app = app_of(config)
    with db.reading(app.engine) as conn:
        rows = list(conn.execute(select(schema.users).order_by(schema.users.c.name)))
    facts = [_facts(row) for row in rows]
    lines = [(f["name"], f["role"], f["email"], "disabled" if f["disabled"] else "") for f in facts]
    out(as_json, facts, lambda: table(("name", "role", "e-mail", ""), lines) if lines else "no users yet")


def _facts(row: Any) -> dict[str, Any]:
    facts = {"name": row.name, "role": row.role, "email": row.email}
    return {**facts, "disabled": row.disabled_at is not None, "has_password": bool(row.password)}


@user.command()
@click.argument("name")
@common
def disable(name: str, config: str | None, as_json: bool) -> None:
    """Let a user in no more."""

    app = app_of(config)
    if not users.disable_user(app.engine, name, app.clock()):
        raise ConfigError(f"there is no user called {name}: `backstop user list` shows them")
    out(as_json, {"name": name, "disabled": True}, f"{name} is let in no more")


@user.command()
@click.argument("name")
@common
def link(name: str, config: str | None, as_json: bool) -> None:
    """A link that lets a user in once, within a quarter of an hour."""

    app = app_of(config)
    found = users.find(app.engine, name)
    if found is None:
        raise ConfigError(
            f"there is no user called {name} who may log in: `backstop user add {name}` makes one"
        )
    token = users.login_link(app.engine, found.name, app.clock())
    base = app.settings.public_url.rstrip("/") or f"http://{app.settings.web.host}:{app.settings.web.port}"
    url = f"{base}/login/link/{token}"
    out(as_json, {"name": found.name, "url": url}, url)
