"""The fake's one write that matters: an update of a ticket, all of it or nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from connectors.sandbox.desk import Case, Entry
from connectors.zendesk.fake.http import body, fail, invalid, spend
from connectors.zendesk.fake.state import Json, State, iso, record, ticket_of
from connectors.zendesk.fake.tickets import visible

KNOWN = {
    "id",
    "comment",
    "status",
    "custom_status_id",
    "priority",
    "type",
    "subject",
    "assignee_id",
    "assignee_email",
    "group_id",
    "requester_id",
    "organization_id",
    "tags",
    "custom_fields",
    "external_id",
    "email_ccs",
    "followers",
    "due_at",
    "problem_id",
    "ticket_form_id",
    "brand_id",
    "safe_update",
    "updated_stamp",
    "metadata",
}
STATUSES = {"new", "open", "pending", "hold", "solved", "closed"}
PRIORITIES = {"low", "normal", "high", "urgent"}
CONFLICT = (
    "Safe Update prevented the update due to outdated ticket data. "
    "Please fetch the latest ticket data and try again."
)


def writes(state: State) -> Blueprint:
    """The route that updates."""
    routes = Blueprint("zendesk_writes", __name__)

    @routes.put("/tickets/<int:ticket_id>.json")
    @routes.put("/tickets/<int:ticket_id>")
    def update(ticket_id: int) -> Json:
        spend(state, "tickets-update", state.updates_per_minute)
        given = body("ticket")
        with state.desk.lock:
            case = visible(state, ticket_id)
            planned = _checked(state, case, given)
            audit, entry, happened = _applied(state, case, given, planned)
            answer = {"ticket": ticket_of(case, "https://account.zendesk.com"), "audit": audit}
        state.in_api.now = True
        try:
            for event in happened:
                state.desk.tell(event, case, entry, state.desk.bot.id)
        finally:
            state.in_api.now = False
        return answer

    return routes


def _checked(state: State, case: Case, given: Json) -> Json:
    """Return what the ticket would become; any complaint refuses the whole update, the comment too."""
    if case.extra.get("support_type") == "ai_agent":
        invalid("base", "Ticket: an AI agent ticket is read-only until it is escalated")
    if case.status == "closed":
        invalid("status", "Status: closed prevents ticket update")
    if "safe_update" in given and given.get("updated_stamp") != iso(case.updated_at):
        fail(409, {"error": "UpdateConflict", "description": CONFLICT})  # `false` means true, too
    state.ignored += sorted(set(given) - KNOWN)
    planned = _people(state, case, given)
    planned["status"] = given.get("status", case.status)
    if planned["status"] not in STATUSES:
        invalid("status", f"Status: {planned['status']} is not a valid value")
    if planned["status"] == "new" and planned["assignee_id"]:
        planned["status"] = "open"
    if "priority" in given and given["priority"] not in PRIORITIES | {None}:
        invalid("priority", f"Priority: {given['priority']} is not a valid value")
    planned["priority"] = given.get("priority", case.priority)
    planned["tags"], planned["fields"] = _labels(state, case, given)
    _solvable(state, case, planned)
    _comment(given)
    return planned


def _people(state: State, case: Case, given: Json) -> Json:
    desk = state.desk
    assignee, group = given.get("assignee_id", case.assignee_id), given.get("group_id", case.queue_id)
    if given.get("assignee_email"):
        assignee = next((p.id for p in desk.people.values() if p.email == given["assignee_email"]), -1)
    if "group_id" in given and group is not None and group not in desk.queues:
        invalid("group", f"Group: {group} is not valid")
    holder = desk.people.get(assignee) if assignee else None
    if assignee and (holder is None or holder.role == "customer"):
        invalid("assignee", "Assignee: is invalid")
    chosen = "assignee_id" in given or "assignee_email" in given
    if holder is not None and group not in holder.queue_ids:
        if chosen and "group_id" in given:
            invalid("assignee", "Assignee: is not a member of the group")
        if chosen:
            group = holder.queue_ids[0] if holder.queue_ids else None
        elif "group_id" in given:
            assignee = None  # the group alone un-assigns who is not in it
    return {"assignee_id": assignee, "queue_id": group}


def _labels(state: State, case: Case, given: Json) -> tuple[list[str], Json]:
    """Return tags and fields: tags are replaced; an option's tag and the option go together."""
    tags, fields = list(case.tags), dict(case.fields)
    if "tags" in given:
        listed = given["tags"].split() if isinstance(given["tags"], str) else given["tags"]
        tags = sorted({part.lower() for tag in listed for part in str(tag).split()})
        for field_id, field in state.fields.items():
            values = [one["value"] for one in field.get("custom_field_options", [])]
            if field["type"] == "tagger":
                fields[str(field_id)] = next((tag for tag in tags if tag in values), None)
    for one in given.get("custom_fields", []):
        if one["id"] not in state.fields:
            continue  # ignored
        field = state.fields[one["id"]]
        if field["type"] == "tagger":
            values = [option["value"] for option in field["custom_field_options"]]
            if one["value"] not in [*values, None]:
                invalid(
                    "base",
                    f"{field['title']}: {one['value']} is not a valid option",
                    ticket_field_id=one["id"],
                )
            tags = [tag for tag in tags if tag not in values] + ([one["value"]] if one["value"] else [])
        if field["type"] == "integer" and not isinstance(one["value"], int):
            invalid(
                "base", f"{field['title']}: {one['value']} is not a valid number", ticket_field_id=one["id"]
            )
        fields[str(one["id"])] = one["value"]
    return tags, fields


def _solvable(state: State, case: Case, planned: Json) -> None:
    if planned["status"] != "solved" or case.status == "solved":
        return
    if not planned["assignee_id"]:
        invalid("base", "Assignee: is required when solving a ticket", ticket_field_type="FieldAssignee")
    for field_id in sorted(state.required_to_solve):
        if not planned["fields"].get(str(field_id)):
            title = state.fields.get(field_id, {"title": f"Field {field_id}"})["title"]
            invalid("base", f"{title}: is required when solving a ticket", ticket_field_id=field_id)


def _comment(given: Json) -> None:
    comment: Any = given.get("comment")
    if comment is None:
        return
    if not isinstance(comment, dict) or not (comment.get("body") or comment.get("html_body")):
        invalid("comment", "Comment: cannot be blank", "BlankValue")


def _applied(state: State, case: Case, given: Json, planned: Json) -> tuple[Json, Entry | None, list[str]]:
    """Apply the update, as one save with one audit."""
    bot = state.desk.bot.id
    before = {name: getattr(case, name) for name in planned}
    changes = [
        {
            "id": state.desk.next_id(),
            "type": "Change",
            "field_name": "group_id" if name == "queue_id" else name,
            "value": _told(value),
            "previous_value": _told(before[name]),
        }
        for name, value in planned.items()
        if value != before[name]
    ]
    for name, value in planned.items():
        setattr(case, name, value)
        if value != before[name]:
            state.desk.touch(case, bot, name, value)
    entry = _say(state, case, given, bot)
    if not changes and entry is None:
        state.desk.touch(case, bot, "metadata")
    audit = record(state, case, bot, changes, entry, custom=dict(given.get("metadata", {})), via="api")
    happened = [("agent_reply" if entry.public else "note")] if entry else []
    happened += ["assigned"] if planned["assignee_id"] != before["assignee_id"] else []
    happened += ["status"] if planned["status"] != before["status"] else []
    return audit, entry, happened or ["changed"]


def _say(state: State, case: Case, given: Json, author: int) -> Entry | None:
    comment = given.get("comment")
    if not comment:
        return None
    # inherited when left out
    public = comment.get("public", case.entries[0].public if case.entries else True)
    text = comment.get("body") or comment.get("html_body", "")
    entry = Entry(
        state.desk.next_id(),
        int(comment.get("author_id", author)),
        text,
        state.desk.now(),
        public=bool(public),
    )
    entry.via, entry.meta["custom"] = "api", dict(given.get("metadata", {}))
    case.entries.append(entry)
    state.desk.touch(case, author, "comment", entry.id)
    if entry.public and any(_notifies(one) for one in state.triggers.values()):
        state.mailed.append((case.id, entry.body))
    return entry


def _notifies(trigger: Json) -> bool:
    """Return whether a trigger mails public comments to the requester."""
    conditions = trigger["conditions"]["all"]
    public = any(c["field"] == "comment_is_public" for c in conditions)
    change = any(c["field"] == "update_type" and c["value"] == "Change" for c in conditions)
    to = {str(a["value"][0]) for a in trigger["actions"] if a["field"] == "notification_user"}
    return bool(trigger["active"] and public and change and to & {"requester_id", "requester_and_ccs"})


def _told(value: Any) -> Any:
    """Ids in audits are strings."""
    return str(value) if isinstance(value, int) else value
