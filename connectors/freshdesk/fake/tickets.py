"""The fake's ticket routes over the sandbox: what is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request

from connectors.freshdesk.fake import state as show
from connectors.freshdesk.fake.http import Json, fail, invalid, paged
from connectors.freshdesk.fake.state import State
from connectors.sandbox.desk import Case

INCLUDES = {"conversations", "requester", "company", "stats"}
LIST_INCLUDES = {"stats", "requester", "description", "company"}
FILTERS = {"", "new_and_my_open", "watching", "spam", "deleted", "all_tickets"}


def case_of(state: State, ticket_id: int) -> Case:
    """Return a ticket by id; 404 for unknown and archived ones."""
    case = state.desk.cases.get(ticket_id)
    if case is None or ticket_id in state.archived:
        fail(404)
        raise AssertionError
    return case


def tickets(state: State) -> Blueprint:
    """Return the routes that read."""
    bp = Blueprint("tickets", __name__)
    desk = state.desk

    @bp.get("/tickets/<int:ticket_id>")
    def view(ticket_id: int) -> Response:
        case, wanted = case_of(state, ticket_id), _includes(INCLUDES)
        with desk.lock:
            shown = show.ticket_json(state, case, view=True)
            if "conversations" in wanted:
                shown["conversations"] = [show.conversation_json(state, case, e) for e in case.entries[1:11]]
            if "requester" in wanted:
                shown["requester"] = show.requester_json(desk.people[case.requester_id])
            if "stats" in wanted:
                shown["stats"] = show.stats_json(state, case)
        return jsonify(shown)

    @bp.get("/tickets/<int:ticket_id>/conversations")
    def conversations(ticket_id: int) -> Response:
        case = case_of(state, ticket_id)
        return paged([show.conversation_json(state, case, e) for e in case.entries[1:]])

    @bp.get("/tickets/archived/<int:ticket_id>")
    def archived(ticket_id: int) -> Response:
        if ticket_id not in state.archived:
            fail(404)
        return jsonify({**show.ticket_json(state, desk.cases[ticket_id], view=True), "archived": True})

    @bp.get("/tickets")
    def listed() -> Response:
        name, wanted = request.args.get("filter", ""), _includes(LIST_INCLUDES)
        if name not in FILTERS:
            invalid(("filter", "It should be one of these values", "invalid_value"))
        found = sorted(
            _shown(state, name), key=_order(), reverse=request.args.get("order_type", "desc") != "asc"
        )
        return paged([_line(state, case, wanted) for case in found])

    return bp


def _includes(known: set[str]) -> set[str]:
    wanted = {one for one in request.args.get("include", "").split(",") if one}
    if wanted - known:
        invalid(("include", f"It should be one of these values: {','.join(sorted(known))}", "invalid_value"))
    return wanted


def _shown(state: State, name: str) -> list[Case]:
    """Return what a list holds: the spam and the trash only when asked for; without `updated_since`, thirty days."""
    cases = [c for c in state.desk.cases.values() if c.id not in state.archived]
    if name == "spam":
        cases = [c for c in cases if c.spam and not c.deleted]
    elif name == "deleted":
        cases = [c for c in cases if c.deleted]
    else:
        cases = [c for c in cases if not c.spam and not c.deleted]
    since = request.args.get("updated_since")
    if since is None:
        return [c for c in cases if c.created_at > state.desk.now() - timedelta(days=30)]
    try:
        at = datetime.fromisoformat(since)
    except ValueError:
        invalid(
            ("updated_since", "It should be in the 'combined date and time ISO8601' format", "invalid_date")
        )
        raise
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return [c for c in cases if c.updated_at >= at]


def _order() -> Callable[[Case], Any]:
    by = request.args.get("order_by", "created_at")
    if by not in {"created_at", "updated_at", "status", "due_by"}:
        invalid(("order_by", "It should be one of these values", "invalid_value"))
    return lambda case: (getattr(case, by, case.created_at), case.id)


def _line(state: State, case: Case, wanted: set[str]) -> Json:
    line = show.ticket_json(state, case)
    if "stats" in wanted:
        line["stats"] = show.stats_json(state, case)
    if "requester" in wanted:
        line["requester"] = show.requester_json(state.desk.people[case.requester_id])
    if "description" in wanted:
        viewed = show.ticket_json(state, case, view=True)
        line |= {name: viewed[name] for name in ("description", "description_text")}
    return line
