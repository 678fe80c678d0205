"""The fake's conversations: what is written."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response

from connectors.helpscout.fake import state as show
from connectors.helpscout.fake.conversations import alive
from connectors.helpscout.fake.http import body, fail, invalid
from connectors.helpscout.fake.state import Json, State
from connectors.sandbox.desk import Case, Entry

Types = dict[str, type | tuple[type, ...]]
REPLY: Types = {
    "text": str,
    "customer": dict,
    "draft": bool,
    "status": str,
    "user": int,
    "assignTo": int,
    "cc": list,
    "bcc": list,
    "imported": bool,
    "createdAt": str,
    "attachments": list,
}
NOTE: Types = {
    "text": str,
    "user": int,
    "status": str,
    "imported": bool,
    "createdAt": str,
    "attachments": list,
}
STATUSES = {"active", "closed", "pending", "spam"}
FULL = 99
NO_CONTENT = (b"", 204)


def writes(state: State) -> Blueprint:
    """Return the routes that write."""
    bp = Blueprint("writes", __name__)
    desk = state.desk

    @bp.patch("/conversations/<int:conversation_id>")
    def update(conversation_id: int) -> tuple[bytes, int]:
        case = alive(state, conversation_id)
        given = body({"op": str, "path": str, "value": (str, int, bool)}, "op", "path")
        _operation(state, case, given)
        return NO_CONTENT

    @bp.put("/conversations/<int:conversation_id>/tags")
    def tags(conversation_id: int) -> tuple[bytes, int]:
        case = alive(state, conversation_id)
        given = body({"tags": list})
        if "tags" not in given or any(not isinstance(one, str) or not one for one in given["tags"]):
            invalid(("tags", "must be a list of names"))
        with desk.lock:
            case.tags = list({one.lower(): one.lower() for one in given["tags"]}.values())
            desk.touch(case, desk.bot.id, "tags", case.tags)
        return NO_CONTENT

    @bp.put("/conversations/<int:conversation_id>/fields")
    def fields(conversation_id: int) -> tuple[bytes, int]:
        case = alive(state, conversation_id)
        given = body({"fields": list}, "fields")["fields"]
        known = {one["id"]: one for one in state.fields}
        for n, one in enumerate(given):
            field = known.get(one.get("id"))
            if field is None:
                invalid((f"fields[{n}].id", "no such field in this inbox"))
            options = {str(o["id"]) for o in (field or {}).get("options", [])}
            if options and str(one.get("value")) not in options:
                invalid((f"fields[{n}].value", "must be the id of an option"))
        with desk.lock:
            case.fields = {str(one["id"]): str(one["value"]) for one in given}
            desk.touch(case, desk.bot.id, "fields", case.fields)
        return NO_CONTENT

    @bp.post("/conversations/<int:conversation_id>/notes")
    def note(conversation_id: int) -> Response:
        case = _writable(state, conversation_id)
        given = body(NOTE, "text")
        _checked(state, given)
        entry = _say(state, case, given, public=False)
        desk.tell("note", case, entry, entry.author_id)
        return _made(case, entry)

    @bp.post("/conversations/<int:conversation_id>/reply")
    def reply(conversation_id: int) -> Response:
        case = _writable(state, conversation_id)
        given = body(REPLY, "text", "customer")
        _checked(state, given)
        customer = desk.people.get(given["customer"].get("id") or 0)
        if customer is None or show.staff(customer):
            invalid(("customer.id", "no such customer"))
        if given.get("assignTo") and not given.get("draft"):
            _assign(state, case, given["assignTo"], quiet=True)
        entry = _say(state, case, given, public=True)
        desk.tell("agent_reply", case, entry, entry.author_id)
        if given.get("assignTo"):
            desk.tell("assigned", case, None, desk.bot.id)
        return _made(case, entry)

    @bp.delete("/conversations/<int:conversation_id>")
    def delete(conversation_id: int) -> tuple[bytes, int]:
        desk.delete(alive(state, conversation_id).id, desk.bot.id)
        return NO_CONTENT

    return bp


def _writable(state: State, conversation_id: int) -> Case:
    case = alive(state, conversation_id)
    if sum(len(show.published(one)) for one in show.family(state, case)) >= FULL:
        fail(412, {"message": "Conversation has reached the maximum number of threads", "logRef": "1#0"})
    return case


def _made(case: Case, entry: Entry) -> Response:
    response = Response(b"", status=201)
    response.headers["Resource-ID"] = str(entry.id)
    where = f"https://api.helpscout.net/v2/conversations/{case.id}/threads/{entry.id}"
    response.headers["Location"] = where
    return response


def _checked(state: State, given: Json) -> None:
    if given.get("status") not in {None, *STATUSES}:
        invalid(("status", f"must be one of {', '.join(sorted(STATUSES))}"))
    if given.get("createdAt") and not given.get("imported"):
        invalid(("createdAt", "is only allowed for imported threads"))
    if given.get("assignTo") and not _known(state, given["assignTo"]):
        invalid(("assignTo", "no such user or team"))
    if any(not isinstance(one, str) or "@" not in one for one in given.get("cc") or []):
        invalid(("cc", "must be addresses"))


def _known(state: State, one: int) -> bool:
    person = state.desk.people.get(one)
    return one in state.teams() or (person is not None and show.staff(person))


def _say(state: State, case: Case, given: Json, *, public: bool) -> Entry:
    """Add a thread by the token's own user. Without a status the conversation becomes active."""
    desk = state.desk
    with desk.lock:
        html = given["text"]
        if not re.search(r"<\w+", html):
            html = html.replace("\n", "<br>")
        meta: dict[str, Any] = {"mailed": public and not given.get("imported"), "cc": given.get("cc") or []}
        if given.get("draft"):
            meta["state"] = "draft"
        entry = desk._say(
            case,
            given.get("user") or desk.bot.id,
            show.text_of(html),
            public=public,
            html=html,
            via="api",
            meta=meta,
        )
        _set_status(state, case, given.get("status") or "active")
    return entry


def _set_status(state: State, case: Case, status: str) -> None:
    before = "spam" if case.spam else show.STATUS[case.status]
    if before == status:
        return
    case.spam = status == "spam"
    case.status = show.WORD.get(status, case.status)
    state.desk.touch(case, state.desk.bot.id, "status", case.status)


def _assign(state: State, case: Case, one: int, *, quiet: bool = False) -> None:
    """To a team or a user; there is only one holder. `quiet`: within a reply, which leaves no line item."""
    bot = state.desk.bot.id
    if one in state.teams():
        case.queue_id, case.assignee_id = one, None
        state.desk.touch(case, bot, "held" if quiet else "queue_id", ("team", one) if quiet else one)
    else:
        case.assignee_id = one
        state.desk.touch(case, bot, "held" if quiet else "assignee", ("user", one) if quiet else one)


def _operation(state: State, case: Case, given: Json) -> None:
    """One operation; each path knows its own."""
    desk, bot, value = state.desk, state.desk.bot.id, given.get("value")
    match given["op"], given["path"]:
        case "replace", "/status" if value in STATUSES:
            with desk.lock:
                _set_status(state, case, str(value))
            desk.tell("status", case, None, bot)
        case "replace", "/assignTo" if isinstance(value, int) and _known(state, value):
            with desk.lock:
                _assign(state, case, value)
            desk.tell("assigned", case, None, bot)
        case "remove", "/assignTo":
            with desk.lock:
                case.assignee_id = None
                case.queue_id = case.queue_id if case.queue_id in state.mailboxes() else None
                desk.touch(case, bot, "assignee", None)
            desk.tell("assigned", case, None, bot)
        case "move", "/mailboxId" if value in state.mailboxes():
            with desk.lock:
                case.extra["mailbox"] = value
                case.queue_id = value if case.queue_id not in state.teams() else case.queue_id
                desk.touch(case, bot, "moved", value)
        case "replace", "/subject" if isinstance(value, str) and value:
            with desk.lock:
                case.subject = value
                desk.touch(case, bot, "subject", value)
        case "replace", "/primaryCustomer.id" if value in desk.people:
            with desk.lock:
                case.requester_id = int(str(value))
                desk.touch(case, bot, "customer", value)
        case _:
            invalid(("path", f"cannot {given['op']} {given['path']} with {value!r}"))
