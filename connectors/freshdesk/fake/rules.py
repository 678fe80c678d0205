"""The fake's automation rules: which fire, and the webhooks they send, as Freshdesk would."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import urlencode

from connectors.freshdesk.fake.state import NAMES, PRIORITY, SOURCE, STATUS, State, markup, staff
from connectors.sandbox.desk import Case, Entry
from connectors.sandbox.hooks import Delivery

HAPPENED = {  # the sandbox's event → what an update rule's event list may name
    "reply": ("reply_sent", "{reply_sent:sent}"),
    "agent_reply": ("reply_sent", "{reply_sent:sent}"),
    "note": ("note_type", "{note_type:private}"),
    "assigned": ("responder_id", "{responder_id:{from:,to:1}}"),
    "status": ("status", "{status:{from:2,to:4}}"),
}


def on_event(state: State, event: str, case: Case, entry: Entry | None, actor_id: int) -> None:
    """A sandbox event becomes the webhooks of the rules that it fires."""
    if case.spam or case.deleted:
        return
    if event == "created":
        _run(state, case, entry, _creation_rules(state), "{ticket_action:created}")
        return
    name, triggered = HAPPENED.get(event, ("", ""))
    if not name:
        return
    performer = 1 if staff(state.desk.people[actor_id]) else 2
    rules = [rule for rule in _active(state, 4) if _fires(rule, name, performer, actor_id)]
    _run(state, case, entry, rules, triggered)


def _active(state: State, kind: int) -> list[dict[str, Any]]:
    return sorted((r for r in state.rules[kind] if r["active"]), key=lambda r: int(r["position"]))


def _creation_rules(state: State) -> list[dict[str, Any]]:
    """Unless the account runs all matching rules, only the first one fires. All of ours match everything."""
    rules = _active(state, 1)
    return rules if state.cascading else rules[:1]


def _fires(rule: dict[str, Any], name: str, performer: int, actor_id: int) -> bool:
    wanted = rule["performer"]
    if wanted["type"] not in {performer, 3}:
        return False
    if wanted["type"] == 1 and wanted.get("members") and actor_id not in wanted["members"]:
        return False
    return any(event["field_name"] == name for event in rule["events"])


def _run(state: State, case: Case, entry: Entry | None, rules: list[dict[str, Any]], triggered: str) -> None:
    for rule in rules:
        rule["affected_tickets_count"] = rule.get("affected_tickets_count", 0) + 1
        for action in rule["actions"]:
            if action["field_name"] == "trigger_webhook":
                state.hooks.url = action["url"]
                state.hooks.post(delivery(state, case, entry, action, triggered))


def delivery(
    state: State, case: Case, entry: Entry | None, action: dict[str, Any], triggered: str
) -> Delivery:
    """Return the request of a webhook action. There is no signature, no time and no delivery id in it."""
    headers = {"User-Agent": "Freshdesk", **(action.get("custom_headers") or {})}
    if auth := action.get("auth_header"):
        pair = f"{auth.get('username', '')}:{auth.get('password', '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    if str(action.get("content_layout")) == "1":
        content: dict[str, Any] = {"freshdesk_webhook": simple(state, case, entry, triggered)}
    else:
        values = placeholders(state, case, triggered)
        content = {name: _filled(str(text), values) for name, text in action["content"].items()}
    body = _encoded(content, str(action.get("content_type", "JSON")), headers)
    return Delivery(body, headers, label=triggered)


def _encoded(content: dict[str, Any], kind: str, headers: dict[str, str]) -> bytes:
    if kind.upper() == "FORM":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        inner = content.get("freshdesk_webhook")
        flat = (
            {f"freshdesk_webhook[{k}]": v for k, v in inner.items()} if isinstance(inner, dict) else content
        )
        return urlencode(flat).encode()
    headers["Content-Type"] = "application/json"
    return json.dumps(content).encode()


def placeholders(state: State, case: Case, triggered: str) -> dict[str, str]:
    """Return what advanced content may name."""
    requester = state.desk.people[case.requester_id]
    return {
        "ticket.id": str(case.id),
        "ticket.subject": case.subject,
        "ticket.status": NAMES["status"][STATUS[case.status]],
        "ticket.requester.email": requester.email,
        "triggered_event": triggered,
    }


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda match: values.get(match[1], ""), text)


def simple(state: State, case: Case, entry: Entry | None, triggered: str) -> dict[str, Any]:
    """Return the simple layout: names, not numbers."""
    requester = state.desk.people[case.requester_id]
    queue = state.desk.queues.get(case.queue_id or 0)
    agent = state.desk.people.get(case.assignee_id or 0)
    said = entry or case.entries[-1]
    return {
        "ticket_id": case.id,
        "ticket_subject": case.subject,
        "ticket_description": markup(case.entries[0]) if case.entries else "",
        "ticket_url": f"https://desk.freshdesk.com/helpdesk/tickets/{case.id}",
        "ticket_status": NAMES["status"][STATUS[case.status]],
        "ticket_priority": NAMES["priority"][PRIORITY.get(case.priority or "low", 1)],
        "ticket_source": NAMES["source"].get(SOURCE.get(case.via, 2), "Portal"),
        "ticket_tags": ", ".join(case.tags),
        "ticket_group_name": queue.name if queue else None,
        "ticket_agent_name": agent.name if agent else None,
        "ticket_contact_email": requester.email,
        "ticket_latest_public_comment": markup(said),
        "triggered_event": triggered,
    }
