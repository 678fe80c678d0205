"""classify, train, and what the commands that measure need, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core import policy
from core.classify import shared
from core.classify.build import (
    calibration_path,
    classifier_of,
    embedded_of,
    languages_of,
    learned_from,
    trained_path,
)
from core.classify.configured import cache_dir
from core.classify.evaluate import read_examples
from core.classify.intents import intent_rules
from core.classify.meaning import embedder
from core.classify.plain import plain_calibration, plain_training
from core.classify.safety import dangers
from core.classify.starter import starter
from core.classify.text import customer_words
from core.classify.train import run_train
from core.commands.common import Store, app_of, common, composed, desk_of, from_stdin, out
from core.errors import ConfigError
from core.learning import labelled_tickets
from core.learning.calibration import calibrate
from core.ledger import db
from core.model import NO_INTENT, IntentRule, Rules
from core.setting_types import duration

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from core.classify.evaluate import Example
    from core.learning.labelled_tickets import LabelledTicket

HISTORY = "180d"
LONGEST = timedelta(days=36525)  # no help desk is older than a hundred years

file_argument = click.argument(
    "file", required=False, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]"
)
since_option = click.option("--since", default=HISTORY, show_default=True, help="How far to look back.")


@click.command()
@click.argument("text")
@common
def classify(text: str, config: str | None, as_json: bool) -> None:
    """Show intent, confidence and band of TEXT ("-" reads standard input). Prints JSON."""
    said = from_stdin() if text == "-" else text
    loaded = composed(config).settings
    found = replace(classifier_of(loaded).predict(customer_words(said)), dangers=dangers(said))
    out(True, _as_answer(found, loaded), "")


def _as_answer(found: Any, loaded: Any) -> dict[str, Any]:

    intents = intent_rules(loaded)
    rules = Rules(loaded.bands.auto, loaded.bands.route, intents, frozenset(), "")
    return {
        "intent": found.intent,
        "confidence": round(found.confidence, 4),
        "band": policy.band_of(found, intents.get(found.intent) or IntentRule(found.intent), rules),
        "alternatives": [
            {"intent": guess.intent, "confidence": round(guess.confidence, 4)} for guess in found.alternatives
        ],
        "model": found.model,
        **({"safety": [asdict(one) for one in found.dangers]} if found.dangers else {}),
    }


@click.command()
@file_argument
@click.option("--from", "desk", metavar="DESK", help="Learn from this desk's own history.")
@since_option
@click.option("--force", is_flag=True, help="Keep the new model even if it is no better.")
@click.option(
    "--calibrate",
    is_flag=True,
    help="Ask the outside classifier about the same messages instead: what is its confidence worth?",
)
@common
def train(
    file: Path | None,
    desk: str | None,
    since: str,
    force: bool,
    calibrate: bool,
    config: str | None,
    as_json: bool,
) -> None:
    """Learn from FILE, a desk's history or the ledger's labels, and keep the better model."""
    app = composed(config)
    loaded = app.settings
    store = app.engine if db.exists(loaded.database_url) else None
    if store is not None:
        shared.fetch(store, cache_dir(loaded))  # what it has to beat
    base = learned_from(loaded)
    known, strangers = _known(_labelled(file, desk, since, config, base, quiet=as_json), base)
    if calibrate:
        _calibrate(known, loaded, store, as_json)
        return
    report = run_train(
        known,
        embedded_of(loaded),
        trained_path(loaded),
        base=base,
        background=starter().background,
        languages=languages_of(loaded),
        embed=embedder(loaded.classifier.embeddings),
        force=force,
        **bands_of(loaded),
    )
    report["refused"] += strangers
    replaced = report["verdict"] == "replaced"
    report["file"] = str(trained_path(loaded)) if replaced else None
    if replaced and store is not None:
        shared.keep(store, trained_path(loaded))
    after = "\n\nStart `backstop serve` (or the workers) again to use it." if replaced else ""
    out(as_json, report, lambda: plain_training(report) + after)
    if not replaced:
        raise click.exceptions.Exit(1)


def _labelled(
    file: Path | None, desk: str | None, since: str, config: str | None, base: Any, *, quiet: bool
) -> list[Example]:
    """Return the examples from the source that the command line names, by default the ledger's labels."""
    if not file and not desk:
        return labelled_tickets.examples(past_of(config, since), base)
    return [
        *(read_file(file) if file else []),
        *(_from_desk(desk, since, config, quiet=quiet) if desk else []),
    ]


def _calibrate(known: Sequence[Example], loaded: Any, store: Engine | None, as_json: bool) -> None:

    with _progress("asking about messages", quiet=as_json) as step:
        report = calibrate(known, loaded, step=step)
    replaced = report["verdict"] == "replaced"
    if replaced and store is not None:
        shared.keep(store, calibration_path(loaded))
    out(as_json, report, lambda: plain_calibration(report))
    if not replaced:
        raise click.exceptions.Exit(1)


def _known(
    rows: Sequence[Example], base: dict[str, tuple[str, ...]]
) -> tuple[list[Example], list[dict[str, Any]]]:
    """Return the rows of configured intents, and print which others were left out."""
    kept = [row for row in rows if row.intent in base or row.intent == NO_INTENT]
    counted = Counter(row.intent for row in rows if row.intent not in base and row.intent != NO_INTENT)
    reason = "the configuration knows no such intent"
    return kept, [{"intent": name, "rows": n, "reason": reason} for name, n in sorted(counted.items())]


def _from_desk(desk: str, since: str, config: str | None, *, quiet: bool) -> list[Example]:

    app = app_of(config, store=Store.USED)
    start = app.clock() - span_of(since)
    with _progress(f"reading {desk}", quiet=quiet) as step:
        return labelled_tickets.from_desk(app, desk_of(app, desk), start, step=step)


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error. The number of a desk's tickets is not known beforehand."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}: {task.completed} tickets, {task.fields[learned]} to learn from"),
        TimeElapsedColumn(),
    ]
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=None, learned=0)
        yield lambda learned: bar.update(task, advance=1, learned=learned)


# --- what all of them need ------------------------------------------------------------------


def bands_of(loaded: Any) -> dict[str, float]:
    """Return the configured bands."""
    return {"auto": loaded.bands.auto, "route": loaded.bands.route}


def read_file(file: Path) -> list[Example]:
    """Return the labelled messages of a file. Raises ConfigError when there are none."""
    try:
        found = read_examples(file)
    except ValueError as err:
        raise ConfigError(str(err)) from err
    if not found:
        raise ConfigError(f"{file}: there is no labelled message in it")
    return found


def past_of(config: str | None, since: str) -> list[LabelledTicket]:
    """Return what the ledger knows of the past."""
    app = app_of(config)
    now: datetime = app.clock()
    with db.reading(app.engine) as conn:
        return labelled_tickets.from_ledger(conn, now, now - span_of(since))


def span_of(text: str) -> timedelta:
    """Return `180d` as a timedelta. Raises ConfigError for anything else."""
    try:
        span = duration(text)
    except ValueError as err:
        raise ConfigError(f"--since: {err}") from err
    if not isinstance(span, timedelta) or not span or span > LONGEST:
        raise ConfigError(f"--since {text}: write it as 180d, 12w or 24h")
    return span
