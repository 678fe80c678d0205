"""`backstop demo`: play the story and stay up, or (with --once) play it, print what happened, and say whether all is accounted for."""

from __future__ import annotations

import json
import logging
import signal
import sys
import tempfile
import threading
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
INTERRUPTED = 130  # as shells have it
NEXT = "Next, for a help desk of yours: `backstop setup` (in a checkout `make setup`)."
PATIENCE = 90.0  # seconds for the whole of --once


@click.command("demo")
@click.option("--once", is_flag=True, help="play the story, print what became of every ticket, and end")
@click.option(
    "--port", type=int, default=PORT, show_default=True, help="where the page is served; 0 = a free one"
)
@click.option("--desk", type=click.Choice(sorted(DESKS)), default="zendesk", help="whose help desk is played")
@click.option("--pace", type=float, default=PACE, hidden=True, help="seconds between two messages")
@click.option("--json", "as_json", is_flag=True, help="with --once: print one JSON document")
def command(once: bool, port: int, desk: str, pace: float, as_json: bool) -> None:
    """Watch Backstop at work: a help desk on this machine, an inbox, and a story of about twenty messages."""
    sys.exit(run(once, port, desk, pace=pace, as_json=as_json))


def run(
    once: bool, port: int = PORT, desk: str = "zendesk", *, pace: float = PACE, as_json: bool = False
) -> int:
    """The demo; return the exit code. Needs no network but loopback, and leaves nothing behind."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    console = Console(width=None if sys.stdout.isatty() else 150)
    stopped = _told_to_stop()
    progress(
        "Starting a help desk and Backstop on this machine; training the classifier takes up to half a minute."
    )
    try:
        with (
            tempfile.TemporaryDirectory(prefix="backstop-demo-") as home,
            running(desk, _port(port, once), Path(home), stopped=stopped) as world,
        ):
            code = _once(world, console, as_json=as_json) if once else _stay(world, console, pace)
            interrupted = stopped.is_set()
    except ConfigError as err:
        click.echo(f"demo: {err}", err=True)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    if interrupted:
        click.echo("\nGoodbye.", err=True)
    return code


def progress(words: str) -> None:
    """Say on standard error what is being done; standard output holds results alone."""
    click.echo(words, err=True)


def _told_to_stop() -> threading.Event:
    """Set by Ctrl-C or a polite end. No exception: one amid a transaction would keep the store locked while we close."""
    stopped = threading.Event()

    def heard(number: int, _frame: Any) -> None:
        if stopped.is_set():  # the second time it is meant at once
            raise KeyboardInterrupt
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, heard)
    return stopped


def _port(wanted: int, once: bool) -> int:
    """Return the usual port where it is free; nobody looks at the page of a story played once."""
    if wanted != PORT:
        return wanted
    return 0 if once or not is_free(PORT) else PORT


def _stay(world: Any, console: Console, pace: float) -> int:
    """Play at a speed that can be watched, then stay until Ctrl-C."""
    from demo import history
    from demo.samples import samples
    from demo.story import play

    console.print(f"Backstop's demo: {world.url}/demo   (Ctrl-C ends it)", highlight=False)
    history.fill(world.app.engine, world.clock(), GENERATED_WEEKS)
    progress(f"Playing {len(samples())} messages, one each {pace:g} s: open the page and watch.")
    play(world, samples(), pace)
    progress(f"All messages are sent; the page stays up until Ctrl-C. {NEXT}")
    world.stopped.wait()
    return 0


def _once(world: Any, console: Console, *, as_json: bool) -> int:
    """Play as fast as it goes, and judge."""
    from demo.samples import samples
    from demo.story import play, the_rest_of_the_day

    begun = time.monotonic()
    world.patience_ends = begun + PATIENCE
    progress(f"Playing {len(samples())} messages through {world.vendor}'s API: up to half a minute.")
    play(world, samples(), 0)
    if world.stopped.is_set():
        return INTERRUPTED
    quiet = world.settled()
    the_rest_of_the_day(world)
    quiet = world.settled() and quiet
    found = judge(world, quiet=quiet)
    took = time.monotonic() - begun
    if as_json:
        click.echo(
            json.dumps({"tickets": rows(world), **found, "seconds": round(took, 1)}, ensure_ascii=False)
        )
        return int(not found["accounted_for"])
    console.print(table(world, rows(world)))
    console.print(
        sentence(found),
        style="green" if found["accounted_for"] else "bold red",
        highlight=False,
        soft_wrap=True,
    )
    played = f"{len(world.told)} messages through {world.vendor}'s API in {took:.1f} s"
    console.print(played, style="dim", highlight=False)
    progress(NEXT)
    return int(not found["accounted_for"])


def judge(world: Any, *, quiet: bool) -> dict[str, Any]:
    """Desk against ledger: accounted for only if every ticket has come to an end state and nothing is under way."""
    from core.pipeline.audit import audit
    from demo.config import DESK

    found = audit(world.app, DESK, world.began - timedelta(minutes=1), world.clock())
    with db.reading(world.app.engine) as conn:
        known = {case_id: store.ticket(conn, DESK, str(case_id)) for case_id in world.desk.cases}
    unfinished = {TicketState.RECEIVED, TicketState.DEAD_LETTER}
    lost = [str(case_id) for case_id, row in known.items() if row is None or row.state in unfinished]
    even = found["desk"] == found["ledger"] == len(known)
    good = quiet and even and not (found["missing"] or found["stuck"] or lost)
    return {
        **found,
        "story": len(known),
        "lost": lost,
        "under_way": [] if quiet else world.under_way(),
        "accounted_for": good,
    }


def sentence(found: dict[str, Any]) -> str:
    """Return the last line."""
    even = found["desk"] == found["ledger"] == found["story"]
    words = (
        f"{found['desk']} tickets at the desk {'=' if even else '≠'} {found['ledger']} in the ledger; "
        f"{len(found['missing'])} missing, {len(found['stuck'])} stuck"
    )
    words += "" if even else f" (the story has {found['story']})"
    words += f"; without an end: {', '.join(found['lost'])}" if found["lost"] else ""
    return words + (f"; still under way: {', '.join(found['under_way'])}" if found["under_way"] else "")


def rows(world: Any) -> list[dict[str, Any]]:
    """Return what happened to every ticket, oldest first, as `backstop show` reports it."""
    from demo import view

    messages: dict[int, list[str]] = {}
    for sample, case_id in world.told.items():
        messages.setdefault(case_id, []).append(sample)
    tickets = (view.chosen(world, one) for one in sorted(world.desk.cases))
    return [
        {
            "ticket": str(one["id"]),
            "messages": messages.get(one["id"], []),
            "from": one["customer"].name,
            "subject": one["subject"],
            "outcome": one["outcome"].kind,
            "what": one["outcome"].words + one["human"],
            "acknowledged": bool(one["row"] and one["row"].acknowledged_at),
            "told": view.notified(one["story"]),
        }
        for one in tickets
        if one
    ]


def table(world: Any, found: list[dict[str, Any]]) -> Table:
    """The same for people."""
    made = Table(title=f"What became of every ticket ({world.vendor})", title_justify="left", pad_edge=False)
    for name in ("ticket", "from", "subject", "what happened", "acknowledged", "people told"):
        made.add_column(name, no_wrap=name == "ticket", overflow="fold")
    for one in found:
        ways = Counter(one["told"]).items()
        told = ", ".join(f"{way} ×{times}" if times > 1 else way for way, times in ways)
        made.add_row(
            one["ticket"],
            one["from"],
            one["subject"],
            one["what"],
            "yes" if one["acknowledged"] else "",
            told,
        )
    return made
