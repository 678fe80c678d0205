"""The console: what waits, what happened, whether it is right. A Flask blueprint, rendered on the server."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, g, render_template, request, session
from werkzeug.exceptions import HTTPException

from core.reports.reporting import environment
from core.web import (
    access,
    actions,
    going_live,
    intents,
    limbo,
    login,
    oidc,
    pages,
    sessions,
    surges,
    texts,
    trying,
    words,
)
from core.web.access import check_open, reader
from core.web.api import routes
from core.web.api.problems import problem_of

__all__ = ["check_open", "make_blueprint", "reader", "refused"]


def make_blueprint(app: Any) -> Blueprint:
    """Return the console's blueprint. The Flask application must hold the App as `extensions["backstop"]`."""
    made = Blueprint(
        "console",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static/console",
    )
    made.record_once(lambda state: sessions.set_up(cast(Flask, state.app), app.settings.public_url))
    made.before_request(access.guard)
    made.after_request(access.with_headers)
    made.register_error_handler(HTTPException, refused)
    made.context_processor(_context)
    for name, call in words.filters().items():
        made.add_app_template_filter(call, name)
    environment().get_template("report_body.html")  # compiled now: the first reader does not wait for it
    login.add_routes(made)
    oidc.add_routes(made)
    pages.add_routes(made)
    routes.add_routes(made)
    actions.add_routes(made)
    going_live.add_routes(made)
    trying.add_routes(made)
    limbo.add_routes(made)
    surges.add_routes(made)
    intents.add_routes(made)
    texts.add_routes(made)
    return made


def _context() -> dict[str, Any]:
    found, app = g.get("reader"), current_app.extensions["backstop"]
    return words.names() | {
        "me": found,
        "my_email": (found.email if found else "") or session.get("email", ""),
        "here": request.endpoint.removeprefix("console.") if request.endpoint else "",
        "demo": getattr(app, "demo", False),
        "observing": going_live.observing(app),
        "all_desks": len(app.rules),
    }


def refused(err: HTTPException) -> Any:
    """Return an error as a page for people, as JSON for programs."""
    if err.response is not None:
        return err.response
    if not access.wants_page():
        return problem_of(err)
    if err.code == HTTPStatus.NOT_FOUND and request.url_rule is None:
        err.description = "There is no page at this address."
    page = Response(render_template("console/error.html", err=err), err.code or 500)
    return access.with_headers(page)
