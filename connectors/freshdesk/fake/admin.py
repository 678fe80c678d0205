"""The fake's routes for people, groups, fields, rules and mailboxes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from connectors.freshdesk.fake import state as show
from connectors.freshdesk.fake.http import Json, admin_only, body, fail, invalid, paged
from connectors.freshdesk.fake.state import State
from connectors.kit.values import iso
from connectors.sandbox.desk import Person

FIELD: dict[str, type | tuple[type, ...]] = {
    "label": str,
    "label_for_customers": str,
    "type": str,
    "position": int,
    "customers_can_edit": bool,
    "displayed_to_customers": bool,
    "required_for_closure": bool,
    "required_for_agents": bool,
    "required_for_customers": bool,
    "choices": list,
}
RULE: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "description": str,
    "position": int,
    "active": bool,
    "performer": dict,
    "events": list,
    "conditions": list,
    "operator": str,
    "actions": list,
}
TYPES = {
    "custom_text",
    "custom_paragraph",
    "custom_dropdown",
    "custom_checkbox",
    "custom_number",
    "custom_decimal",
    "custom_date",
    "nested_field",
}
KEYS_OF_WEBHOOK = {"url", "request_type", "content_type", "content_layout", "content"}
MORE_OF_WEBHOOK = {"field_name", "custom_headers", "auth_header", "resource_type"}
OPERATORS = {"condition_set_1 and condition_set_2", "condition_set_1 or condition_set_2"}  # between two sets


def admin(state: State) -> Blueprint:
    """Return the routes."""
    bp = Blueprint("admin", __name__)
    desk = state.desk

    @bp.get("/agents/me")
    def me() -> Response:
        return jsonify({**_agent(desk.bot), "ticket_scope": state.scope, "group_ids": [], "role_ids": [1]})

    @bp.get("/agents")
    def agents() -> Response:
        admin_only()
        wanted = request.args.get("email", "").lower()
        people = [p for p in desk.people.values() if show.staff(p) and wanted in {"", p.email.lower()}]
        return paged([_agent(person) for person in people])

    @bp.get("/groups")
    def groups() -> Response:
        admin_only()
        return paged([{"id": q.id, "name": q.name, **_assignment(state, q.id)} for q in desk.queues.values()])

    @bp.get("/ticket_fields")
    def ticket_fields() -> Response:
        if {"page", "per_page"} & set(request.args):
            invalid(("page", "Unexpected/invalid field in request", "invalid_field"))
        kind = request.args.get("type")
        every = [*_default_fields(state), *state.fields]
        return jsonify([one for one in every if kind in {None, one["type"]}])

    @bp.route("/admin/ticket_fields", methods=["GET", "POST"])
    def fields() -> Any:
        admin_only()
        if request.method == "GET":
            return jsonify([*_default_fields(state), *state.fields])
        made = _make_field(state, body(FIELD))
        return jsonify(made), 201

    @bp.route("/admin/ticket_fields/<int:field_id>", methods=["GET", "PUT", "DELETE"])
    def field(field_id: int) -> Any:
        admin_only()
        found = next((one for one in state.fields if one["id"] == field_id), None)
        if found is None:
            return fail(404)
        if request.method == "DELETE":
            state.fields.remove(found)
            return b"", 204
        if request.method == "PUT":
            found.update(body(FIELD))
        return jsonify(found)

    @bp.route("/automations/<int:kind>/rules", methods=["GET", "POST"])
    def rules(kind: int) -> Any:
        admin_only()
        if kind not in state.rules:
            return fail(404)
        if request.method == "GET":
            meta = {"count": len(state.rules[kind]), "cascading_rules": state.cascading or kind == 4}
            ordered = sorted(state.rules[kind], key=lambda rule: int(rule["position"]))
            return jsonify({"rules": [_read(rule) for rule in ordered], "meta": meta})
        given = body(RULE)
        _validate_rule(kind, given)
        return jsonify(_read(add_rule(state, kind, given))), 201

    @bp.route("/automations/<int:kind>/rules/<int:rule_id>", methods=["GET", "PUT", "DELETE"])
    def rule(kind: int, rule_id: int) -> Any:
        admin_only()
        found = next((one for one in state.rules.get(kind, []) if one["id"] == rule_id), None)
        if found is None:
            return fail(404)
        if request.method == "DELETE":
            state.rules[kind].remove(found)
            return b"", 204
        if request.method == "PUT":
            given = body(RULE)
            _validate_rule(kind, {**found, **given})
            found.update(given)
        return jsonify(_read(found))

    @bp.get("/email_configs")
    def email_configs() -> Response:
        admin_only()
        found = {1: state.support_email, **state.mailboxes}
        return paged(
            [
                {
                    "id": one,
                    "name": f"Mailbox {one}",
                    "reply_email": mail,
                    "to_email": f"desk{one}@mail.freshdesk.example",
                    "active": True,
                }
                for one, mail in found.items()
            ]
        )

    @bp.get("/products")
    def products() -> Response:
        return paged(
            [{"id": one, "name": name, "primary_email": None} for one, name in state.products.items()]
        )

    return bp


def _agent(person: Person) -> Json:
    """Return an agent as the list shows one."""
    signed_in = iso(person.signed_in) if person.signed_in else None
    contact = {"name": person.name, "email": person.email, "active": True, "last_login_at": signed_in}
    return {
        "id": person.id,
        "occasional": False,
        "type": "support_agent",
        "available": bool(person.queue_ids) and not person.away,  # of groups with automatic assignment
        "available_since": "2026-01-05T08:00:00Z" if person.away else None,
        "contact": contact,
    }


def _assignment(state: State, group_id: int) -> Json:
    return {"auto_ticket_assign": 1 if group_id in state.auto_assign else 0, "escalate_to": None}


def _default_fields(state: State) -> list[Json]:
    groups = {queue.name: queue.id for queue in state.desk.queues.values()}
    status = {
        "2": ["Open", "Being Processed"],
        "3": ["Pending", "Awaiting your Reply"],
        "4": ["Resolved", "This ticket has been Resolved"],
        "5": ["Closed", "This ticket has been Closed"],
    }
    return [
        {
            "id": 1,
            "name": "status",
            "label": "Status",
            "type": "default_status",
            "default": True,
            "choices": status,
        },
        {
            "id": 2,
            "name": "group",
            "label": "Group",
            "type": "default_group",
            "default": True,
            "choices": groups,
        },
    ]


def _make_field(state: State, given: Json) -> Json:
    """Make a field: the server chooses the name; a label used before gets a number."""
    if given.get("type") not in TYPES or not given.get("label") or not given.get("label_for_customers"):
        invalid(("type", "It should be one of these values", "invalid_value"))
    if any(one["label"] == given["label"] for one in state.fields):
        invalid(("label", "It should be a unique value", "duplicate_value"))
    name = "cf_" + "".join(c if c.isalnum() else "_" for c in given["label"].lower())
    made = {**given, "id": state.desk.next_id(), "default": False}
    made["name"] = f"{name}{made['id']}"
    state.fields.append(made)
    return made


def _validate_rule(kind: int, given: Json) -> None:
    missing = [name for name in ("name", "actions") if not given.get(name)]
    if kind == 1 and not given.get("conditions"):
        missing.append("conditions")
    if kind == 4:
        missing += [name for name in ("performer", "events") if not given.get(name)]
    if missing:
        invalid(
            *(
                (name, "It should not be blank as this is a mandatory field", "missing_field")
                for name in missing
            )
        )
    sets = given.get("conditions") or []
    if "operator" in given and (len(sets) < 2 or given["operator"] not in OPERATORS):
        invalid(("operator", "It should only be set between two condition sets", "invalid_value"))
    for condition in sets:
        for one in condition.get("properties", []):
            if "resource_type" not in one:
                invalid(("conditions[resource_type]", "It should not be blank", "missing_field"))
    for action in given["actions"]:
        if action.get("field_name") == "trigger_webhook":
            _validate_webhook(action)


def _validate_webhook(action: Json) -> None:
    if not set(action) >= KEYS_OF_WEBHOOK:
        fail(500, {"code": "internal_error", "message": "We're sorry, but something went wrong."})
    if unknown := set(action) - KEYS_OF_WEBHOOK - MORE_OF_WEBHOOK:
        invalid(
            *(
                (f"actions[{name}]", "Unexpected/invalid field in request", "invalid_field")
                for name in unknown
            )
        )


def add_rule(state: State, kind: int, given: Json) -> Json:
    """Add a rule at its position; those from there on move down."""
    position = int(given.get("position") or len(state.rules[kind]) + 1)
    for other in state.rules[kind]:
        if int(other["position"]) >= position:
            other["position"] = int(other["position"]) + 1
    made = {
        "active": True,
        **given,
        "position": position,
        "id": state.desk.next_id(),
        "affected_tickets_count": 0,
    }
    state.rules[kind].append(made)
    return made


def _read(rule: Json) -> Json:
    """Return a rule as reads show it: `resource_type` is left out, read-only keys are added."""
    conditions = [
        {
            **c,
            "properties": [
                {k: v for k, v in p.items() if k != "resource_type"} for p in c.get("properties", [])
            ],
        }
        for c in rule.get("conditions") or []
    ]
    return {**rule, "conditions": conditions, "outdated": False, "last_updated_by": None, "summary": {}}
