"""The fake's event bus: what happens at the desk becomes audits and signed webhook requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from connectors.sandbox.desk import Case, Entry
from connectors.sandbox.hooks import Delivery
from connectors.zendesk.fake.state import SYSTEM, Json, State, html_of, iso, record, via_of

TRIGGERED = "conditional_ticket_events"
EVENTS = {
    "created": ["created", "comment_added"],
    "reply": ["comment_added"],
    "agent_reply": ["comment_added"],
    "note": ["comment_added"],
    "assigned": ["agent_assignment_changed"],
    "status": ["status_changed"],
    "merged": ["merged", "status_changed"],
    "deleted": ["soft_deleted"],
    "restored": ["undeleted"],
}


def on_event(state: State) -> Callable[[str, Case, Entry | None, int], None]:
    """Return the sandbox's listener: first the history, then the webhooks."""

    def listen(event: str, case: Case, entry: Entry | None, actor: int) -> None:
        if not getattr(state.in_api, "now", False):
            _write_history(state, event, case, entry, actor)
        sequence = uuid.uuid4().hex
        for position, kind in enumerate(EVENTS.get(event, [])):
            _publish(state, kind, case, entry, actor, {"id": sequence, "position": position})
        _run_triggers(state, event, case, entry, actor)

    return listen


def _write_history(state: State, event: str, case: Case, entry: Entry | None, actor: int) -> None:
    """Audits of what people did; a merge leaves its note on the source."""
    with state.desk.lock:
        if event == "merged":
            words = f"This request was closed and merged into request #{case.merged_into}."
            entry = Entry(state.desk.next_id(), actor, words, state.desk.now(), public=False, via="merge")
            case.entries.append(entry)
            case.tags.append("closed_by_merge")
        kind = "Create" if event == "created" else "Change"
        changes: list[Json] = [
            {"id": state.desk.next_id(), "type": kind, "field_name": "status", "value": case.status}
        ]
        record(state, case, actor, changes, entry)


def _publish(state: State, kind: str, case: Case, entry: Entry | None, actor: int, sequence: Json) -> None:
    full = f"zen:event-type:ticket.{kind}"
    hooks = [h for h in state.webhooks.values() if h["status"] == "active" and full in h["subscriptions"]]
    for hook in hooks:
        told = _envelope(state, full, kind, case, entry, actor, sequence)
        body = (json.dumps(told, indent=3, ensure_ascii=False) + "\n").encode()
        state.hooks.post(Delivery(body, signed(state, hook, body), label=kind))


def signed(state: State, hook: Json, body: bytes) -> dict[str, str]:
    """Return the headers of one request; the timestamp is the attempt's."""
    stamp = iso(state.desk.clock())
    secret = hook["signing_secret"]["secret"].encode()
    digest = hmac.new(secret, stamp.encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": "18525119",
        "X-Zendesk-Webhook-Id": hook["id"],
        "X-Zendesk-Webhook-Invocation-Id": uuid.uuid4().hex,
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
    }


def _envelope(
    state: State, full: str, kind: str, case: Case, entry: Entry | None, actor: int, sequence: Json
) -> Json:
    """Ids are strings, enums are in capitals, the time has nine decimals."""
    return {
        "account_id": 18525119,
        "detail": {
            "actor_id": str(actor),
            "assignee_id": _id(case.assignee_id),
            "brand_id": _id(case.extra.get("brand_id", 1)),
            "created_at": iso(case.created_at),
            "custom_status": "1",
            "description": case.entries[0].body if case.entries else "",
            "external_id": None,
            "form_id": _id(case.extra.get("form_id", 1)),
            "group_id": _id(case.queue_id),
            "id": str(case.id),
            "is_public": True,
            "organization_id": None,
            "priority": case.priority.upper() if case.priority else None,
            "requester_id": str(case.requester_id),
            "status": case.status.upper(),
            "subject": case.subject,
            "submitter_id": str(case.submitter_id or case.requester_id),
            "tags": list(case.tags),
            "type": None,
            "updated_at": iso(case.updated_at),
            "via": {"channel": via_of(case.via)["channel"]},
        },
        "event": {**_told(state, kind, case, entry), "meta": {"sequence": sequence}},
        "id": str(uuid.uuid4()),
        "subject": f"zen:ticket:{case.id}",
        "time": state.desk.clock().strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z",
        "type": full,
        "zendesk_event_version": "2022-11-06",
    }


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)


def _told(state: State, kind: str, case: Case, entry: Entry | None) -> Json:
    if kind == "comment_added" and entry is not None:
        person = state.desk.people[entry.author_id]
        system = bool(entry.meta.get("system"))
        return {
            "comment": {
                "id": str(entry.id),
                "body": entry.body,
                "html_body": entry.html or html_of(entry.body),
                "is_public": entry.public,
                "author": {
                    "id": str(SYSTEM if system else person.id),
                    "is_staff": system or person.role != "customer",
                    "name": "Zendesk" if system else person.name,
                },
            }
        }
    if kind == "agent_assignment_changed":
        return {"previous": None, "current": _id(case.assignee_id)}
    if kind == "status_changed":
        return {"previous": None, "current": case.status.upper()}
    return {"target_ticket_id": _id(case.merged_into)} if kind == "merged" else {}


# --- triggers ---------------------------------------------------------------------------------


def _run_triggers(state: State, event: str, case: Case, entry: Entry | None, actor: int) -> None:
    """Only those that call a webhook, in list order."""
    for trigger in sorted(state.triggers.values(), key=lambda one: int(one["position"])):
        calls = [a["value"] for a in trigger["actions"] if a["field"] == "notification_webhook"]
        if (
            not trigger["active"]
            or not calls
            or not _holds(state, trigger["conditions"], event, case, entry, actor)
        ):
            continue
        for hook_id, template in calls:
            hook = state.webhooks.get(hook_id)
            if hook is None or hook["status"] != "active" or hook["subscriptions"] != [TRIGGERED]:
                continue
            body = render(template, case, entry, actor).encode()
            state.hooks.post(Delivery(body, signed(state, hook, body), label=trigger["title"]))


def _holds(state: State, conditions: Json, event: str, case: Case, entry: Entry | None, actor: int) -> bool:
    facts = {
        "update_type": "Create" if event == "created" else "Change",
        "role": "agent" if state.desk.people[actor].role != "customer" else "end_user",
        "comment": entry,
        "tags": set(case.tags),
        "status": case.status,
    }
    every = all(_fits(one, facts) for one in conditions.get("all", []))
    some = conditions.get("any", [])
    return every and (not some or any(_fits(one, facts) for one in some))


def _fits(condition: Json, facts: Json) -> bool:
    field, operator, value = condition["field"], condition["operator"], condition["value"]
    if field == "comment_is_public":
        entry = facts["comment"]
        return entry is not None and (value == "not_relevant" or entry.public is (value == "true"))
    if field == "current_tags":
        shared = bool(set(str(value).split()) & facts["tags"])
        return shared if operator == "includes" else not shared
    return bool((facts.get(field) == value) is (operator == "is"))


def render(template: str, case: Case, entry: Entry | None, actor: int) -> str:
    """Fill in the placeholders; an unknown one renders empty."""
    values: dict[str, Any] = {
        "ticket.id": case.id,
        "ticket.latest_comment.id": entry.id if entry else "",
        "ticket.status": case.status,
        "current_user.id": actor,
    }
    return re.sub(r"{{\s*([\w.]+)\s*}}", lambda found: str(values.get(found.group(1), "")), template)
