"""The doors for HTTP: `POST /hooks/<desk>` = verify → parse → store → 202; health, metrics; the console beside them.

Answers are chosen so that each vendor tries again when we want it to and never switches the hook off: 503 with
Retry-After only when nothing could be stored, never 410, never 500.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from flask import Flask, Response, abort, current_app, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge

from core import queue
from core.app import App
from core.errors import BadPayload, BadSignature
from core.model import WebhookRequest
from core.telemetry import traces
from core.telemetry.correlation import correlated
from core.web import access, make_blueprint, refused
from core.web.api.problems import problem, problem_of
from core.web.claim_links import doors
from core.web.readiness import Readiness
from core.web.sidebar import panel

log = structlog.get_logger(__name__)

BODY_LIMIT = 1024 * 1024
UNSTORED, RETRY_AFTER = 503, "30"


def create_app(app: App, *, console: bool = True) -> Flask:
    """The Flask application over a running Backstop's parts."""
    flask = Flask("backstop", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    flask.extensions["backstop"] = app
    flask.extensions["backstop-readiness"] = Readiness(app)
    queue.prepare(app)
    flask.add_url_rule("/hooks/<desk>", view_func=hook, methods=["POST"])
    flask.add_url_rule("/healthz", view_func=healthz)
    flask.add_url_rule("/readyz", view_func=readyz)
    flask.add_url_rule("/metrics", view_func=metrics)
    flask.register_error_handler(Exception, unexpected)
    flask.register_blueprint(doors)
    flask.register_blueprint(panel)
    if console:
        flask.register_blueprint(make_blueprint(app))
    return flask


def _app() -> App:
    app: App = current_app.extensions["backstop"]
    return app


def hook(desk: str) -> tuple[Response, int]:
    """A vendor's webhook. Nothing slow, nothing that depends on the desk being up."""
    app, begun = _app(), time.time_ns()
    connector = app.desks.get(desk)
    if connector is None:
        return _answer(desk, "", 404, f"there is no desk called {desk[:80]}")
    try:
        asked = WebhookRequest(
            {k.lower(): v for k, v in request.headers.items()}, request.get_data(cache=False)
        )
    except RequestEntityTooLarge:
        return _answer(desk, "malformed", 413, "the body is larger than 1 MiB")
    now = app.clock()
    try:
        connector.verify(asked, now)
        found = connector.parse(asked, now)
    except BadSignature as err:
        return _answer(desk, "unauthorised", 401, str(err))
    except BadPayload as err:
        return _answer(desk, "malformed", 400, str(err))
    if not found:
        return _answer(desk, "ignored", 200, "nothing for us in it")
    with correlated(found[0].key), traces.span(f"POST /hooks/{desk}", kind="server", begun=begun, desk=desk):
        try:
            queue.report(app, found, "webhook")
        except SQLAlchemyError as err:
            log.warning("a webhook could not be stored", desk=desk, error=type(err).__name__)
            _readiness().trouble()  # tells people, unless it was this once
            return _answer(desk, "unstored", 503, "could not be stored: try again")
    return _answer(desk, "accepted", 202, "stored")


def _answer(desk: str, result: str, status: int, words: str) -> tuple[Response, int]:
    if result:
        _app().counters.webhook(desk, result)
    response = jsonify({"result": words})
    if status == UNSTORED:
        response.headers["Retry-After"] = RETRY_AFTER
    return response, status


def healthz() -> tuple[Response, int]:
    """The process is up."""
    return jsonify({"ok": True}), 200


def readyz() -> tuple[Response, int]:
    """Webhooks can be stored."""
    why = _readiness().trouble()
    return (jsonify({"ok": False, "reason": why}), 503) if why else (jsonify({"ok": True}), 200)


def _readiness() -> Readiness:
    found: Readiness = current_app.extensions["backstop-readiness"]
    return found


def metrics() -> Response:
    """Prometheus text; behind the token, or for this machine itself while there is none."""
    app = _app()
    web = app.settings.web
    if not (access.by_token(app) or (not (web.token or web.tokens) and access.is_local(app.settings))):
        abort(401, "set BACKSTOP_WEB__TOKEN and send it as Authorization: Bearer …")
    return Response(app.counters.render(app.engine, app.clock()), mimetype="text/plain; version=0.0.4")


def unexpected(err: Exception) -> Any:
    """Never a traceback, never 500 to a vendor: what we could not do, the vendor may try again."""
    paged = "console" in current_app.blueprints and access.wants_page()
    if isinstance(err, HTTPException):
        return refused(err) if paged else problem_of(err) if access.is_api() else err
    log.error("unhandled exception", path=request.path, exc_info=err)
    if request.path.startswith("/hooks/"):
        webhook = request.endpoint == "hook"  # the sidebar and the channels call below /hooks, too
        desk = str((request.view_args or {}).get("desk", ""))
        return _answer(desk, "unstored" if webhook else "", 503, "unexpected error: try again")
    why = "unexpected error; it is in the log"
    return refused(InternalServerError(f"An {why} of Backstop.")) if paged else problem(500, why)
