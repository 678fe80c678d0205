"""surge: which intents come far more often than usual, and one text to their customers."""

from __future__ import annotations

import getpass
from typing import Any

import click

from core.commands.common import app_of, common, desk_of, from_stdin, out
from core.errors import ConfigError
from core.hours import stamp
from core.ledger import db, surges
from core.ledger.rows import SurgeRow
from core.pipeline import surge_text


@click.command()
@click.argument("desk")
@click.option("--intent", default="", help="Where there are several surges: the one of this intent.")
@click.option("--say", help="Say this text (or standard input: -) to each of its customers once.")
@common
def surge(desk: str, intent: str, say: str | None, config: str | None, as_json: bool) -> None:
    """List intents that arrive far more often than usual; --say sends one text to all of their customers."""
    app = app_of(config)
    with db.reading(app.engine) as conn:
        found = surges.going_on(conn, desk_of(app, desk), intent)
    if say is not None:
        if len(found) != 1:
            names = ", ".join(one.intent for one in found) or "none"
            raise ConfigError(f"--say needs one surge at {desk}, there are: {names}. Name it by --intent.")
        text = from_stdin() if say == "-" else say
        if why := surge_text.approve(app, found[0], text, getpass.getuser(), app.clock()):
            raise ConfigError(f"--say: {why}")
    said = "the text is sent once to each customer who still waits" if say is not None else ""
    lines = [_line(app, one) for one in found] or [f"nothing comes to {desk} more often than usual"]
    facts = {"desk": desk, "surges": [_data(one) for one in found], "said": say is not None}
    out(as_json, facts, "\n".join([*lines, said]).rstrip())


def _line(app: Any, one: SurgeRow) -> str:
    since = stamp(one.began_at, app.hours_of(one.desk).zone)
    return f"{one.intent}: {one.number} tickets since {since}, usual are {one.usual:.1f} an hour"


def _data(one: SurgeRow) -> dict[str, Any]:
    return {"intent": one.intent, "number": one.number, "usual": one.usual, "since": one.began_at.isoformat()}
