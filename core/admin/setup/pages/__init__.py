"""The pages of `backstop setup`: one template a step, plain forms, the console's look; opened by a one-time link."""

from __future__ import annotations

from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import HTTPException

from core.admin.setup import account, choices, going
from core.admin.setup.context import Setup
from core.admin.setup.kept import Stale
from core.admin.setup.pages.guard import Guard
from core.admin.setup.steps import BY_NAME, STEPS, Step, begin_backtest, begin_reading, reached, take
from core.config.drafts import Changed
from core.errors import BackstopError, ConfigError, said_of
from core.web import words

STALE = (
    "This step was answered in another window meanwhile. Below are the current answers; yours were not saved."
)
LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "pl": "Polish",
    "sv": "Swedish",
    "da": "Danish",
    "nb": "Norwegian",
    "tr": "Turkish",
}
AGAIN = {
    "tickets": begin_reading,
    "backtest": begin_backtest,
    "connect": account.test,
    "start": going.install,
}


def create_app(setup: Setup, guard: Guard) -> Flask:
    """Return the Flask application of one set-up."""
    flask = Flask("backstop-setup", static_folder=None)
    flask.extensions["backstop-setup"] = setup
    guard.protect(flask)
    pages = Blueprint(
        "setup",
        __name__,
        template_folder="../../../web/templates",
        static_folder="../../../web/static",
        static_url_path="/static/console",
    )
    for name, call in words.filters().items():
        pages.add_app_template_filter(call, name)
    titles = {name: setup.kit.settings(name).TITLE for name in setup.kit.vendors}
    pages.context_processor(lambda: {**words.names(), "TITLES": titles, "LANGUAGES": LANGUAGES})
    pages.add_url_rule("/", "first", first)
    pages.add_url_rule("/enter", "enter", guard.enter)
    pages.add_url_rule("/callback", "callback", callback)
    pages.add_url_rule("/setup/<name>", "page", page)
    pages.add_url_rule("/setup/<name>", "answer", answer, methods=["POST"])
    flask.register_blueprint(pages)
    flask.register_error_handler(HTTPException, refused)
    return flask


def _setup() -> Setup:
    found: Setup = current_app.extensions["backstop-setup"]
    return found


def first() -> Any:
    """To the first step that is not answered."""
    return redirect(url_for("setup.page", name=STEPS[reached(_setup().state)].name))


def page(name: str) -> Any:
    """One step."""
    setup, step = _setup(), _step(name)
    if STEPS.index(step) > reached(setup.state):
        return first()
    return _shown(setup, step)


def _step(name: str) -> Step:
    if name not in BY_NAME:
        abort(404, "There is no such step.")
    return BY_NAME[name]


def _shown(setup: Setup, step: Step, wrong: str = "", status: int = 200) -> Any:
    state, number = setup.state, STEPS.index(step)
    try:
        facts = step.shown(setup)
    except ConfigError as err:
        facts, wrong = {}, wrong or str(err)
    html = render_template(
        f"setup/{step.name if facts else 'trouble'}.html",
        step=step,
        steps=STEPS,
        number=number,
        reached=reached(state),
        state=state,
        wrong=wrong.splitlines(),
        typed=request.form if wrong else {},
        vendor=state.of("desk").get("vendor", ""),
        **facts,
    )
    return Response(html, status)


def answer(name: str) -> Any:
    """What was typed or picked on one step."""
    setup, step = _setup(), _step(name)
    if STEPS.index(step) > reached(setup.state):
        return first()
    form, do = request.form.to_dict(flat=False), request.form.get("do", "next")
    try:
        if do == "again" and step.name in AGAIN:
            AGAIN[step.name](setup)
            return _to(step)
        take(setup, step, form, int(request.form.get("revision", "-1")))
        return _next(setup, step, do)
    except (Stale, ValueError) as err:
        if not isinstance(err, Stale):
            abort(400, "The form is incomplete: reload the page.")
        return _shown(setup, step, STALE, 409)
    except (ConfigError, BackstopError) as err:
        return _shown(setup, step, said_of(err), 409 if isinstance(err, Changed) else 422)


def _next(setup: Setup, step: Step, do: str) -> Any:
    """Where to after an answer that was taken."""
    if step.name == "people" and do == "test":
        tested = choices.say_hello(setup, setup.state)
        setup.kept.change(lambda s: s.with_found(tested=tested))
        return _to(step)
    if step.name == "connect":
        return _connected(setup, step)
    if step.name == "start":
        return _over(setup)
    return _to(STEPS[STEPS.index(step) + 1])


def _connected(setup: Setup, step: Step) -> Any:
    """On to the next step where nothing is to be read first."""
    found = setup.state.found
    if not found.get("who") or any(one["level"] == "fail" for one in found["findings"]):
        return _to(step)
    flash(f"Connected as {found['who']}.", "good")
    return _to(STEPS[STEPS.index(step) + 1])


def _over(setup: Setup) -> Any:
    """The last page; then the process goes on as `serve`."""
    state = setup.state
    html = render_template("setup/over.html", url=state.of("start")["url"], desk=state.of("desk")["name"])
    setup.kept.end()
    setup.finished.set()
    return html


def _to(step: Step) -> Any:
    return redirect(url_for("setup.page", name=step.name), code=303)


def callback() -> Any:
    """The vendor's page sends the browser back here."""
    setup = _setup()
    try:
        account.allowed(setup, request.args.to_dict())
    except (ConfigError, BackstopError) as err:
        return _shown(setup, BY_NAME["connect"], said_of(err), 422)
    return _connected(setup, BY_NAME["connect"])


def refused(err: HTTPException) -> Any:
    """Return an error as a page."""
    if err.response is not None:
        return err.response
    return Response(render_template("setup/refused.html", err=err), err.code or 500)
