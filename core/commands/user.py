"""`user add`, `list`, `disable`, `link`: who may use the console."""

from __future__ import annotations

import click
from sqlalchemy import select

from core.classify.plain import table
from core.commands.common import Store, app_of, common, out
from core.errors import ConfigError
from core.ledger import db, schema
from core.web import users


@click.group()
def user() -> None:
    """Manage who may use the console."""


@user.command()
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="viewer, agent or admin.")
@click.option("--email", default="", help="Of single sign-on, and for claims.")
@click.option("--password", is_flag=True, help="Ask for a password; without one the user logs in by link.")
@common
def add(name: str, role: str, email: str, password: bool, config: str | None, as_json: bool) -> None:
    """Add a user, or change the one of that name."""
    app = app_of(config, store=Store.MADE)
    secret = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True) if password else ""
    users.add_user(app.engine, name, now=app.clock(), role=role, email=email, password=secret)
    text = f"{name} may log in as {role}" + ("" if secret else f"; `backstop user link {name}` gives a link")
    out(as_json, {"name": name, "role": role, "email": email}, text)


@user.command(name="list")
@common
def list_users(config: str | None, as_json: bool) -> None:
    """List all users, the disabled ones too."""
    of = schema.users.c
    disabled, has_password = (
        of.disabled_at.is_not(None).label("disabled"),
        (of.password != "").label("has_password"),
    )
    query = select(of.name, of.email, of.role, disabled, has_password).order_by(of.name)
    with db.reading(app_of(config).engine) as conn:
        facts = [dict(row) for row in conn.execute(query).mappings()]
    lines = [(f["name"], f["role"], f["email"], "disabled" if f["disabled"] else "") for f in facts]
    out(as_json, facts, lambda: table(("name", "role", "e-mail", ""), lines) if lines else "no users yet")


@user.command()
@click.argument("name")
@common
def disable(name: str, config: str | None, as_json: bool) -> None:
    """Disable a user: no login from now on."""
    app = app_of(config)
    if not users.disable_user(app.engine, name, app.clock()):
        raise ConfigError(f"there is no user called {name}: `backstop user list` shows them")
    out(as_json, {"name": name, "disabled": True}, f"{name} can no longer log in")


@user.command()
@click.argument("name")
@common
def link(name: str, config: str | None, as_json: bool) -> None:
    """Print a link that logs a user in once, within 15 minutes."""
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
