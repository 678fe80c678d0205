"""plan, install, uninstall, doctor, connect, pause, resume."""

from __future__ import annotations

import getpass
import webbrowser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click

from core.admin import connect as connecting
from core.admin import doctor as doctors
from core.admin import provisioning
from core.commands.common import Store, app_of, common, desk_of, out
from core.ledger import db, pausing

LOOPBACK = 8765
MINUTES = 5
BY_HAND = "by_hand"


@click.command()
@click.argument("desk")
@common
def plan(desk: str, config: str | None, as_json: bool) -> None:
    """Show what install would create or change in a help desk, and why."""
    app = app_of(config, store=Store.USED)
    _told(desk, provisioning.plan(app, desk_of(app, desk)), as_json, "nothing was changed")


@click.command()
@click.argument("desk")
@common
def install(desk: str, config: str | None, as_json: bool) -> None:
    """Create what is missing in a help desk; what people changed is left as it is."""
    app = app_of(config, store=Store.MADE)
    steps = provisioning.install(app, desk_of(app, desk))
    _told(desk, steps, as_json, f"then `backstop doctor {desk}` checks it")


@click.command()
@click.argument("desk")
@click.option("--plan", "dry", is_flag=True, help="Only list what would be removed.")
@common
def uninstall(desk: str, dry: bool, config: str | None, as_json: bool) -> None:
    """Remove from a help desk exactly what install created."""
    app = app_of(config)
    steps = provisioning.uninstall(app, desk_of(app, desk), dry=dry)
    _told(
        desk,
        steps,
        as_json,
        "nothing was changed" if dry else "none of our webhooks and tags is left at the desk",
    )


def _told(desk: str, steps: Iterable[Any], as_json: bool, end: str) -> None:
    steps = list(steps)
    out(as_json, {"desk": desk, "steps": [asdict(step) for step in steps]}, lambda: _as_text(steps, end))


def _as_text(steps: list[Any], end: str) -> str:
    done = [step for step in steps if step.action != BY_HAND]
    lines = []
    for step in done:
        lines.append(f"{step.action:<8} {step.kind} {step.name!r} {step.id}".rstrip() + f" – {step.why}")
        lines += [f"         {detail}" for detail in step.details.splitlines()]
    clicks = [step for step in steps if step.action == BY_HAND]
    if clicks:
        lines += ["", "To be done by hand, since no API does it:"]
    for number, step in enumerate(clicks, 1):
        lines.append(f"{number}. {step.name} ({step.kind}): {step.why}")
        lines += [
            f"   {number}.{one}" if one[:1].isdigit() else f"        {one}"
            for one in step.details.splitlines()
        ]
    return "\n".join([*(lines or ["there is nothing to do"]), "", end])


@click.command()
@click.argument("desk", required=False)
@common
def doctor(desk: str | None, config: str | None, as_json: bool) -> None:
    """Check every credential, permission, webhook, route, channel and text; exit 1 if any check fails."""
    app = app_of(config, store=Store.USED, classify=desk is None)
    found = doctors.examine(app, desk_of(app, desk) if desk else None)
    good = doctors.healthy(found)
    facts = {"ok": good, "findings": [doctors.as_data(one) for one in found]}
    out(as_json, facts, lambda: "\n".join(doctors.line(one) for one in found))
    if not good:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("desk")
@click.option(
    "--port", type=int, default=LOOPBACK, show_default=True, help="Where the browser comes back to."
)
@click.option(
    "--paste", is_flag=True, help="The browser runs on another machine: paste the address that it ends at."
)
@common
def connect(desk: str, port: int, paste: bool, config: str | None, as_json: bool) -> None:
    """Connect a desk in the browser (OAuth); also repairs a revoked or expired connection."""
    app = app_of(config, store=Store.MADE)
    desk_of(app, desk)
    if paste:
        asked = connecting.begin(app, desk, f"http://localhost:{port}/callback")
        click.echo(
            f"Open this address, allow it, and copy the address you end at:\n\n{asked.url}\n", err=True
        )
        given: Any = connecting.pasted(click.prompt("That address", err=True))
    else:
        with connecting.listening(port) as (address, answer):
            asked = connecting.begin(app, desk, address)
            given = connecting.waited(answer, MINUTES * 60, lambda: _opened(asked.url))
    connecting.finish(app, desk, asked, given)
    who = app.desks[desk].whoami()
    out(as_json, {"desk": desk, "as": who.name}, f"{desk} is connected as {who.name}")


def _opened(url: str) -> None:
    click.echo(f"Your browser should show this page; allow the connection there:\n\n{url}\n", err=True)
    webbrowser.open(url)


@click.command()
@click.argument("desk")
@common
def pause(desk: str, config: str | None, as_json: bool) -> None:
    """Put a desk on hold at once: new events wait, and nothing is written there."""
    app = app_of(config)
    new = pausing.hold(app.engine, desk_of(app, desk), app.clock(), getpass.getuser())
    place = db.where(app.settings.database_url)
    words = f"{desk} is on hold in {place}" if new else f"{desk} was on hold already in {place}"
    out(
        as_json,
        {"desk": desk, "paused": True, "store": place},
        f"{words}; `backstop resume {desk}` ends the hold",
    )


@click.command()
@click.argument("desk")
@common
def resume(desk: str, config: str | None, as_json: bool) -> None:
    """Resume a desk that is on hold, and process the events that waited."""
    app = app_of(config)
    waiting = pausing.resume(app.engine, desk_of(app, desk), app.clock(), getpass.getuser())
    place = db.where(app.settings.database_url)
    words = (
        f"goes on in {place}; {waiting} event{'s' * (waiting != 1)} waited"
        if waiting is not None
        else f"was not on hold in {place}"
    )
    out(as_json, {"desk": desk, "paused": False, "waiting": waiting or 0, "store": place}, f"{desk} {words}")
