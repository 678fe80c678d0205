"""The demo's page: inbox, one ticket and what Backstop did to it, the people it reached, and the buttons."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf

from core.web import access
from demo import view
from demo.world import DESK, World

JUMPS = {"half": 30, "two": 120}
LONGEST = 20_000


def make_page(world: World) -> Blueprint:
    """Return the pages under /demo, behind the console's own door."""
    page = Blueprint(
        "demo", __name__, url_prefix="/demo", template_folder="templates", static_folder="static"
    )
    page.before_request(access.guard)
    page.after_request(access.with_headers)
    page.add_url_rule("", "index", lambda: index(world))
    page.add_url_rule("/state.json", "state", lambda: state(world))
    page.add_url_rule("/backstop.toml", "config", lambda: config(world))
    page.add_url_rule("/write", "write", lambda: write(world), methods=["POST"])
    page.add_url_rule("/later", "later", lambda: later(world), methods=["POST"])
    page.add_url_rule(
        "/agent/<int:ticket_id>", "agent", lambda ticket_id: agent(world, ticket_id), methods=["POST"]
    )
    page.add_app_template_filter(clock_time, "clocktime")
    return page


def clock_time(at: Any) -> str:
    """Hours and minutes where this machine stands."""
    return f"{at.astimezone():%H:%M}" if at else ""


def index(world: World) -> str:
    """Return the whole page."""
    return render_template("demo/page.html", **facts(world))


def state(world: World) -> dict[str, Any]:
    """Return the parts of the page that change, each with a mark that tells whether it did."""
    known = facts(world)
    parts = {
        name: render_template(f"demo/{name}.html", **known) for name in ("inbox", "ticket", "people", "clock")
    }
    return {name: {"html": html, "mark": mark(html)} for name, html in parts.items()}


def mark(html: str) -> str:
    """Changes when the part does; the token in its forms is another one each second."""
    return hashlib.sha256(html.replace(generate_csrf(), "").encode()).hexdigest()[:12]


def facts(world: World) -> dict[str, Any]:
    """Return what the templates need. Without a choice, the newest ticket that has something to tell is shown."""
    listed = view.inbox(world)
    wanted = request.args.get("ticket", type=int)
    shown = view.chosen(world, wanted) if wanted else None
    return {
        "vendor": world.vendor.title().replace("scout", " Scout"),
        "desk": DESK,
        "now": world.clock(),
        "listed": listed,
        "shown": shown,
        "reached": view.reached(world),
        "counts": view.counts(listed),
    }


def config(world: World) -> Response:
    """Return the configuration as its admin wrote it; the secrets are in another file."""
    return Response((world.home / "backstop.toml").read_text(encoding="utf-8"), mimetype="text/plain")


def write(world: World) -> Any:
    """A message of the visitor's own arrives at the desk."""
    words = request.form.get("text", "").strip()
    if not words:
        abort(400, "There is nothing in the message: write a line or two.")
    name = request.form.get("name", "").strip()[:80] or "You"
    reply_to = request.form.get("reply_to", type=int)
    case = world.desk.cases.get(reply_to) if reply_to else None
    email = world.desk.people[case.requester_id].email if case else address_of(name)
    made = world.desk.customer_writes(
        words[:LONGEST],
        subject=request.form.get("subject", "").strip()[:200],
        name=name,
        email=email,
        case_id=case.id if case else None,
    )
    return back(made.id)


def address_of(name: str) -> str:
    """Return an address for that name: two visitors are two customers."""
    plain = "".join(sign for sign in name.lower() if sign.isascii() and (sign.isalnum() or sign == " "))
    return f"{'.'.join(plain.split()) or 'you'}@visitor.example"


def agent(world: World, ticket_id: int) -> Any:
    """A human of the team does something in the desk."""
    if ticket_id not in world.desk.cases:
        abort(404, "There is no such ticket.")
    deeds = {"claim": world.claims, "answer": world.answers}
    deed = deeds.get(request.form.get("do", ""))
    if deed is None:
        abort(400, "An agent can claim or answer.")
    deed(ticket_id)
    return back(ticket_id)


def later(world: World) -> Any:
    """Time passes."""
    minutes = JUMPS.get(request.form.get("jump", ""))
    if minutes is None:
        abort(400, "Half an hour or two hours.")
    world.later(minutes)
    return back(request.form.get("ticket", type=int))


def back(ticket_id: int | None) -> Any:
    """To the page, at that ticket."""
    return redirect(url_for("demo.index", ticket=ticket_id), 303)
