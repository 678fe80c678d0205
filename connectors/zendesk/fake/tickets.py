"""The fake's reads: tickets, comments, audits, people, groups, the incremental export."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, g, request

from connectors.sandbox.desk import Case
from connectors.zendesk.fake.http import admin_only, fail, forbidden, not_found, paged, spend
from connectors.zendesk.fake.state import (
    Json,
    State,
    comment_of,
    cursor_of,
    metrics_of,
    people_in,
    ticket_of,
    user_of,
)

INCLUDES = {
    "users",
    "groups",
    "organizations",
    "metric_sets",
    "slas",
    "dates",
    "comment_count",
    "last_audits",
}


def includes() -> set[str]:
    """Return the side-loads that were asked for."""
    return {one for one in request.args.get("include", "").split(",") if one} & INCLUDES


def visible(state: State, ticket_id: int) -> Case:
    """Return a ticket that is not deleted, or 404."""
    case = state.desk.cases.get(ticket_id)
    if case is None or case.deleted or case.spam:
        not_found()
    return case


def side_loaded(state: State, cases: list[Case], wanted: set[str]) -> Json:
    """Return what comes beside tickets."""
    beside: Json = {}
    if "users" in wanted:
        beside["users"] = [user_of(one, state) for one in people_in(cases, state.desk)]
    if "groups" in wanted:
        ids = {case.queue_id for case in cases if case.queue_id is not None}
        beside["groups"] = [{"id": one, "name": state.desk.queues[one].name} for one in sorted(ids)]
    if "metric_sets" in wanted:
        beside["metric_sets"] = [metrics_of(case, state.desk) for case in cases]
    if "last_audits" in wanted and state.side_loads:
        audits = [case.extra.get("zendesk_audits", []) for case in cases]
        beside["last_audits"] = [one[-1] for one in audits if one]
    return beside


def tickets(state: State) -> Blueprint:
    """Return the routes that read."""
    routes = Blueprint("zendesk_reads", __name__)
    desk = state.desk
    base = "https://account.zendesk.com"

    def shown(case: Case, wanted: set[str]) -> Json:
        public = sum(entry.public for entry in case.entries)  # whether notes count is not documented
        count = {"comment_count": public} if "comment_count" in wanted else {}
        return {**ticket_of(case, base), **count}

    @routes.get("/tickets/<int:ticket_id>.json")
    @routes.get("/tickets/<int:ticket_id>")
    def one(ticket_id: int) -> Json:
        with desk.lock:
            case = visible(state, ticket_id)
            return {"ticket": shown(case, includes()), **side_loaded(state, [case], includes())}

    @routes.get("/tickets/show_many.json")
    def many() -> Json:
        ids = [one for one in request.args.get("ids", "").split(",") if one]
        if len(ids) > 100:
            description = "Parameter  cannot specify more than 100 values"
            fail(400, {"error": "TooManyValues", "description": description, "max_count": 100})
        with desk.lock:
            found = [desk.cases[int(one)] for one in ids if int(one) in desk.cases]
            found = [case for case in found if not case.deleted and not case.spam]
            listed = [shown(case, includes()) for case in found]
            return {"tickets": listed, "count": len(listed), **side_loaded(state, found, includes())}

    @routes.get("/tickets/<int:ticket_id>/comments.json")
    def comments(ticket_id: int) -> Json:
        with desk.lock:
            case = visible(state, ticket_id)
            newest_first = request.args.get("sort") == "-created_at"
            found = [comment_of(entry) for entry in (case.entries[::-1] if newest_first else case.entries)]
            authors = (
                {e.author_id for e in case.entries if not e.meta.get("system")}
                if "users" in includes()
                else set()
            )
            users = [user_of(desk.people[one], state) for one in sorted(authors)]
            return paged("comments", found, **({"users": users} if authors else {}))

    @routes.get("/tickets/<int:ticket_id>/audits.json")
    def audits(ticket_id: int) -> Json:
        with desk.lock:
            return paged("audits", list(visible(state, ticket_id).extra.get("zendesk_audits", [])))

    @routes.get("/incremental/tickets/cursor.json")
    def export() -> Json:
        spend(state, "incremental-exports", state.exports_per_minute)
        admin_only(state)
        with desk.lock:
            return _export(state, shown)

    @routes.get("/users/me.json")
    def me() -> Json:
        if g.anonymous:
            return {
                "user": {
                    "id": None,
                    "name": "Anonymous user",
                    "email": "invalid@example.com",
                    "role": "end-user",
                }
            }
        return {"user": {**user_of(desk.bot, state), "authenticity_token": "do-not-log", **state.bot_fields}}

    @routes.get("/users/show_many.json")
    def users() -> Json:
        ids = [int(one) for one in request.args.get("ids", "").split(",") if one]
        return {"users": [user_of(desk.people[one], state) for one in ids if one in desk.people]}

    @routes.get("/users/<int:user_id>/group_memberships.json")
    def memberships(user_id: int) -> Json:
        ids = desk.people[user_id].queue_ids if user_id in desk.people else []
        return paged(
            "group_memberships", [{"id": n, "user_id": user_id, "group_id": one} for n, one in enumerate(ids)]
        )

    @routes.get("/groups.json")
    def groups() -> Json:
        return paged("groups", [{"id": q.id, "name": q.name, "deleted": False} for q in desk.queues.values()])

    @routes.get("/brands.json")
    def brands() -> Json:
        return paged("brands", [_brand(one, name) for one, name in state.brands.items()])

    @routes.get("/recipient_addresses.json")
    def recipient_addresses() -> Json:
        return paged(
            "recipient_addresses",
            [{"id": at, "email": one} for at, one in enumerate(state.support_addresses, 1)],
        )

    @routes.get("/ticket_forms.json")
    def forms() -> Json:
        found = [{"id": one, "name": name, "display_name": name} for one, name in state.forms.items()]
        return {"ticket_forms": found, "next_page": None, "count": len(found)}

    @routes.get("/suspended_tickets.json")
    def suspended() -> Json:
        if state.bot_role != "admin":
            forbidden()
        return paged("suspended_tickets", list(state.suspended))

    @routes.put("/suspended_tickets/<int:one>/recover.json")
    def recover(one: int) -> Json:
        found = _released(state, {one}, desk.bot.email)  # the trap: whoever calls becomes the requester
        return {"ticket": found}

    @routes.put("/suspended_tickets/recover_many.json")
    def recover_many() -> Json:
        ids = {int(one) for one in request.args.get("ids", "").split(",") if one.isdigit()}
        return {"tickets": _released(state, ids, "")}

    return routes


def _released(state: State, ids: set[int], email: str) -> list[Json]:
    """Make tickets of suspended mail."""
    if state.bot_role != "admin":
        forbidden()
    if missing := ids - {one["id"] for one in state.suspended}:
        fail(404, {"error": "RecordNotFound", "description": f"Not found: {sorted(missing)}"})
    found = [one for one in state.suspended if one["id"] in ids]
    state.suspended[:] = [one for one in state.suspended if one["id"] not in ids]
    made = []
    for one in found:
        author = email or one["author"]["email"]
        case = state.desk.customer_writes(one["content"], subject=one["subject"], email=author)
        made.append(ticket_of(case, "https://account.zendesk.com"))
    return made


def _brand(one: int, name: str) -> Json:
    sub = name.lower().replace(" ", "-")
    host = f"{sub}.zendesk.com"
    return {
        "id": one,
        "name": name,
        "subdomain": sub,
        "brand_url": f"https://{host}",
        "host_mapping": None,
        "active": True,
    }


def _export(state: State, shown: Any) -> Json:
    """Return the export by time of the last change, without the newest minute; deleted tickets are marked."""
    now = state.desk.now().timestamp()
    given = request.args.get("cursor", "")
    if given:
        if given not in state.cursors:
            fail(422, {"error": "InvalidValue", "description": "Invalid cursor"})
        stamp, _, last = base64.urlsafe_b64decode(given).decode().partition(",")
        after = (int(stamp), int(last))
    else:
        start = int(request.args.get("start_time", "0"))
        if start > now - 60:
            said = "Too recent start_time. Use a start_time older than 1 minute"
            fail(422, {"error": "InvalidValue", "description": said})
        after = (start, -1)
    scope = request.args.get("support_type_scope", "agent")
    if scope not in {"agent", "ai_agent", "all"}:
        fail(422, {"error": "InvalidValue", "description": "Invalid support_type_scope"})
    changed = sorted(
        (int(case.updated_at.timestamp()), case.id)
        for case in state.desk.cases.values()
        if scope in {"all", case.extra.get("support_type", "agent")}
    )
    due = [one for one in changed if one > after and one[0] <= now - state.withheld]
    size = int(request.args.get("per_page", 1000))
    page = due[:size]
    cases = [state.desk.cases[case_id] for _, case_id in page]
    last_seen = page[-1] if page else after
    return {
        "tickets": [shown(case, includes()) for case in cases],
        "after_cursor": cursor_of(state, f"{last_seen[0]},{last_seen[1]}"),
        "after_url": "https://account.zendesk.com:443/api/v2/incremental/tickets/cursor.json",
        "before_cursor": None,
        "before_url": None,
        "end_of_stream": len(due) <= size,
        **side_loaded(state, cases, includes() - {"last_audits"}),
    }
