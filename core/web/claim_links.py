"""The doors beside the console that need no login: one-time claim links, and the channels' providers calling back.

A link only shows a page with a button: mail scanners and chat previews open every link, and must take no ticket. The
token in the address is the proof, so another site cannot post for somebody without knowing it.
"""

from __future__ import annotations

import logging
import re
import threading
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template, request

from core.app import App
from core.errors import BackstopError, BadPayload, BadSignature
from core.ledger import links
from core.ledger.db import reading
from core.ledger.rows import ClaimLinkRow
from core.model import ChannelCallback, WebhookRequest
from core.notifications import delivery
from core.pipeline import claims
from core.ports import CallbackChannel

log = logging.getLogger(__name__)

doors = Blueprint("doors", __name__, template_folder="../templates")

ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")
PROMPT = 2.0  # seconds within which a provider wants its answer; a slow desk is waited for behind it
GONE = "This link was used already, or it is older than a week. Open the ticket in the desk."


def here() -> App:
    """The program that this request came to."""
    app: App = current_app.extensions["backstop"]
    return app


@doors.get("/claim/<token>")
def ask(token: str) -> tuple[Response, int]:
    """The page with the buttons. Takes nothing."""
    app = here()
    with reading(app.engine) as conn:
        found = links.link(conn, token, app.clock())
    return _page(404, words=GONE) if found is None else _question(200, found)


@doors.post("/claim/<token>")
def take(token: str) -> tuple[Response, int]:
    """A button: take the ticket, or say that one has seen it, once."""
    app, now = here(), here().clock()
    with app.engine.begin() as conn:
        found = links.link(conn, token, now)
        mine = found is not None and links.use_link(conn, token, now)
    if found is None or not mine:
        return _page(404, words=GONE)
    outcome = _taken(app, found, now)
    if outcome.done:
        return _page(200, words=outcome.words)
    with app.engine.begin() as conn:
        links.give_back(conn, token)
    return _question(409, found, outcome.words)


def _taken(app: App, found: ClaimLinkRow, now: datetime) -> claims.Outcome:
    """Whom the link was sent to and the desk does not know (a manager without a seat) has seen it; whoever writes another
    address may have mistyped it, and is asked again."""
    own = address_of(found.email)
    email = own if own and found.person else address_of(request.form.get("email", "")) or own
    if request.form.get("seen"):
        return claims.seen_by(app, found.desk, found.ticket_id, found.person or email or "somebody", now)
    if not email:
        return claims.Outcome(False, "Write the e-mail address with which the desk knows you.")
    outcome = claims.claim_by_person(app, found.desk, found.ticket_id, email, "link", now)
    if not outcome.refused or email != own:
        return outcome
    seen = claims.seen_by(app, found.desk, found.ticket_id, found.person or email, now)
    return claims.Outcome(True, f"{outcome.words} {seen.words}")


def address_of(text: str) -> str:
    """The bare address of `Name <address>` or of an address, "" where there is none."""
    address = parseaddr(text)[1]
    return address if ADDRESS.fullmatch(address) else ""


def _question(status: int, found: ClaimLinkRow, words: str = "") -> tuple[Response, int]:
    """The page with the buttons. An address is fixed where it is a person's own; a mailbox may be many people's."""
    shown = {"ticket": found.ticket_id, "desk": found.desk, "email": address_of(found.email)}
    return _page(status, words=words, fixed="yes" if found.person and shown["email"] else "", **shown)


@doors.post("/hooks/channels/<kind>/<name>")
def heard(kind: str, name: str) -> tuple[Response, int]:
    """A channel's provider: how a message fared, or that somebody clicked. Proved before it is read."""
    app, ref = here(), f"{kind}:{name}"
    channel: Any = app.channels.get(ref)
    if not isinstance(channel, CallbackChannel):
        return jsonify({"result": "there is no such channel that listens"}), 404
    asked = WebhookRequest({k.lower(): v for k, v in request.headers.items()}, request.get_data(cache=False))
    try:
        told = channel.heard(asked, _called(app), app.clock())
    except BadSignature as err:
        log.warning("%s: %s", ref, err)
        return jsonify({"result": str(err)}), 401
    except BadPayload as err:
        return jsonify({"result": str(err)}), 400
    except BackstopError as err:
        log.warning("%s: %s", ref, err)
        return jsonify({"result": "try again"}), 503
    for one in told:
        _act(app, channel, ref, one)
    return Response(status=200), 200


def _called(app: App) -> str:
    """The address as the provider called it: behind a proxy ours looks different."""
    public = str(app.settings.public_url or "").rstrip("/") or request.host_url.rstrip("/")
    query = request.query_string.decode("ascii", "replace")
    return public + request.path + (f"?{query}" if query else "")


def _act(app: App, channel: Any, ref: str, one: ChannelCallback) -> None:
    now = app.clock()
    if one.kind == "status":
        delivery.heard_of(app, ref, one.key, one.provider_id, one.state, one.detail, now)
        return
    work = threading.Thread(target=_claimed, args=(app, channel, one, now), name="claim", daemon=True)
    work.start()
    work.join(PROMPT)


def _claimed(app: App, channel: CallbackChannel, one: ChannelCallback, now: datetime) -> None:
    """Give the ticket to who clicked, and say there what came of it."""
    try:
        via = str(getattr(channel, "kind", "click"))
        outcome = claims.claim_by_person(app, one.desk, one.ticket_id, one.email, via, now, name=one.name)
        words = outcome.words if outcome.done else f"{one.name}: {outcome.words}"
    except Exception:
        log.exception("unhandled exception while handling a click on %s:%s", one.desk, one.ticket_id)
        words = f"{one.name}: nothing was taken, by a fault of ours. Please take ticket {one.ticket_id} in the desk."
    try:
        channel.answer(one, words)
    except BackstopError as err:
        log.warning("the reply to a click could not be sent: %s", err)


def _page(status: int, **shown: str) -> tuple[Response, int]:
    known = {"words": "", "ticket": "", "desk": "", "email": "", "fixed": ""} | shown
    return shielded(render_template("notice_claim.html", **known), status)


def shielded(
    html: str, status: int = 200, *, frames: str = "'none'", forms: str = "'self'"
) -> tuple[Response, int]:
    """A page whose address opens something: framed by nobody else, kept and indexed nowhere, its address told to none."""
    response = Response(html)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; form-action {forms}; frame-ancestors {frames}; base-uri 'none'"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response, status
