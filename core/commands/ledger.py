"""sweep, audit, retry, forget, prune, migrate-store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import click

from core import queue
from core.commands.common import app_of, common, desk_of, naming_store, out
from core.engine import worker
from core.engine.maintenance import forget as erase
from core.engine.maintenance import prune as cut
from core.errors import ConfigError, VendorError
from core.ledger import copying, db, store
from core.pipeline import reminders
from core.pipeline.audit import audit as compare

LISTS = ("missing", "healed", "stuck", "too_new", "refused")  # of tickets, in an audit


@click.command()
@click.argument("desk", required=False)
@common
def sweep(desk: str | None, config: str | None, as_json: bool) -> None:
    """Look for changed tickets once, and send the reminders that are due."""
    app = app_of(config)
    queue.prepare(app)
    found = worker.sweep_now(app, desk_of(app, desk) if desk else None)
    queue.pump(app, app.clock())
    told = reminders.remind(app, app.clock())
    lines = [
        f"{one['desk']}: {one['seen']} changed, {one['found']} new to us {one['trouble']}".strip()
        for one in found
    ]
    out(as_json, {"desks": found, "notices": told}, "\n".join([*lines, f"{told} notices sent"]))
    if any(one["trouble"] for one in found):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("desk", required=False)
@click.option("--since", help="ISO time, in the configured zone unless it names one; default: two days ago.")
@common
def audit(desk: str | None, since: str | None, config: str | None, as_json: bool) -> None:
    """Compare the help desk's tickets with the ledger, and repair what is missing."""
    app = app_of(config)
    queue.prepare(app)
    now = app.clock()
    start = _time(since, app.hours.zone) if since else now - timedelta(days=2)
    names = [desk_of(app, desk)] if desk else list(app.desks)
    found: dict[str, dict[str, Any]] = {}
    trouble: dict[str, str] = {}
    for name in names:
        try:
            found[name] = compare(app, name, start, now)
        except VendorError as err:
            trouble[name] = str(err)
    total = {
        "desk": sum(f["desk"] for f in found.values()),
        "ledger": sum(f["ledger"] for f in found.values()),
        **{k: [i for f in found.values() for i in f[k]] for k in LISTS},
        "limbo": {k: sum(f["limbo"][k] for f in found.values()) for k in ("held", "genuine")},
        **({"trouble": trouble} if trouble else {}),
    }
    lines = [
        f"{n}: desk {f['desk']} = ledger {f['ledger']} + missing {len(f['missing'])} + too new {len(f['too_new'])}; "
        + ", ".join(f"{k.replace('_', ' ')} {f[k] or 'none'}" for k in LISTS)
        for n, f in found.items()
    ]
    lines += [f"{name}: not compared: {why}" for name, why in trouble.items()]
    out(as_json, total, "\n".join(lines))
    if trouble or total["missing"] or total["stuck"]:
        raise click.exceptions.Exit(1)


def _time(text: str, zone: tzinfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise ConfigError(
            f'--since "{text}" is no ISO time: write 2026-11-24 or 2026-11-24T10:00:00Z'
        ) from err


@click.command()
@click.argument("key", metavar="[ID]", required=False)
@common
def retry(key: str | None, config: str | None, as_json: bool) -> None:
    """List failed events and refused calls; with an ID, a ticket's id or "all", try them again.

    The ID of an event that waits processes it now.
    """
    app = app_of(config)
    queue.prepare(app)
    with app.engine.begin() as conn:
        rows = store.dead(conn)
        open_ones: list[Any] = [*rows, *store.refused_calls(conn)]
    if key is None:
        listed = [{"id": r.key, "desk": r.desk, "ticket": r.ticket_id, "why": r.reason} for r in open_ones]
        text = (
            "\n".join(f"{one['id']}  {one['why']}" for one in listed) or "no dead letters, no refused calls"
        )
        out(as_json, listed, text)
        return
    keys = [r.key for r in rows] if key == "all" else [key]
    done = [k for k in keys if queue.retry(app, k)] + queue.retry_refused(app, key)
    out(as_json, {"retried": done}, f"{len(done)} tried again")
    if not done and key != "all":
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("email")
@common
def forget(email: str, config: str | None, as_json: bool) -> None:
    """Erase a person's data from the ledger."""
    app = app_of(config)
    done = erase(app, email, app.clock())
    out(as_json, done, f"{done['tickets']} tickets: name, address, subject and words erased")


@click.command()
@common
def prune(config: str | None, as_json: bool) -> None:
    """Delete now what is older than the retention periods."""
    app = app_of(config)
    queue.prepare(app)
    done = cut(app, app.clock())
    out(as_json, done, "\n".join(f"{name}: {count}" for name, count in done.items()))


@click.command()
@click.argument("target", metavar="POSTGRES_URL")
@common
def migrate_store(target: str, config: str | None, as_json: bool) -> None:
    """Copy the ledger to another database; stop all processes first."""
    app = app_of(config)
    with naming_store("POSTGRES_URL", target):
        new = copying.empty(target)
    done = copying.copy(app.engine, new)
    text = "\n".join(
        [*(f"{name}: {n}" for name, n in done.items()), f"now set database_url to {db.where(target)}"]
    )
    out(as_json, done, text)
