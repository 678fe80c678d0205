"""What people may do from the console: claim, check, retry, pause. Every change is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, session, url_for
from sqlalchemy import select

from core.errors import BackstopError, with_remedy
from core.learning import labelled_tickets
from core.ledger import db, pausing, store
from core.ledger.schema import events
from core.ledger.states import EventState
from core.pipeline import snooze as snoozing
from core.queue import retry as again
from core.web import quality as q
from core.web.access import Reader, backstop, needs, reader
from core.web.api import asking
from core.web.users import Role, record
from core.web.words import SNOOZES


def add_routes(pages: Blueprint) -> None:
    """Everything that changes something."""
    for rule, name, view in (
        ("/tickets/<desk>/<ticket_id>/claim", "claim", claim),
        ("/tickets/<desk>/<ticket_id>/snooze", "snooze", snooze),
        ("/tickets/<desk>/<ticket_id>/check", "check", check),
        ("/quality/thresholds", "thresholds", thresholds),
        ("/health/retry", "retry", retry),
        ("/health/pause", "pause", pause),
    ):
        pages.add_url_rule(rule, name, view, methods=["POST"])


def _who() -> str:
    found = reader()
    return found.name if found else ""


def _back(endpoint: str, **values: Any) -> Any:
    return redirect(url_for(f"console.{endpoint}", **values), code=303)


@needs(Role.AGENT)
def claim(desk: str, ticket_id: str) -> Any:
    """Take a waiting ticket, in the desk too, under the reader's address there."""
    app, found = backstop(), reader()
    email = (found.email if found else "") or request.form.get("email", "").strip()
    if not email or "@" not in email:
        flash("Enter the e-mail address you use in the help desk.", "bad")
        return _back("ticket", desk=desk, ticket_id=ticket_id)
    session["email"] = email
    try:
        outcome = asking.claim(app, desk, ticket_id, email, via="console", who=_who(), name=_name(found))
    except BackstopError as err:
        flash(f"Not claimed: {with_remedy(err)}", "bad")
        return _back("ticket", desk=desk, ticket_id=ticket_id)
    flash(outcome.words, "good" if outcome.done else "bad")
    return _back("ticket", desk=desk, ticket_id=ticket_id)


@needs(Role.AGENT)
def snooze(desk: str, ticket_id: str) -> Any:
    """Nobody is told of a waiting ticket for a while; it still waits."""
    app, minutes = backstop(), request.form.get("minutes", "")
    if minutes not in {str(one) for one in SNOOZES}:
        abort(400, f"It can be snoozed for {', '.join(map(str, SNOOZES))} minutes.")
    now = app.clock()
    outcome = snoozing.snooze(app, desk, ticket_id, timedelta(minutes=int(minutes)), _who(), now)
    if outcome.done:
        with app.engine.begin() as connection:
            record(connection, now, _who(), f"snooze {desk}:{ticket_id}", "", f"{minutes} minutes")
    flash(outcome.words, "good" if outcome.done else "bad")
    return (
        _back("now") if request.form.get("back") == "now" else _back("ticket", desk=desk, ticket_id=ticket_id)
    )


def _name(found: Reader | None) -> str:
    """A name to show to others, for people who are logged in."""
    return found.name if found and found.via == "session" else ""


@needs(Role.AGENT)
def check(desk: str, ticket_id: str) -> Any:
    """Was the automatic answer right?"""
    app = backstop()
    verdict, intent = request.form.get("verdict", ""), request.form.get("intent", "")[:120]
    if verdict not in ("right", "wrong"):
        abort(400, "The verdict is right or wrong.")
    now = app.clock()
    with app.engine.begin() as connection:
        old = q.settle_check(connection, desk, ticket_id, right=verdict == "right", intent=intent, now=now)
        if old is None:
            abort(404, "This ticket is not in the sample.")
        record(connection, now, _who(), f"check {desk}:{ticket_id}", old, f"{verdict} {intent}".strip())
    flash(f"Noted: {verdict}.", "good")
    return _back("quality", _anchor="sample")


@needs(Role.AGENT)
def thresholds() -> Any:
    """Work out which thresholds the known tickets prove, as the command line does; changes no rule."""
    app = backstop()
    now = app.clock()
    with db.reading(app.engine) as connection:
        found = labelled_tickets.thresholds(connection, now)
    with app.engine.begin() as connection:
        labelled_tickets.keep_thresholds(connection, found)
        record(connection, now, _who(), "thresholds worked out", "", f"{found['rows']} known tickets")
    flash(f"Computed from {found['rows']} tickets with a known outcome.", "good")
    return _back("quality", _anchor="proven")


@needs(Role.ADMIN)
def retry() -> Any:
    """Try a dead letter again, or all of them."""
    app, key = backstop(), request.form.get("key", "")
    with db.reading(app.engine) as connection:
        dead = select(events.c.key).where(events.c.state == EventState.DEAD)
        keys = list(connection.scalars(dead if key == "all" else dead.where(events.c.key == key)))
    tried = [one for one in keys if again(app, one)]
    with app.engine.begin() as connection:
        for one in tried:
            record(connection, app.clock(), _who(), f"retry {one}", EventState.DEAD, EventState.WAITING)
    flash(f"{len(tried)} queued for a retry." if tried else "There was nothing to retry.", "good")
    return _back("health")


@needs(Role.ADMIN)
def pause() -> Any:
    """Hold a desk, or let it go on: held, it stores facts and does nothing about them."""
    app, desk = backstop(), request.form.get("desk", "")
    with db.reading(app.engine) as connection:
        known = desk in app.desks or store.desk(connection, desk) is not None
    if not known:
        abort(404, "There is no such desk.")
    hold = request.form.get("hold") == "yes"
    change = pausing.hold if hold else pausing.resume
    change(app.engine, desk, app.clock(), _who())
    flash(f"{desk} is {'paused' if hold else 'running again'}.", "good")
    return _back("health")
