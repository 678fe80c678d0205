"""The fake's ticket routes over the sandbox: what is written."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from connectors.freshdesk.fake import state as show
from connectors.freshdesk.fake.http import Json, body, fail, invalid
from connectors.freshdesk.fake.state import State
from connectors.freshdesk.fake.tickets import case_of
from connectors.sandbox.desk import Case, Entry

UPDATE: dict[str, type | tuple[type, ...]] = {
    "status": int,
    "priority": int,
    "group_id": int,
    "responder_id": int,
    "type": str,
    "tags": list,
    "custom_fields": dict,
    "due_by": str,
    "fr_due_by": str,
    "subject": str,
    "description": str,
    "source": int,
    "requester_id": int,
    "email": str,
    "name": str,
    "product_id": int,
    "company_id": int,
    "parent_id": int,
}
BULK = {**UPDATE, "from_email": str, "skip_close_notification": bool}
REPLY: dict[str, type | tuple[type, ...]] = {
    "body": str,
    "structured_body": dict,
    "from_email": str,
    "user_id": int,
    "cc_emails": list,
    "bcc_emails": list,
}
NOTE: dict[str, type | tuple[type, ...]] = {
    "body": str,
    "structured_body": dict,
    "private": bool,
    "incoming": bool,
    "notify_emails": list,
    "user_id": int,
}
CHAT = {"chat", "mobile"}


def writes(state: State) -> Blueprint:
    """Return the routes that write."""
    bp = Blueprint("writes", __name__)
    desk = state.desk

    def writable(ticket_id: int) -> Case:
        case = case_of(state, ticket_id)
        if case.spam or case.deleted:
            fail(405)
        return case

    @bp.put("/tickets/<int:ticket_id>")
    def update(ticket_id: int) -> Response:
        case = writable(ticket_id)
        given = body(UPDATE)
        _validate(state, case, given)
        _apply(state, case, given)
        return jsonify(show.ticket_json(state, case, view=True))

    @bp.post("/tickets/<int:ticket_id>/reply")
    def reply(ticket_id: int) -> tuple[Response, int]:
        case = writable(ticket_id)
        given = body(REPLY)
        if given.get("from_email") not in {None, state.support_email}:
            invalid(("from_email", "It should be one of the support emails", "invalid_value"))
        entry = _say(state, case, given, public=True, source=0)
        desk.tell("agent_reply", case, entry, entry.author_id)
        shown = show.conversation_json(state, case, entry)
        gone = {"incoming", "private", "source"}
        return jsonify({**{k: v for k, v in shown.items() if k not in gone}, "replied_to": []}), 201

    @bp.post("/tickets/<int:ticket_id>/notes")
    def note(ticket_id: int) -> tuple[Response, int]:
        case = writable(ticket_id)
        given = body(NOTE)
        entry = _say(state, case, given, public=not given.get("private", True), source=2)
        desk.tell("note", case, entry, entry.author_id)
        return jsonify(show.conversation_json(state, case, entry)), 201

    @bp.post("/tickets/bulk_update")
    def bulk() -> tuple[Response, int]:
        given = body({"bulk_action": dict})["bulk_action"]
        if not given.get("ids") or set(given) - {"ids", "properties", "reply"}:
            invalid(("bulk_action", "ids and properties or reply", "invalid_value"))
        if unknown := set(given.get("properties") or {}) - set(BULK):
            invalid(
                *((name, "Unexpected/invalid field in request", "invalid_field") for name in sorted(unknown))
            )
        job = f"job{desk.next_id()}"
        state.jobs[job] = {"id": job, "status": "IN PROGRESS"}
        for ticket_id in given["ids"]:  # asynchronous there; what fails, fails without a word
            case = desk.cases.get(ticket_id)
            if case and not case.spam and not case.deleted:
                _apply(state, case, given.get("properties") or {})
                if said := given.get("reply"):
                    _say(state, case, said, public=True, source=0)
        state.jobs[job]["status"] = "COMPLETED"
        return jsonify({"job_id": job, "href": f"https://desk.freshdesk.com/api/v2/jobs/{job}"}), 202

    @bp.get("/jobs/<job>")
    def job(job: str) -> Response:
        return jsonify(state.jobs[job]) if job in state.jobs else fail(404)

    @bp.put("/tickets/merge")
    def merge() -> tuple[bytes, int]:
        given = body(
            {
                "primary_id": int,
                "ticket_ids": list,
                "note_in_primary": dict,
                "note_in_secondary": dict,
                "convert_recepients_to_cc": bool,
            }
        )
        for ticket_id in given["ticket_ids"]:
            desk.merge(ticket_id, given["primary_id"], desk.bot.id)
        return b"", 204

    @bp.delete("/tickets/<int:ticket_id>")
    def delete(ticket_id: int) -> tuple[bytes, int]:
        desk.delete(writable(ticket_id).id, desk.bot.id)
        return b"", 204

    @bp.put("/tickets/<int:ticket_id>/restore")
    def restore(ticket_id: int) -> tuple[bytes, int]:
        case_of(state, ticket_id).deleted = False
        return b"", 204

    return bp


def merge_note(state: State, event: str, case: Case, _entry: Entry | None, actor_id: int) -> None:
    """Merging leaves a note in either ticket: nothing else says that it happened."""
    if event != "merged" or case.merged_into is None:
        return
    into = case.merged_into
    link = '<a href="/a/tickets/{0}">{0}</a>'
    desk = state.desk
    with desk.lock:
        desk._say(
            case,
            actor_id,
            f"This ticket is closed and merged into ticket {into}",
            public=False,
            via="web",
            html=f"<div>This ticket is closed and merged into ticket {link.format(into)}</div>",
        )
        desk._say(
            desk.cases[into],
            actor_id,
            f"Ticket with ID {case.id} is merged into this ticket",
            public=False,
            via="web",
        )


def _say(state: State, case: Case, given: Json, *, public: bool, source: int) -> Entry:
    """Add a reply or note by the key's own agent. Chats accept only the structured form."""
    wanted = "structured_body" if case.via in CHAT and public else "body"
    if not given.get(wanted):
        invalid((wanted, "It should not be blank as this is a mandatory field", "missing_field"))
    if wanted == "structured_body":
        text = "\n".join(one["data"]["content"] for one in given[wanted]["body_contents"])
        html, via = "", "chat"
    else:
        html, via = show.cleaned(given["body"]), "api"
        text = show.text_of(html)
    with state.desk.lock:
        author = given.get("user_id") or state.desk.bot.id
        return state.desk._say(case, author, text, public=public, html=html, via=via, meta={"source": source})


def _validate(state: State, case: Case, given: Json) -> None:
    errors: list[tuple[str, str, str]] = []
    if given.get("status") not in {None, 2, 3, 4, 5, 6, 7}:
        errors.append(("status", "It should be one of these values: '2,3,4,5,6,7'", "invalid_value"))
    if given.get("priority") not in {None, 1, 2, 3, 4}:
        errors.append(("priority", "It should be one of these values: '1,2,3,4'", "invalid_value"))
    if given.get("group_id") and given["group_id"] not in state.desk.queues:
        errors.append(("group_id", "There is no group matching the given group_id", "invalid_value"))
    holder = state.desk.people.get(given.get("responder_id") or 0)
    if given.get("responder_id") and (holder is None or not show.staff(holder)):
        errors.append(("responder_id", "There is no agent matching the given responder_id", "invalid_value"))
    if any(not isinstance(tag, str) or len(tag) > 32 for tag in given.get("tags") or []):
        errors.append(
            ("tags", "It should only contain elements that have maximum of 32 characters", "invalid_value")
        )
    known = {one["name"] for one in show.custom_fields(state)}
    custom = given.get("custom_fields") or {}
    errors += [
        (name, "Unexpected/invalid field in request", "invalid_field") for name in custom if name not in known
    ]
    if given.get("status") in {4, 5}:
        filled = {**case.fields, **custom}
        empty = [name for name in state.required_for_closure if not filled.get(name)]
        errors += [
            (name, "It should not be blank as this is a mandatory field", "missing_field") for name in empty
        ]
    if errors:
        invalid(*errors)


def _apply(state: State, case: Case, given: Json) -> None:
    """Only what was sent changes; tags become exactly the array that was sent."""
    bot, before = state.desk.bot.id, case.status
    with state.desk.lock:
        if "tags" in given:
            case.tags = list(dict.fromkeys(given["tags"] or []))
        if given.get("priority"):
            case.priority = show.PRIORITY_WORD[given["priority"]]
        if "group_id" in given:
            case.queue_id = given["group_id"]
        if "responder_id" in given:
            case.assignee_id = given["responder_id"]
        case.fields.update(given.get("custom_fields") or {})
        for name in given:
            if name != "status":
                state.desk.touch(case, bot, name, given[name])
        if given.get("status"):
            case.status = show.WORD.get(given["status"], "pending")
            state.desk.touch(case, bot, "status", case.status)
    if case.status != before:
        state.desk.tell("status", case, None, bot)
    elif given.get("responder_id"):
        state.desk.tell("assigned", case, None, bot)
