"""The fake's conversations: what is read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request

from connectors.helpscout.fake import state as show
from connectors.helpscout.fake.http import fail, invalid, paged
from connectors.helpscout.fake.state import Json, State
from connectors.sandbox.desk import Case

REMEMBERED = timedelta(days=60)  # how long a merged conversation's id points at the survivor
STATUSES = {"active", "all", "closed", "open", "pending", "spam"}
FIELDS = {
    "createdAt",
    "modifiedAt",
    "number",
    "status",
    "subject",
    "waitingSince",
    "score",
    "mailboxid",
    "customerName",
    "customerEmail",
}
PARAMETERS = {
    "embed",
    "mailbox",
    "folder",
    "status",
    "tag",
    "assigned_to",
    "modifiedSince",
    "number",
    "sortField",
    "sortOrder",
    "query",
    "page",
    "customFieldsByIds",
}


def alive(state: State, conversation_id: int) -> Case:
    """Return a conversation; 404 for unknown, deleted and merged ones: only reading the conversation itself tells
    them apart."""
    case = state.desk.cases.get(conversation_id)
    if case is None or case.deleted or case.merged_into is not None:
        fail(404)
        raise AssertionError
    return case


def conversations(state: State) -> Blueprint:
    """Return the routes that read."""
    bp = Blueprint("conversations", __name__)
    desk = state.desk

    @bp.get("/conversations/<int:conversation_id>")
    def view(conversation_id: int) -> Response:
        case = desk.cases.get(conversation_id)
        if case and case.merged_into is not None and not case.deleted:
            if desk.now() - case.updated_at > REMEMBERED:
                fail(404)
            response = Response(b"", status=301)
            response.headers["Location"] = f"https://api.helpscout.net/v2/conversations/{case.merged_into}"
            return response
        return jsonify(_shown(state, alive(state, conversation_id), _embedded()))

    @bp.get("/conversations/<int:conversation_id>/threads")
    def threads(conversation_id: int) -> Response:
        return paged(state, "threads", show.threads_json(state, alive(state, conversation_id)))

    @bp.get("/conversations/<int:conversation_id>/threads/<int:thread_id>/original-source")
    def original(conversation_id: int, thread_id: int) -> Response:
        case = alive(state, conversation_id)
        entries = [e for one in show.family(state, case) for e in one.entries]
        entry = next((e for e in entries if e.id == thread_id and e.via == "email"), None)
        if entry is None or show.staff(desk.people[entry.author_id]):
            fail(404)
            raise AssertionError
        author = desk.people[entry.author_id]
        head = {"From": f"{author.name} <{author.email}>", "Subject": case.subject, **entry.headers}
        lines = [f"{name}: {value}" for name, value in head.items()]
        return jsonify({"original": "\r\n".join([*lines, "", entry.body])})

    @bp.get("/conversations")
    def listed() -> Response:
        if unknown := set(request.args) - PARAMETERS:
            invalid(*((name, "Unknown parameter") for name in sorted(unknown)))
        with desk.lock:
            found = sorted(
                _filtered(state), key=_order(), reverse=request.args.get("sortOrder", "desc") == "desc"
            )
            embed = _embedded()
            size, page = state.page_size, request.args.get("page", "1")
            first = (int(page) - 1) * size if page.isdigit() else 0
            on_page = {case.id for case in found[first : first + size]}
            return paged(
                state,
                "conversations",
                [_shown(state, case, embed) if case.id in on_page else {} for case in found],
            )

    return bp


def _embedded() -> bool:
    wanted = request.args.get("embed", "")
    if wanted not in {"", "threads"}:
        invalid(("embed", "only threads can be embedded"))
    return wanted == "threads"


def _shown(state: State, case: Case, embed: bool) -> Json:
    """Return a conversation, with threads where asked for; a chat's are cut short."""
    shown = show.conversation_json(state, case)
    if embed:
        found = show.threads_json(state, case)
        shown["_embedded"] = {"threads": found[:1] if shown["type"] == "chat" else found}
    return shown


def _filtered(state: State) -> list[Case]:
    args = request.args
    status = args.get("status", "active")
    if status not in STATUSES:
        invalid(("status", f"must be one of {', '.join(sorted(STATUSES))}"))
    words = {"all": {"active", "pending", "closed"}, "open": {"active", "pending"}}.get(status, {status})
    since = _since(args.get("modifiedSince"))
    query = _query(args.get("query"))
    found = []
    for case in state.desk.cases.values():
        shown = "spam" if case.spam else show.STATUS[case.status]
        if case.deleted or case.merged_into is not None or case.id in state.hidden or shown not in words:
            continue
        if (since is None or case.updated_at >= since) and (query is None or case.id in query):
            found.append(case)
    if tag := args.get("tag"):
        names = {one.strip().lower() for one in tag.split(",")}
        found = [case for case in found if names & {one.lower() for one in case.tags}]
    if holder := args.get("assigned_to"):
        found = [c for c in found if (held := show.holder_of(c, state)) and str(held[1]) == holder]
    return found


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
        invalid(("modifiedSince", "must be an ISO 8601 time in whole seconds"))
    return datetime.fromisoformat(text)


def _query(text: str | None) -> set[int] | None:
    """Return the ids in a query; nothing else of the query language is supported."""
    if text is None:
        return None
    match = re.fullmatch(r"\(\s*id:\d+(?:\s+OR\s+id:\d+)*\s*\)", text)
    if not match:
        invalid(("query", "this fake knows only (id:1 OR id:2 …)"))
    return {int(one) for one in re.findall(r"id:(\d+)", text)}


def _order() -> Any:
    wanted = request.args.get("sortField", "createdAt")
    if wanted not in FIELDS:
        invalid(("sortField", "unknown field"))
    if wanted == "modifiedAt":
        return lambda case: (case.updated_at, case.id)
    return lambda case: (case.created_at, case.id)
