"""evaluate, thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.app import wall
from core.classify import evaluate as measures
from core.classify import recall
from core.classify.build import classifier_of, embedded_of
from core.classify.evaluate import judge
from core.classify.plain import plain_evaluation, plain_thresholds
from core.classify.thresholds import run_thresholds
from core.commands.common import app_of, common, composed, out
from core.commands.learn import bands_of, file_argument, past_of, read_file, since_option, span_of
from core.errors import ConfigError
from core.learning import demotion, labelled_tickets
from core.ledger import db

if TYPE_CHECKING:
    from core.classify.evaluate import Judged
    from core.learning.labelled_tickets import LabelledTicket

NOTHING_KNOWN = (
    "the ledger knows no ticket yet whose intent people confirmed: give a FILE, or come back after a week"
)

plot_option = click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw it as PNG.")
share = click.FloatRange(0, 1)


@click.command()
@file_argument
@plot_option
@since_option
@click.option("--languages", is_flag=True, help="How many urgent messages are recognised, for each language.")
@common
def evaluate(
    file: Path | None, plot: Path | None, since: str, languages: bool, config: str | None, as_json: bool
) -> None:
    """Measure the classifier on FILE (CSV or JSONL with text and intent), or on the ledger's labels."""
    if languages:
        _languages(config, as_json)
        return

    loaded = composed(config).settings
    bands = bands_of(loaded)
    if file is not None:
        found = measures.run_evaluate(read_file(file), classifier_of(loaded), plot=plot, **bands)
    else:
        past = past_of(config, since)
        rows = _some(past)
        if plot:
            measures.plot_reliability(rows, plot)
        found = {
            "model": "as decided then",
            **bands,
            **measures.evaluate(rows, **bands),
            "sources": labelled_tickets.sources(past),
        }
    out(as_json, found, lambda: plain_evaluation(found))


def _languages(config: str | None, as_json: bool) -> None:

    loaded = composed(config).settings
    found = recall.by_language(embedded_of(loaded), loaded.classifier.suspicion)
    out(as_json, {"languages": found}, lambda: recall.plain_languages(found))


@click.command()
@file_argument
@click.option("--target", type=share, default=0.95, show_default=True, help="The precision to prove.")
@click.option("--confidence", type=share, default=0.95, show_default=True, help="How surely.")
@click.option("--promote", metavar="INTENT", help="Let a demoted intent answer again.")
@since_option
@common
def thresholds(
    file: Path | None,
    target: float,
    confidence: float,
    promote: str | None,
    since: str,
    config: str | None,
    as_json: bool,
) -> None:
    """Find the lowest thresholds whose precision is proven, on FILE or on the ledger's labels."""
    if not 0 < target < 1 or not 0 < confidence < 1:
        raise ConfigError("--target and --confidence must lie between 0 and 1, both excluded")
    if promote:
        _promote(promote, config, as_json)
        return
    if file is not None:
        loaded = composed(config).settings
        rows, now = judge(read_file(file), classifier_of(loaded)), wall()
        found = run_thresholds(rows, now, target=target, confidence=confidence)
    else:
        found = _proven_here(config, since, target, confidence)
    out(as_json, found, lambda: plain_thresholds(found))


def _proven_here(config: str | None, since: str, target: float, confidence: float) -> dict[str, Any]:
    """Return the thresholds that the ledger proves, and store them there for the console and the warnings at start-up."""
    app = app_of(config)
    with db.reading(app.engine) as conn:
        found = labelled_tickets.thresholds(
            conn, app.clock(), span_of(since), target=target, confidence=confidence
        )
    if not found["rows"]:
        raise ConfigError(NOTHING_KNOWN)
    with app.engine.begin() as conn:
        labelled_tickets.keep_thresholds(conn, found)
    return found


def _promote(intent: str, config: str | None, as_json: bool) -> None:

    app = app_of(config)
    done = demotion.promote(app.engine, intent, app.clock())
    words = (
        f"{intent} may answer again, as far as its rule allows"
        if done
        else f"{intent} was not demoted: its mode is what the configuration says"
    )
    out(as_json, {"promoted": intent if done else None}, words)
    if not done:
        raise click.exceptions.Exit(1)


def _some(past: Sequence[LabelledTicket]) -> list[Judged]:

    rows = labelled_tickets.judged(past)
    if not rows:
        raise ConfigError(NOTHING_KNOWN)
    return rows
