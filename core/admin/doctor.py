"""Every check that disturbs no customer: one finding each, with a stable code and the remedy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import requests

from core.admin import provisioning
from core.admin.probe import FAIL, OK, WARN, clock, receiver
from core.app import App, ladders
from core.classify.build import calibration_path, trained_path
from core.classify.configured import cache_dir
from core.classify.overlap import stepping_back
from core.config import checks
from core.demoted import demoted
from core.errors import BackstopError, ConfigError, EmptyTemplate, NotAllowed, said_of
from core.hours import stamp
from core.language import LANGUAGES
from core.learning.labelled_tickets import proven_auto
from core.ledger import db, store, tokens
from core.model import Finding
from core.notifications import routing
from core.pipeline import presence
from core.ports import Limbo

SLOW = 2.0  # seconds for one prediction
STALE = timedelta(minutes=15)

Section = Callable[[App], Iterable[Finding]]


def examine(app: App, only: str | None = None) -> list[Finding]:
    """Return all findings, in the order in which an admin would repair them. `only`: of this desk alone."""
    found: list[Finding] = []
    for section in () if only else (configuration, database, classifier, templates, routes, channels):
        found += _guarded(section, app)
    for name in [only] if only else list(app.desks):
        for part in (at_desk, installed, clock, receiver, known_of, held_back, ai_people):
            looked = _guarded(lambda app, p=part, n=name: p(app, n), app)  # type: ignore[misc]
            found += [replace(one, what=f"{name}: {one.what}") for one in looked]
    return list(dict.fromkeys(found))


def _guarded(section: Section, app: App) -> list[Finding]:
    """Return what a check finds; an unexpected error is a finding, too."""
    try:
        return list(section(app))
    except (BackstopError, ConfigError, requests.RequestException) as err:
        return [
            Finding(
                "DR01", FAIL, f"the check failed: {said_of(err)}", "repair that first, then run doctor again"
            )
        ]


# --- our own side ---------------------------------------------------------------------------


def configuration(app: App) -> Iterator[Finding]:
    """Return a warning for each setting that is allowed but unwise."""
    found = checks.warnings(app.settings, proven_auto(app))
    yield from found
    if not found:
        yield Finding("CF00", OK, f"{app.settings.path} is valid")
    if not app.settings.public_url.startswith("https://"):
        shown = app.settings.public_url or "missing"
        remedy = "set the https address at which the help desks reach Backstop"
        yield Finding("CF09", WARN, f"public_url is {shown}", remedy)
    for intent, why in demoted(app.engine).items():
        remedy = f"better its examples, then `backstop thresholds --promote {intent}`"
        yield Finding("CF10", WARN, f"{intent} only suggests since {why['at'][:10]}: {why['why']}", remedy)


def database(app: App) -> Iterator[Finding]:
    """Check whether the store answers, has the current schema, and can be written."""
    url, kind = app.settings.database_url, app.engine.dialect.name
    if not db.exists(url):
        yield Finding("DB01", WARN, f"there is no store yet at {db.where(url)}", "`backstop serve` makes it")
        return
    if not db.schema_is_current(app.engine):
        yield Finding("DB01", FAIL, f"the {kind} schema is not this version's", "start this version once")
        return
    with app.engine.begin() as conn:
        db.keep(conn, "doctor", app.clock().isoformat())
        waiting, dead = store.unsettled(conn), len(store.dead(conn))
    yield Finding(
        "DB01", OK, f"the {kind} store answers and its schema is current; {waiting} events under way"
    )
    if dead:
        remedy = "`backstop retry` lists them, `backstop retry all` tries again"
        yield Finding("DB02", WARN, f"{dead} dead letters", remedy)


def classifier(app: App) -> Iterator[Finding]:
    """Check whether the classifier loads, answers, and is the configured one."""
    app.classifier.predict("Hello")  # the first prediction loads the model
    begun = time.perf_counter()
    guess = app.classifier.predict("Where is my order? It should have arrived last week.")
    took = time.perf_counter() - begun
    yield Finding("CL01", OK, f"the classifier {guess.model} answers in {took * 1000:.0f} ms")
    if took > SLOW:
        yield Finding("CL02", WARN, f"one message takes {took:.1f} s", "a faster model, or a shorter timeout")
    if app.settings.classifier.kind != "embedded" and guess.model != app.classifier.model:
        remedy = "check its address, key and time-out; until then the embedded one answers"
        yield Finding("CL03", FAIL, f"the outside classifier {app.classifier.model} did not answer", remedy)
    if app.settings.classifier.kind != "embedded" and not calibration_path(app.settings).is_file():
        what = f"{app.classifier.model} is not calibrated: its guesses are never answered automatically"
        yield Finding("CL05", WARN, what, "`backstop train --calibrate` on messages of known intent")
    for theirs, own in stepping_back(app.settings, cache_dir(app.settings)).items():
        what = f"the starter's {theirs} is replaced by your {own}: most of its examples are alike"
        yield Finding("CL06", OK, f"{what}. Name [intents.{theirs}] in the file to keep both")
    if not app.settings.classifier.embeddings.model:
        what = "messages are compared by their words alone; an embedding model of yours answers about a tenth more of them"
        yield Finding("CL07", OK, f"{what}: [classifier.embeddings]")
    path = trained_path(app.settings)
    if path.exists() and app.settings.classifier.kind == "embedded" and not guess.model.startswith("trained"):
        remedy = "`backstop train` again: the intents have changed since, or the version"
        yield Finding("CL04", WARN, f"{path} is not used", remedy)


def templates(app: App) -> Iterator[Finding]:
    """Check whether each text renders with sample facts, in each language in which there is one."""
    names = checks.replies(app)
    broken = checks.broken_texts(app)
    for language, err in broken:
        code = "TP02" if isinstance(err, EmptyTemplate) else "TP01"
        remedy = f"correct {err.file}: it may use name, ticket_id, promise and language"
        yield Finding(code, FAIL, f"in {language}: {err}", remedy)
    if not broken:
        yield Finding("TP01", OK, f"{len(names) + 3} templates render in {len(LANGUAGES)} languages")


def routes(app: App) -> Iterator[Finding]:
    """Check whether rungs, audiences, people and rotas lead to a channel."""
    every = ladders(app.settings)
    found = routing.of(app).check(every, app.clock())
    yield from found
    if not any(one.level == FAIL for one in found):
        rungs = sum(len(rungs) for rungs in every.values())
        yield Finding("RT00", OK, f"the {rungs} rungs of {len(every)} ladders lead to a person or a channel")


def channels(app: App) -> Iterator[Finding]:
    """Return what each channel can check without sending a message."""
    for channel in app.channels.values():
        yield from channel.check()


# --- each desk ------------------------------------------------------------------------------


def at_desk(app: App, name: str) -> Iterable[Finding]:
    """Return what the run-time credential shows: identity, rights and queues."""
    rules = app.rules[name]
    queues = [rules.general_queue, *(rule.queue for rule in rules.intents.values() if rule.queue)]
    return app.desks[name].check(dict.fromkeys(queues))


def installed(app: App, name: str) -> Iterable[Finding]:
    """Return the state of what install made or printed."""
    return provisioning.doctor(app, name)


def known_of(app: App, name: str) -> Iterator[Finding]:
    """Return what the ledger knows of the desk."""
    with db.reading(app.engine) as conn:
        row, end = store.desk(conn, name), tokens.ending(conn, name, app.clock())
    if end is not None:
        words = f"the connection made in the browser ends on {end:%Y-%m-%d}"
        yield Finding("DK04", WARN, words, f"`backstop connect {name}` makes a new one")
    if why := presence.trouble(app, name):
        words = f"agents' availability cannot be read, so all count as present: {why}"
        yield Finding("DK05", WARN, words, "grant our credential the right to read agents' status")
    if row is not None and row.paused_at is not None:
        words = f"on hold since {stamp(row.paused_at, app.hours.zone)} (by {row.paused_by or 'somebody'})"
        yield Finding("DK01", WARN, words, f"`backstop resume {name}` ends the hold")
    if row is not None and row.trouble:
        remedy = "see the findings about the credential"
        yield Finding("DK02", FAIL, f"the last sweep failed: {row.trouble}", remedy)
    if row is not None and row.swept_at is not None and app.clock() - row.swept_at > _stale(app):
        words = f"last compared with the ledger at {stamp(row.swept_at, app.hours.zone)}"
        yield Finding("DK03", FAIL, words, "is `backstop serve` or a worker running?")


def held_back(app: App, name: str) -> Iterator[Finding]:
    """Check whether suspended mail and spam can be read, at a desk that shows them."""
    at = app.desks[name]
    if not isinstance(at, Limbo):
        return
    try:
        at.held_back()
    except NotAllowed as err:
        words = f"what the desk holds back as suspended or spam cannot be read, so genuine mail may stay there unseen: {err}"
        yield Finding("DK06", WARN, words, "grant our credential the right to read that list")


def ai_people(app: App, name: str) -> Iterator[Finding]:
    """Check whether an AI agent of the desk has the address of a person in [people]."""
    ours = {
        str(address).casefold(): who
        for who, addresses in app.settings.people.items()
        for address in addresses.values()
    }
    own = app.desk_settings.get(name)
    for one in sorted(own.ais() & set(ours)) if own is not None else ():
        words = f'ai_agents: "{one}" is the address of [people.{ours[one]}]: what that person answers would not count'
        yield Finding("DK07", FAIL, words, "name the AI agent's own account instead")


def _stale(app: App) -> timedelta:
    every: timedelta = app.settings.sweep.every
    return max(STALE, 3 * every)


def healthy(found: Iterable[Finding]) -> bool:
    """Return whether nothing fails."""
    return all(one.level != FAIL for one in found)


def line(one: Finding) -> str:
    """Return a finding as a line: code, level, what, and the remedy where one is needed."""
    words = f"{one.code} {one.level:<4} {one.what}"
    return " ".join((f"{words}: {one.remedy}" if one.remedy and one.level != OK else words).split())


def as_data(one: Finding) -> dict[str, Any]:
    """Return a finding as JSON."""
    return {"code": one.code, "level": one.level, "what": one.what, "remedy": one.remedy}
