"""The fake's users, teams, inboxes, workflows and webhooks."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from connectors.helpscout.fake import state as show
from connectors.helpscout.fake.http import body, fail, invalid, paged
from connectors.helpscout.fake.state import Json, State
from connectors.kit.values import iso
from connectors.sandbox.desk import Person

EVENTS = {
    "convo.created",
    "convo.customer.reply.created",
    "convo.agent.reply.created",
    "convo.note.created",
    "convo.assigned",
    "convo.status",
    "convo.tags",
    "convo.custom-fields",
    "convo.moved",
    "convo.merged",
    "convo.deleted",
    "convo.ai-answers.created",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "satisfaction.ratings",
    "beacon.chat.created",
    "beacon.chat.customer.replied",
    "tag.created",
    "tag.updated",
    "tag.deleted",
}
HOOK: dict[str, type | tuple[type, ...]] = {
    "url": str,
    "events": list,
    "secret": str,
    "payloadVersion": str,
    "notification": bool,
    "label": str,
    "mailboxIds": list,
}
NO_CONTENT = (b"", 204)


def _status(state: State, person: Person) -> Json:
    """Return a user's status, for mail and for chats."""
    mail = {"status": "away" if person.away else "active", "updatedAt": iso(state.desk.now()), "source": "ui"}
    return {"userId": person.id, "email": mail, "chat": {"status": "unavailable", "mailboxStatuses": {}}}


def admin(state: State) -> Blueprint:
    """Return the routes for everything but conversations and webhooks."""
    bp = Blueprint("admin", __name__)
    desk = state.desk

    @bp.get("/users/me")
    def me() -> Response:
        return jsonify({**_user(desk.bot), "role": state.role})

    @bp.get("/users")
    def users() -> Response:
        if not state.may_list_users:
            fail(403)
        return paged(state, "users", [_user(p) for p in desk.people.values() if show.staff(p)])

    @bp.get("/users/status")
    def statuses() -> Response:
        shown = [p for p in desk.people.values() if show.staff(p)]
        return paged(state, "userStatuses", [_status(state, p) for p in shown])

    @bp.get("/teams")
    def teams() -> Response:
        return paged(state, "teams", [{"id": one, "name": name} for one, name in state.teams().items()])

    @bp.get("/teams/<int:team_id>/members")
    def members(team_id: int) -> Response:
        if team_id not in state.teams():
            fail(404)
        inside = [p for p in desk.people.values() if show.staff(p) and team_id in p.queue_ids]
        return paged(state, "users", [_user(p) for p in inside])

    @bp.get("/mailboxes")
    def mailboxes() -> Response:
        listed = [
            {"id": one, "name": name, "slug": str(one), "email": f"inbox{one}@desk.example"}
            for one, name in state.mailboxes().items()
        ]
        return paged(state, "mailboxes", listed)

    @bp.get("/mailboxes/<int:mailbox_id>/fields")
    def fields(mailbox_id: int) -> Response:
        if mailbox_id not in state.mailboxes():
            fail(404)
        return paged(state, "fields", state.fields)

    @bp.get("/mailboxes/<int:mailbox_id>/folders")
    def folders(mailbox_id: int) -> Response:
        if mailbox_id not in state.mailboxes():
            fail(404)
        return paged(state, "folders", [{"id": 11, "name": "Unassigned", "type": "open"}])

    @bp.get("/workflows")
    def workflows() -> Response:
        return paged(state, "workflows", state.workflows)

    @bp.post("/workflows/<int:workflow_id>/run")
    def run(workflow_id: int) -> tuple[bytes, int]:
        ids = body({"conversationIds": list}, "conversationIds")["conversationIds"]
        found = next((w for w in state.workflows if w["id"] == workflow_id), None)
        if found is None:
            fail(404)
        if (
            (found and found["type"] != "manual")
            or len(ids) > 50
            or any(one not in desk.cases for one in ids)
        ):
            invalid(("conversationIds", "a manual workflow, and at most 50 conversations of its inbox"))
        for one in ids:
            state.ran.append((workflow_id, one))
            desk.touch(desk.cases[one], desk.bot.id, "workflow", workflow_id)
        return NO_CONTENT

    return bp


def _user(person: Person) -> Json:
    first, _, last = person.name.partition(" ")
    role = "user" if person.role == "agent" else person.role
    return {
        "id": person.id,
        "firstName": first,
        "lastName": last,
        "email": person.email,
        "role": role,
        "type": "user",
    }


def webhooks(state: State) -> Blueprint:
    """Return the routes for webhooks: a PUT needs the whole object, with the secret, and enables a disabled one."""
    bp = Blueprint("webhooks", __name__)

    @bp.before_request
    def allowed() -> None:
        if not state.may_hook:
            fail(403)

    @bp.get("/webhooks")
    def listed() -> Response:
        return paged(state, "webhooks", [_shown(one) for one in state.webhooks])

    @bp.get("/webhooks/<int:hook_id>")
    def one(hook_id: int) -> Response:
        return jsonify(_shown(_hook(state, hook_id)))

    @bp.post("/webhooks")
    def create() -> Response:
        made = add_webhook(state, _checked(body(HOOK, "url", "events", "secret")))
        response = Response(b"", status=201)
        response.headers["Resource-ID"] = str(made["id"])
        return response

    @bp.put("/webhooks/<int:hook_id>")
    def update(hook_id: int) -> tuple[bytes, int]:
        given = _checked(body(HOOK, "url", "events", "secret"))
        hook = _hook(state, hook_id)
        hook.clear()
        hook.update({**DEFAULTS, **given, "id": hook_id, "state": "enabled"})
        state.failures.pop(hook_id, None)
        state.hooks.url, state.hooks.enabled = hook["url"], True
        return NO_CONTENT

    @bp.delete("/webhooks/<int:hook_id>")
    def delete(hook_id: int) -> tuple[bytes, int]:
        state.webhooks.remove(_hook(state, hook_id))
        return NO_CONTENT

    return bp


DEFAULTS: Json = {"payloadVersion": "V2", "notification": False, "label": "", "mailboxIds": []}


def add_webhook(state: State, given: Json) -> Json:
    """Keep a new webhook; deliveries go to its URL from now on."""
    made = {**DEFAULTS, **given, "id": state.desk.next_id(), "state": "enabled"}
    state.webhooks.append(made)
    state.hooks.url = made["url"]
    return made


def _shown(hook: Json) -> Json:
    """Return a webhook as reads show it: without its secret."""
    return {name: value for name, value in hook.items() if name != "secret"}


def _hook(state: State, hook_id: int) -> Json:
    found = next((one for one in state.webhooks if one["id"] == hook_id), None)
    if found is None:
        fail(404)
        raise AssertionError
    return found


def _checked(given: Json) -> Json:
    errors: list[tuple[str, str]] = []
    if len(given["secret"]) > 40:
        errors.append(("secret", "must be at most 40 characters"))
    if unknown := [one for one in given["events"] if one not in EVENTS]:
        errors.append(("events", f"unknown events {unknown}"))
    if given.get("payloadVersion", "V2") not in {"V2", "V3"}:
        errors.append(("payloadVersion", "V2 or V3"))
    if not given["url"].startswith(("http://", "https://")):
        errors.append(("url", "must be a URL"))
    if errors:
        invalid(*errors)
    return given
