"""The fake's admin side: webhooks, triggers, ticket fields, views. Arrays in an update replace the old ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from connectors.zendesk.fake.hooks import TRIGGERED
from connectors.zendesk.fake.http import admin_only, body, invalid, not_found, paged
from connectors.zendesk.fake.state import Json, State, iso

TYPES = {"text", "textarea", "checkbox", "date", "integer", "decimal", "regexp", "multiselect", "tagger"}
VIEW_ANCHORS = {"status", "type", "group_id", "assignee_id", "requester_id"}


def default_triggers(state: State) -> None:
    """Those of a new account that have to do with us."""
    create = {"field": "update_type", "operator": "is", "value": "Create"}
    change = {"field": "update_type", "operator": "is", "value": "Change"}
    public = {"field": "comment_is_public", "operator": "is", "value": "true"}
    role = {"field": "role", "operator": "is", "value": "end_user"}
    mail = {"field": "notification_user", "value": ["requester_and_ccs", "subject", "body"]}
    for title, conditions in (
        ("Notify requester and CCs of received request", [create, public, role]),
        ("Notify requester and CCs of comment update", [change, public]),
    ):
        add_trigger(state, {"title": title, "conditions": {"all": conditions, "any": []}, "actions": [mail]})


def add_trigger(state: State, given: Json) -> Json:
    """Append a trigger."""
    trigger_id = state.desk.next_id()
    conditions = given.get("conditions") or {"all": given.get("all", []), "any": given.get("any", [])}
    trigger = {
        "id": trigger_id,
        "title": given["title"],
        "raw_title": given["title"],
        "active": given.get("active", True),
        "description": given.get("description"),
        "conditions": {"all": conditions.get("all", []), "any": conditions.get("any", [])},
        "actions": given.get("actions", []),
        "position": len(state.triggers) + 1,
        "category_id": str(given.get("category_id") or "1"),
        "default": False,
    }
    state.triggers[trigger_id] = trigger
    return trigger


def add_webhook(state: State, given: Json, secret: str = "") -> Json:
    """Make a webhook; names need not be unique."""
    hook_id = f"01H{secrets.token_hex(11).upper()}"
    hook = {
        **{name: given[name] for name in given if name != "authentication"},
        "id": hook_id,
        "created_at": iso(state.desk.now()),
        "created_by": str(state.desk.bot.id),
        "signing_secret": {"secret": secret or secrets.token_urlsafe(24) + "=", "algorithm": "SHA256"},
    }
    state.webhooks[hook_id] = hook
    state.hooks.url = given["endpoint"]
    return hook


def _shown(hook: Json) -> Json:
    return {name: value for name, value in hook.items() if name != "signing_secret"}


def admin(state: State) -> Blueprint:
    """All admin routes."""
    routes = Blueprint("zendesk_admin", __name__)
    routes.before_request(lambda: _allowed(state))
    _webhooks(routes, state)
    _collection(routes, state, "triggers", "trigger", state.triggers, _trigger)
    _collection(routes, state, "ticket_fields", "ticket_field", state.fields, _field)
    _collection(routes, state, "views", "view", state.views, _view)
    _options(routes, state)
    return routes


def _allowed(state: State) -> None:
    """Agents may look at fields, triggers and views."""
    if request.method != "GET" or "/webhooks" in request.path:
        admin_only(state)


def _webhooks(routes: Blueprint, state: State) -> None:
    hooks = state.webhooks

    def found(hook_id: str) -> Json:
        if hook_id not in hooks:
            not_found()
        return hooks[hook_id]

    @routes.get("/webhooks")
    def listed() -> Json:
        wanted = request.args.get("filter[name_contains]", "").lower()
        return paged("webhooks", [_shown(one) for one in hooks.values() if wanted in one["name"].lower()])

    @routes.post("/webhooks")
    def made() -> Any:
        given = body("webhook")
        missing = [
            name
            for name in ("name", "status", "endpoint", "http_method", "request_format")
            if not given.get(name)
        ]
        if missing:
            invalid(missing[0], f"{missing[0]} is missing")
        subscribed = given.get("subscriptions", [])
        if subscribed != [TRIGGERED] and (
            given["http_method"] != "POST" or given["request_format"] != "json"
        ):
            invalid("http_method", "event subscriptions must be POST and json")
        return {"webhook": _shown(add_webhook(state, given))}, 201

    @routes.get("/webhooks/<hook_id>")
    def one(hook_id: str) -> Json:
        return {"webhook": _shown(found(hook_id))}

    @routes.route("/webhooks/<hook_id>", methods=["PUT", "PATCH"])
    def changed(hook_id: str) -> Any:
        given = body("webhook")
        if given.get("subscriptions", found(hook_id)["subscriptions"]) != found(hook_id)[
            "subscriptions"
        ] and TRIGGERED in [*given["subscriptions"], *found(hook_id)["subscriptions"]]:
            invalid("subscriptions", "a webhook cannot change its kind")
        found(hook_id).update({name: value for name, value in given.items() if name != "id"})
        state.hooks.url = found(hook_id)["endpoint"]
        return Response(status=204)

    @routes.delete("/webhooks/<hook_id>")
    def gone(hook_id: str) -> Any:
        used = [
            t
            for t in state.triggers.values()
            for a in t["actions"]
            if a["field"] == "notification_webhook" and a["value"][0] == hook_id
        ]
        if used:
            invalid("base", "Webhook is in use by a trigger")
        found(hook_id)
        del hooks[hook_id]
        return Response(status=204)

    @routes.get("/webhooks/<hook_id>/invocations")
    def invocations(hook_id: str) -> Json:
        found(hook_id)
        made = [
            {"id": str(n), "status": "success" if 200 <= code < 300 else "terminated", "status_code": code}
            for n, code in enumerate(state.hooks.answers)
        ]
        return paged("invocations", made[::-1])

    @routes.get("/webhooks/<hook_id>/signing_secret")
    def secret(hook_id: str) -> Json:
        return {"signing_secret": found(hook_id)["signing_secret"]}


Check = Callable[[State, Json, Json | None], Json]


def _collection(
    routes: Blueprint, state: State, many: str, one: str, kept: dict[int, Json], check: Check
) -> None:
    """List, make, read, replace, delete."""

    def found(object_id: int) -> Json:
        if object_id not in kept:
            not_found()
        return kept[object_id]

    def listed() -> Json:
        return paged(many, list(kept.values()))

    def made() -> Any:
        fresh = check(state, body(one), None)
        kept[fresh["id"]] = fresh
        return {one: fresh}, 201

    def read(object_id: int) -> Json:
        return {one: found(object_id)}

    def replaced(object_id: int) -> Json:
        kept[object_id] = check(state, body(one), found(object_id))
        return {one: kept[object_id]}

    def gone(object_id: int) -> Any:
        found(object_id)
        del kept[object_id]
        return Response(status=204)

    for ending in ("", ".json"):
        routes.add_url_rule(f"/{many}{ending}", f"{many}_list{ending[1:]}", listed, methods=["GET"])
        routes.add_url_rule(f"/{many}{ending}", f"{many}_make{ending[1:]}", made, methods=["POST"])
        single = f"/{many}/<int:object_id>{ending}"
        routes.add_url_rule(single, f"{many}_read{ending[1:]}", read, methods=["GET"])
        routes.add_url_rule(single, f"{many}_replace{ending[1:]}", replaced, methods=["PUT"])
        routes.add_url_rule(single, f"{many}_delete{ending[1:]}", gone, methods=["DELETE"])


def _trigger(state: State, given: Json, old: Json | None) -> Json:
    if old is None:
        if not given.get("title") or not given.get("actions"):
            invalid("title", "Title and actions are needed")
        return add_trigger(state, given)
    conditions = given.get(
        "conditions", {"all": [], "any": []} if "all" in given or "any" in given else old["conditions"]
    )
    return {**old, **{k: v for k, v in given.items() if k != "id"}, "conditions": conditions}


def _field(state: State, given: Json, old: Json | None) -> Json:
    """Update a field: options left out are deleted; a tag belongs to one field."""
    if old is None and (given.get("type") not in TYPES or not given.get("title")):
        invalid("type", "Type: is not valid")
    tags = [one["value"] for one in given.get("custom_field_options", [])]
    others = {
        one["value"]
        for f in state.fields.values()
        if f is not old
        for one in f.get("custom_field_options", [])
    }
    if others & set(tags) or len(tags) != len(set(tags)):
        invalid("custom_field_options", "Tag has already been used by another field")
    base: Json = old or {
        "id": state.desk.next_id(),
        "active": True,
        "removable": True,
        "position": len(state.fields),
    }
    options = [
        {"id": state.desk.next_id(), "raw_name": one["name"], **one}
        for one in given.get("custom_field_options", [])
    ]
    merged = {**base, **{k: v for k, v in given.items() if k != "id"}}
    return {**merged, "custom_field_options": options} if "custom_field_options" in given else merged


def _options(routes: Blueprint, state: State) -> None:
    @routes.post("/ticket_fields/<int:field_id>/options.json")
    @routes.post("/ticket_fields/<int:field_id>/options")
    def add(field_id: int) -> Any:
        given = body("custom_field_option")
        if field_id not in state.fields:
            not_found()
        options = state.fields[field_id].setdefault("custom_field_options", [])
        old = next((one for one in options if one["value"] == given["value"]), None)
        if old is not None:
            old.update(given)
            return {"custom_field_option": old}
        options.append({"id": state.desk.next_id(), "raw_name": given["name"], **given})
        return {"custom_field_option": options[-1]}, 201


def _view(state: State, given: Json, old: Json | None) -> Json:
    """Return a view as reads show it: sent as all/any/output, shown as conditions and execution."""
    every = given.get("all", [] if old is None else old["conditions"]["all"])
    if not any(one["field"] in VIEW_ANCHORS for one in every):
        invalid("base", "A view needs a condition on status, type, group, assignee or requester")
    columns = given.get("output", {}).get("columns", [])
    if len(columns) > 10:
        invalid("base", "A view takes up to ten columns")
    base: Json = old or {"id": state.desk.next_id(), "active": True, "position": len(state.views)}
    rest = {k: v for k, v in given.items() if k not in {"id", "all", "any", "output"}}
    conditions = {"all": every, "any": given.get("any", [])}
    return {
        **base,
        **rest,
        "conditions": conditions,
        "execution": {**given.get("output", {}), "columns": columns},
    }
