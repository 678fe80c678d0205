"""What an agent sees beside a ticket, where the desk lets another program draw there, and what a click there does.

The desk proves itself by its signature, the agent by having been shown the page: its links take or correct this one
ticket, once, within the hour, under the address by which the desk knows who looks.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from sqlalchemy import Connection

from core.app import App
from core.errors import BackstopError, BadPayload, BadSignature
from core.ledger import db, links, store
from core.ledger.ticket_report import told
from core.model import SidebarRequest, WebhookRequest
from core.web.claim_links import GONE, here, shielded
from core.web.sidebar_text import panel_of

if TYPE_CHECKING:
    from connectors.kit.vendor import Sidebar

log = logging.getLogger(__name__)

panel = Blueprint("panel", __name__, template_folder="../templates")

LIFE = timedelta(hours=1)  # of a link in the panel: the page is drawn anew whenever the ticket is opened
KEPT = timedelta(days=1)  # how long the desk's list of agents is believed
NOTED = timedelta(hours=1)


@panel.route("/hooks/apps/<desk>", methods=["GET", "POST"])
def beside(desk: str) -> tuple[Response, int]:
    """The desk's sidebar asks about a ticket. Proved before it is read."""
    app, now = here(), here().clock()
    part = sidebar_of(app, desk)
    if part is None:
        return jsonify({"result": f"there is no desk called {desk[:80]} with a sidebar"}), 404
    asked = WebhookRequest({k.lower(): v for k, v in request.headers.items()}, request.get_data(cache=False))
    try:
        query = request.query_string.decode("ascii", "replace")
        viewing = part.asked(app.desk_settings[desk], asked, query)
    except BadSignature as err:
        return jsonify({"result": str(err)}), 401
    except BadPayload as err:
        return jsonify({"result": str(err)}), 400
    shown = _shown(app, part, desk, viewing, now)
    if request.method == "POST":
        return jsonify(part.answer(render_template("panel_body.html", **shown))), 200
    return shielded(render_template("panel.html", **shown), frames=part.FRAMES, forms="'none'")


def sidebar_of(app: App, desk: str) -> Sidebar[Any] | None:
    """Return the vendor's part for its sidebar, None where it has none."""
    return app.vendor(desk).sidebar if desk in app.desks else None


def _shown(app: App, part: Sidebar[Any], desk: str, viewing: SidebarRequest, now: datetime) -> dict[str, Any]:
    """What the panel says, with its links; asks the desk before it holds the database."""
    with db.reading(app.engine) as conn:
        found = panel_of(
            told(conn, desk, viewing.ticket_id) if viewing.ticket_id else None, now, app.hours.zone
        )
    shown: dict[str, Any] = {"p": found, "draft": not viewing.ticket_id, "links": {}}
    email = _email(app, part, desk, viewing, now) if found["known"] else ""
    base = str(app.settings.public_url).rstrip("/")
    with app.engine.begin() as conn:
        if viewing.agent:  # doctor's own question names nobody
            _note(conn, desk, now)
        if found["known"]:
            shown["links"]["story"] = f"{base}/tickets/{desk}/{viewing.ticket_id}"
        for name, wanted, end in (("take", found["waits"], ""), ("correct", found["intent"], "/intent")):
            if wanted:
                token = links.new_link(
                    conn, desk, viewing.ticket_id, person=viewing.name, email=email, now=now, life=LIFE
                )
                shown["links"][name] = f"{base}/claim/{token}{end}"
    return shown


def _note(conn: Connection, desk: str, now: datetime) -> None:
    """Remember that the sidebar works, so that doctor can tell."""
    last = asked_at(conn, desk)
    if last is None or now - last > NOTED:
        db.keep(conn, f"sidebar:{desk}", now.isoformat())


def asked_at(conn: Connection, desk: str) -> datetime | None:
    """About when a sidebar last asked, None for never."""
    kept = db.kept(conn, f"sidebar:{desk}")
    return datetime.fromisoformat(kept) if kept else None


def _email(app: App, part: Sidebar[Any], desk: str, viewing: SidebarRequest, now: datetime) -> str:
    """The address by which the desk knows who looks; "" when it does not say: then the page behind the link asks."""
    if not viewing.agent:
        return ""
    kept: dict[str, Any] = current_app.extensions.setdefault("backstop-agents", {})
    at, people = kept.get(desk, (None, {}))
    if at is None or now - at > KEPT:
        try:
            people = part.people(app.desk_settings[desk], app.session(desk))
        except BackstopError as err:
            log.warning("the agents of %s could not be read: %s", desk, err)
            return str(people.get(viewing.agent, ""))
        kept[desk] = (now, people)
    return str(people.get(viewing.agent, ""))


# --- what it really was -----------------------------------------------------------------------


@panel.get("/claim/<token>/intent")
def ask_intent(token: str) -> tuple[Response, int]:
    """The page that asks what the customer really wants. Changes nothing."""
    app = here()
    with db.reading(app.engine) as conn:
        found = links.link(conn, token, app.clock())
        row = store.ticket(conn, found.desk, found.ticket_id) if found else None
    if found is None or row is None:
        return _page(404, words=GONE)
    choices = sorted(app.rules[found.desk].intents)
    said = row.final_intent or row.intent
    return _page(200, ticket=found.ticket_id, desk=found.desk, choices=choices, said=said)


@panel.post("/claim/<token>/intent")
def correct(token: str) -> tuple[Response, int]:
    """What an agent says is the truth: kept as the weekly figures and `train` want it."""
    app, now = here(), here().clock()
    intent = request.form.get("intent", "")
    with app.engine.begin() as conn:
        found = links.link(conn, token, now)
        if found is None:
            return _page(404, words=GONE)
        if intent not in app.rules[found.desk].intents:
            return _page(400, words="Choose one of the intents.")
        if not links.use_link(conn, token, now):
            return _page(404, words=GONE)
        by = found.email or found.person or "an agent"
        store.corrected(conn, (found.desk, found.ticket_id), intent, "sidebar", by, now)
    return _page(200, words=f"Noted: {intent.replace('_', ' ')}. Backstop learns from it.")


def _page(status: int, **shown: Any) -> tuple[Response, int]:
    known: dict[str, Any] = {"words": "", "ticket": "", "desk": "", "choices": [], "said": ""} | shown
    return shielded(render_template("panel_intent.html", **known), status)
