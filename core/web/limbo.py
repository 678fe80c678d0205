"""The page of what desks hold back, and its button: recover."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from core.errors import VendorError, with_remedy
from core.ledger import db, limbo
from core.pipeline.limbo import recover as bring_back
from core.web.access import backstop, needs, reader
from core.web.users import Role, record


def add_routes(pages: Blueprint) -> None:
    """One page, one button."""
    pages.add_url_rule("/limbo", "limbo", held_back)
    pages.add_url_rule("/limbo/recover", "recover", recover, methods=["POST"])


def held_back() -> str:
    """What desks hold back now, likely genuine messages first."""
    app = backstop()
    with db.reading(app.engine) as connection:
        return render_template("console/limbo.html", now=app.clock(), found=limbo.held(connection))


@needs(Role.AGENT)
def recover() -> Any:
    """Make a ticket of one, by the vendor's API; where there is none, say the clicks."""
    app, desk, held_id = backstop(), request.form.get("desk", ""), request.form.get("id", "")
    with db.reading(app.engine) as connection:
        row = limbo.one(connection, desk, held_id)
    if row is None or row.state != limbo.HELD or desk not in app.desks:
        abort(404, "The desk holds no such message back.")
    try:
        clicks = bring_back(app, row)
    except VendorError as err:
        flash(f"Not recovered: {with_remedy(err)}", "bad")
        return redirect(url_for("console.limbo"), code=303)
    found = reader()
    with app.engine.begin() as connection:
        result = "asked for the clicks" if clicks else limbo.RECOVERED
        record(
            connection,
            app.clock(),
            found.name if found else "",
            f"recover {desk}:{held_id}",
            row.state,
            result,
        )
    flash(
        clicks or "Recovered: the help desk turns it into a ticket, and the next sweep picks it up.", "good"
    )
    return redirect(url_for("console.limbo"), code=303)
