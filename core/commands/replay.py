"""backtest, whatif: the past, replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from core import settings, wiring
from core.backtest import run as backtests
from core.backtest import whatif as replays
from core.backtest.figures import plain_backtest
from core.classify.whatif import run_whatif
from core.commands.common import Store, app_of, common, desk_of, out
from core.errors import ConfigError
from core.learning import labelled_tickets
from core.ledger import db
from core.web.state_words import OUTCOMES

LAST = 2000

share = click.FloatRange(0, 1)


@click.command()
@click.argument("desk")
@click.option(
    "--days", type=click.IntRange(1, 730), default=30, show_default=True, help="How far to look back."
)
@click.option(
    "--out", "file", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the report."
)
@click.option("--most", type=click.IntRange(1), help="Only so many tickets, the newest.")
@click.option("--fresh", is_flag=True, help="Start again instead of continuing an interrupted report.")
@common
def backtest(
    desk: str, days: int, file: Path | None, most: int | None, fresh: bool, config: str | None, as_json: bool
) -> None:
    """Show what Backstop would have done with a desk's past tickets, before going live. Reads within the desk's rate
    limit and writes only the report. After an interruption it continues where it stopped.
    """
    app = app_of(config, store=Store.USED, classify=True)
    place = file or backtests.file_of(app, desk_of(app, desk))
    with progress(f"reading {desk}", quiet=as_json) as step:
        found = backtests.backtest(app, desk, days, place, most=most, fresh=fresh, step=step)
    out(as_json, found, lambda: plain_backtest(found, OUTCOMES))


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show progress on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@click.command()
@click.option("--auto", type=share, help="Other thresholds; default: those of today.")
@click.option("--route", type=share)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A whole other configuration: its intents, queues, priorities, thresholds, ladder and channels.",
)
@click.option(
    "--last", type=click.IntRange(1), default=LAST, show_default=True, help="How many tickets to replay."
)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it as PNG.")
@common
def whatif(
    auto: float | None,
    route: float | None,
    rules: Path | None,
    last: int,
    plot: Path | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Replay recent tickets with other thresholds or another configuration; nothing is written."""
    app = app_of(config)
    other = _other(app, auto, route, rules)
    today = (app.settings.bands.auto, app.settings.bands.route)
    bands = (other.settings.bands.auto, other.settings.bands.route)
    with db.reading(app.engine) as conn:
        rows = labelled_tickets.past(labelled_tickets.from_ledger(conn, app.clock(), last=last))
    how = labelled_tickets.handling(app.rules, app.settings.hours.timezone)
    found = run_whatif(rows, how, now=today, then=bands, plot=plot)
    found |= replays.compare(app, other, last)
    out(as_json, found, lambda: replays.plain(found, OUTCOMES))


def _other(app: Any, auto: float | None, route: float | None, rules: Path | None) -> Any:
    """Return the program with another configuration file, other thresholds, or both."""
    loaded = settings.load(rules) if rules is not None else app.settings
    bands = loaded.bands.model_copy(
        update={k: v for k, v in (("auto", auto), ("route", route)) if v is not None}
    )
    if bands.auto < bands.route:
        raise ConfigError(
            f"--auto {bands.auto} is below --route {bands.route}: raise the one or lower the other"
        )
    if rules is not None and not set(loaded.desks) & set(app.settings.desks):
        raise ConfigError(
            f"{rules}: has no desk of the same name as one of {app.settings.path}: {', '.join(app.settings.desks)}"
        )
    other = wiring.compose(loaded.model_copy(update={"bands": bands}), engine=app.engine, clock=app.clock)
    wiring.with_classifier(app)
    if rules is None:
        other.classifier = app.classifier
    else:
        wiring.with_classifier(other)
    return other
