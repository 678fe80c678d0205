"""`backstop demo`: play the story and stay up, or (with --once) play it, print what happened, and say whether all is accounted for."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from connectors import DESKS
from core.errors import ConfigError
from core.ledger import db, store
from core.model import TicketState
from demo.world import is_free, running

PORT = 8600
PACE = 1.5
GENERATED_WEEKS = 4


@click.command("demo")
@click.option("--once", is_flag=True, help="play the story, print what became of every ticket, and end")
@click.option(
    "--port", type=int, default=PORT, show_default=True, help="where the page is served; 0 = a free one"
)
@click.option("--desk", type=click.Choice(sorted(DESKS)), default="zendesk", help="whose help desk is played")
@click.option("--pace", type=float, default=PACE, hidden=True, help="seconds between two messages")
def command(once: bool, port: int, desk: str, pace: float) -> None:
    """Watch Backstop at work: a help desk on this machine, an inbox, and a story of about twenty messages."""
    sys.exit(run(once, port, desk, pace=pace))


def run(once: bool, port: int = PORT, desk: str = "zendesk", *, pace: float = PACE) -> int:
    """The demo; gives the exit code. Needs no network but loopback, and leaves nothing behind."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="backstop-demo-") as home,
            running(desk, _port(port, once), Path(home)) as world,
        ):
            return _once(world, console) if once else _stay(world, console, pace)
    except ConfigError as err:
        click.echo(f"demo: {err}", err=True)
        return 2


def _port(wanted: int, once: bool) -> int:
    """The usual port where it is free; nobody looks at the page of a story played once."""
    if wanted != PORT:
        return wanted
    return 0 if once or not is_free(PORT) else PORT


def _stay(world: Any, console: Console, pace: float) -> int:
    """Play at a speed that can be watched, then wait for Ctrl-C."""
    from core import seed
    from demo.samples import samples
    from demo.story import play

    console.print(f"Backstop's demo: {world.url}/demo   (Ctrl-C ends it)", highlight=False)
    seed.fill(world.app.engine, world.clock(), GENERATED_WEEKS)
    try:
        play(world, samples(), pace)
        while not world.stopped.wait(3600):
            pass
    except KeyboardInterrupt:
        console.print("\nGoodbye.")
    return 0


def _once(world: Any, console: Console) -> int:
    """Play as fast as it goes, and judge."""
    from demo.samples import samples
    from demo.story import play, the_rest_of_the_day

    begun = time.monotonic()
    play(world, samples(), 0)
    quiet = world.settled()
    the_rest_of_the_day(world)
    quiet = world.settled() and quiet
    console.print(table(world))
    verdict, code = judge(world, quiet=quiet)
    took = time.monotonic() - begun
    console.print(verdict, style="green" if code == 0 else "bold red", highlight=False)
    console.print(
        f"{len(world.told)} messages over {world.vendor}'s API in {took:.1f} s", style="dim", highlight=False
    )
    return code


def judge(world: Any, *, quiet: bool) -> tuple[str, int]:
    """The last line, and 0 only if every ticket is accounted for."""
    from core.ledger.audit import audit
    from demo.config import DESK

    found = audit(world.app, DESK, world.began - timedelta(minutes=1), world.clock())
    with db.reading(world.app.engine) as conn:
        rows = [store.ticket(conn, DESK, str(case_id)) for case_id in world.desk.cases]
    lost = [
        row for row in rows if row is None or row.state in {TicketState.RECEIVED, TicketState.DEAD_LETTER}
    ]
    missing, stuck = found["missing"], found["stuck"]
    words = (
        f"{found['desk']} tickets at the desk = {found['ledger']} in the ledger; "
        f"{len(missing)} missing, {len(stuck)} stuck"
    )
    if not quiet:
        words += f"; {world.under_way()} still under way"
    ours = len(world.desk.cases)
    even = found["desk"] == found["ledger"] == ours
    good = quiet and even and not (missing or stuck or lost)
    if not even:
        words = words.replace(" = ", " ≠ ") + f" (the story has {ours})"
    return words, 0 if good else 1


def table(world: Any) -> Table:
    """What happened to every ticket."""
    from demo import view

    made = Table(title=f"What became of every ticket ({world.vendor})", title_justify="left", pad_edge=False)
    for name in ("ticket", "from", "subject", "what happened", "acknowledged", "people told"):
        made.add_column(name, no_wrap=name == "ticket", overflow="fold")
    with db.reading(world.app.engine) as conn:
        for one in reversed(view.inbox(world)):
            key = str(one["id"])
            told = Counter(view.told(conn, key))
            made.add_row(
                key,
                one["customer"].name,
                one["subject"],
                one["outcome"].words + _human(one["row"]),
                "yes" if view.acknowledged(conn, key) else "",
                ", ".join(f"{way} ×{times}" if times > 1 else way for way, times in told.items()),
            )
    return made


def _human(row: Any) -> str:
    """Who came, and when it was forgotten."""
    if row is None or not row.escalated_at:
        return ""
    if row.answered_at:
        return f"; answered by {row.claimed_by or 'an agent'}"
    return f"; taken by {row.claimed_by}" if row.claimed_at else "; still waiting"
