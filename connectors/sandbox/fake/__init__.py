"""The sandbox over HTTP: it refuses a wrong key, unknown tickets and unknown keys of a body. Customers need no key."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from connectors.sandbox.account import Account, app_of
from connectors.sandbox.desk import Case, Entry, Person, SandboxDesk
from connectors.sandbox.events import HEADER
from connectors.sandbox.hooks import Delivery, Hooks

KEY, SECRET = "sandbox-key", "sandbox-webhook-secret"
NAMES = {"queue_id": "group", "assignee_id": "assignee", "status": "status", "priority": "priority"}


class Fake(Account[None]):
    """The account."""

    def settings(self, base_url: str) -> dict[str, Any]:
        """Return the `[desks.<name>]` table that fits this account."""
        return {"vendor": "sandbox", "base_url": base_url, "api_key": KEY, "webhook_secret": SECRET}

    def subscribe(self, url: str) -> None:
        """Make the webhook."""
        self.hooks.url = url


def make_fake(desk: SandboxDesk) -> Fake:
    """Return the account over `desk`."""
    hooks = Hooks()

    def on_event(event: str, case: Case, entry: Entry | None, _actor: int) -> None:
        body = {"event": event, "ticket_id": case.id, "message_id": entry.id if entry else None}
        headers = {HEADER: SECRET, "Content-Type": "application/json"}
        hooks.post(Delivery(json.dumps(body).encode(), headers, event))

    desk.listeners.append(on_event)
    app = app_of("", routes(desk), guard=guard, headers=lambda response: response, bare=bare)
    return Fake(app, hooks, desk, None)


def guard() -> None:
    """Refuse a wrong key, but for customers who write."""
    if request.endpoint != "sandbox.write" and request.headers.get("Authorization") != f"Bearer {KEY}":
        abort(401)


def bare(err: Any) -> Response:
    """Answer an error with its status alone."""
    return Response(b"", status=err.code)


def routes(desk: SandboxDesk) -> Blueprint:
    """Return the account's routes."""
    bp = Blueprint("sandbox", __name__)

    def case_of(ticket_id: int) -> Case:
        return desk.cases.get(ticket_id) or abort(404)

    @bp.get("/agents")
    def agents() -> Response:
        staff = [p for p in desk.people.values() if p.role != "customer"]
        return jsonify([{**person(p), "role": p.role} for p in staff])

    @bp.get("/groups")
    def groups() -> Response:
        return jsonify([{"id": q.id, "name": q.name} for q in desk.queues.values()])

    @bp.get("/tickets/<int:ticket_id>")
    def ticket(ticket_id: int) -> Response:
        return jsonify(shown(desk, case_of(ticket_id)))

    @bp.get("/tickets")
    def tickets() -> Response:
        since = request.args["since"]
        found = [shown(desk, c) for c in sorted(desk.cases.values(), key=lambda c: c.updated_at)]
        return jsonify([one for one in found if one["updated_at"] >= since])

    @bp.post("/tickets")
    def write() -> Response:
        body = request.get_json()
        if not {"email", "text"} <= set(body) <= {"email", "text", "name", "subject", "ticket_id"}:
            abort(400)
        words, number = body.pop("text"), body.pop("ticket_id", None)
        if number is not None:
            case_of(number)
        return jsonify(shown(desk, desk.customer_writes(words, case_id=number, **body)))

    @bp.post("/tickets/<int:ticket_id>/messages")
    def say(ticket_id: int) -> Response:
        case, body = case_of(ticket_id), request.get_json()
        said = desk.agent_says(case.id, body.get("by", desk.bot.id), body["text"], public=body["public"])
        return jsonify({"id": said.id})

    @bp.patch("/tickets/<int:ticket_id>")
    def change(ticket_id: int) -> Response:
        case, body = case_of(ticket_id), request.get_json()
        if set(body) - {"by", "add_tags", *NAMES.values()}:
            abort(400)
        tags = list(dict.fromkeys([*case.tags, *body.get("add_tags", [])]))
        changes = {ours: body[theirs] for ours, theirs in NAMES.items() if theirs in body}
        desk.agent_sets(case.id, body.get("by", desk.bot.id), tags=tags, **changes)
        return jsonify(shown(desk, case))

    return bp


def person(one: Person) -> dict[str, Any]:
    """Return a person as the desk shows them."""
    return {"id": one.id, "name": one.name, "email": one.email}


def shown(desk: SandboxDesk, case: Case) -> dict[str, Any]:
    """Return a ticket as the desk shows it."""
    status = "deleted" if case.deleted else "spam" if case.spam else case.status
    return {
        "id": case.id,
        "subject": case.subject,
        "requester": person(desk.people[case.requester_id]),
        "status": status,
        "priority": case.priority,
        "group": case.queue_id,
        "assignee": case.assignee_id,
        "tags": case.tags,
        "created_at": case.created_at.isoformat(),
        "updated_at": case.updated_at.isoformat(),
        "messages": [
            {
                "id": e.id,
                "author": person(desk.people[e.author_id]),
                "at": e.at.isoformat(),
                "text": e.body,
                "public": e.public,
            }
            for e in case.entries
        ],
    }
