"""The page of surges, and its form: one text to all customers of one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from core.ledger import db, surges
from core.pipeline.surge_text import LONGEST, approve
from core.web.access import backstop, needs, reader
from core.web.users import Role, record

SHOWN = timedelta(days=7)


def add_routes(pages: Blueprint) -> None:
    """One page, one form."""
    pages.add_url_rule("/surges", "surges", listed)
    pages.add_url_rule("/surges/say", "say", say, methods=["POST"])


def listed() -> str:
    """The surges of the last days, those that last first."""
    app = backstop()
    with db.reading(app.engine) as connection:
        found = surges.lately(connection, app.clock() - SHOWN)
        shown = [
            (one, surges.members(connection, one))
            for one in sorted(found, key=lambda s: s.ended_at is not None)
        ]
    return render_template("console/surges.html", now=app.clock(), found=shown, longest=LONGEST)


@needs(Role.AGENT)
def say() -> Any:
    """Have one text said to each customer of a surge."""
    app, who = backstop(), reader()
    with db.reading(app.engine) as connection:
        surge = surges.one(connection, request.form.get("key", ""))
    if surge is None or surge.desk not in app.rules:
        abort(404, "There is no such surge.")
    name = who.name if who else "somebody"
    why = approve(app, surge, request.form.get("text", ""), name, app.clock())
    if why:
        flash(why, "bad")
    else:
        with app.engine.begin() as connection:
            record(
                connection,
                app.clock(),
                name,
                f"say to the surge {surge.key}",
                "",
                request.form["text"].strip(),
            )
        flash("Sent once to each customer who is still waiting, within the sending limits.", "good")
    return redirect(url_for("console.surges"), code=303)
