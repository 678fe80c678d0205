"""The fake's own belongings: accounts' settings that the sandbox does not know, and how a case looks as JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from html import escape, unescape
from typing import Any

import nh3

from connectors.sandbox.desk import Case, Entry, Person, SandboxDesk
from connectors.sandbox.hooks import Hooks

STATUS = {"new": 2, "open": 2, "pending": 3, "solved": 4, "closed": 5}
WORD = {2: "open", 3: "pending", 4: "solved", 5: "closed"}
PRIORITY = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
PRIORITY_WORD = {number: word for word, number in PRIORITY.items()}
SOURCE = {
    "email": 1,
    "web": 2,
    "api": 2,
    "phone": 3,
    "twitter": 5,
    "facebook": 6,
    "chat": 7,
    "mobile": 8,
    "outbound": 10,
}
NAMES = {
    "status": {2: "Open", 3: "Pending", 4: "Resolved", 5: "Closed"},
    "priority": {1: "Low", 2: "Medium", 3: "High", 4: "Urgent"},
    "source": {1: "Email", 2: "Portal", 3: "Phone", 7: "Chat"},
}


@dataclass
class State:
    """One fake account over a sandbox desk."""

    desk: SandboxDesk
    hooks: Hooks
    api_key: str = "freshdesk-bot-key"
    admin_key: str = "freshdesk-admin-key"
    secret: str = "freshdesk-webhook-secret"  # noqa: S105 - of a fake
    bot_is_admin: bool = True
    scope: int = 1
    limit: int = 100_000
    support_email: str = "support@desk.example"
    products: dict[int, str] = field(default_factory=dict)
    mailboxes: dict[int, str] = field(default_factory=dict)  # beside the support address
    required_for_closure: tuple[str, ...] = ()
    cascading: bool = True
    rules: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: {1: [], 3: [], 4: []})
    fields: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    archived: set[int] = field(default_factory=set)
    used: list[float] = field(default_factory=list)  # when calls came, for the limit
    auto_assign: set[int] = field(default_factory=set)  # groups that give tickets to agents by themselves


def z(at: datetime | None) -> str | None:
    """Return a time as Freshdesk writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def cleaned(html: str) -> str:
    """Return the server's own version of a body: sanitised, in a div."""
    return f"<div>{nh3.clean(html)}</div>"


def text_of(html: str) -> str:
    """Return the server's plain text of a body."""
    broken = re.sub(r"(?i)<br\s*/?>|</p>|</div>", "\n", html)
    return unescape(re.sub(r"<[^>]+>", "", broken)).strip()


def markup(entry: Entry) -> str:
    """Return the HTML of what was said in the sandbox: lines stay lines, as in the mails that Freshdesk keeps."""
    return entry.html or f"<div>{escape(entry.body, quote=False).replace(chr(10), '<br>')}</div>"


def staff(person: Person) -> bool:
    """Return whether a person has an agent's account."""
    return person.role != "customer"


def ticket_json(state: State, case: Case, *, view: bool = False) -> dict[str, Any]:
    """Return a ticket as lists show it; `view` adds what only the single view has."""
    first = case.entries[0] if case.entries else None
    shown: dict[str, Any] = {
        "id": case.id,
        "subject": case.subject,
        "type": None,
        "status": STATUS[case.status],
        "priority": PRIORITY.get(case.priority or "low", 1),
        "source": case.extra.get("source", SOURCE.get(case.via, 2)),
        "requester_id": case.requester_id,
        "responder_id": case.assignee_id,
        "group_id": case.queue_id,
        "company_id": None,
        "product_id": case.extra.get("product_id"),
        "email_config_id": case.extra.get("email_config_id"),
        "to_emails": case.extra.get("to_emails"),
        "cc_emails": [],
        "fwd_emails": [],
        "reply_cc_emails": [],
        "tags": list(case.tags),
        "custom_fields": {one["name"]: case.fields.get(one["name"]) for one in custom_fields(state)},
        "spam": case.spam,
        "due_by": None,
        "fr_due_by": None,
        "is_escalated": False,
        "fr_escalated": False,
        "created_at": z(case.created_at),
        "updated_at": z(case.updated_at),
    }
    if case.deleted:
        shown["deleted"] = True  # left out when it is false
    if view:
        structured = case.via in {"chat", "mobile"}
        shown |= {
            "description": markup(first) if first and not structured else None,
            "description_text": first.body if first and not structured else None,
            "structured_description": structure(first.body) if first and structured else None,
            "attachments": [],
        }
    return shown


def structure(text: str) -> dict[str, Any]:
    """Return a chat's body."""
    return {"body_contents": [{"type": "text", "data": {"content": text}}]}


def custom_fields(state: State) -> list[dict[str, Any]]:
    """Return the account's own ticket fields."""
    return [one for one in state.fields if not one.get("default")]


def requester_json(person: Person) -> dict[str, Any]:
    """`include=requester`."""
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email or None,
        "mobile": None,
        "phone": None,
    }


def stats_json(state: State, case: Case) -> dict[str, Any]:
    """`include=stats`. Our own acknowledgment counts as an agent's answer, as it does there."""
    answers = [e for e in case.entries[1:] if e.public and staff(state.desk.people[e.author_id])]
    replies = [e for e in case.entries[1:] if not staff(state.desk.people[e.author_id])]
    moved = [(c["at"], c["value"]) for c in case.changes if c["what"] == "status"]
    resolved = [at for at, value in moved if value == "solved"]
    closed = [at for at, value in moved if value == "closed"]
    return {
        "first_responded_at": z(answers[0].at) if answers else None,
        "agent_responded_at": z(answers[-1].at) if answers else None,
        "requester_responded_at": z(replies[-1].at) if replies else None,
        "status_updated_at": z(moved[-1][0]) if moved else z(case.created_at),
        "resolved_at": z(resolved[-1]) if resolved and case.status in {"solved", "closed"} else None,
        "closed_at": z(closed[-1]) if closed and case.status == "closed" else None,
        "reopened_at": None,
        "pending_since": None,
    }


def conversation_json(state: State, case: Case, entry: Entry) -> dict[str, Any]:
    """Return one conversation. What a rule of the desk wrote has no author."""
    person = state.desk.people[entry.author_id]
    incoming = not staff(person)
    structured = case.via in {"chat", "mobile"} and entry.via == "chat"
    return {
        "id": entry.id,
        "ticket_id": case.id,
        "user_id": None if entry.via == "rule" else person.id,
        "body": None if structured else markup(entry),
        "body_text": None if structured else entry.body,
        "structured_body": structure(entry.body) if structured else None,
        "incoming": incoming and entry.via != "rule",
        "private": not entry.public,
        "source": entry.meta.get("source", 2 if not entry.public else 0),
        "support_email": state.support_email if entry.public else None,
        "from_email": person.email if incoming else None,
        "to_emails": [],
        "cc_emails": [],
        "bcc_emails": None,
        "attachments": [],
        "created_at": z(entry.at),
        "updated_at": z(entry.at),
    }
