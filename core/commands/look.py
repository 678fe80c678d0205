"""report: it only reads, and loads neither the engine nor the pipeline."""

from __future__ import annotations

import click

from core.commands.common import app_of, common
from core.errors import ConfigError
from core.reports import reporting


@click.command()
@click.option("--week", help="YYYY-Www; default: the last whole week.")
@common
def report(week: str | None, config: str | None, as_json: bool) -> None:
    """Print the weekly figures with counts, intervals, targets and advice."""
    app = app_of(config)
    now = app.clock()
    try:
        found = reporting.weekly(
            app.engine, app.hours, week or reporting.last_week(now, app.hours.zone), now, app
        )
    except ValueError as err:
        raise ConfigError(f"--week {week}: {err}") from err
    click.echo(reporting.render_json(found) if as_json else reporting.render_text(found))
