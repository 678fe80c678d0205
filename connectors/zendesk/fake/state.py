"""What a Zendesk account keeps beside the tickets, and its objects as the API shows them."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.sandbox.desk import Case, Entry, Person, SandboxDesk
from connectors.sandbox.hooks import Hooks

Json = dict[str, Any]
SYSTEM = -1  # the account's system user, as whom an AI agent answers mail
API = {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}}
ROLES = {"customer": "end-user", "agent": "agent", "admin": "admin", "bot": "admin"}


@dataclass
class State:
    """One account. The options are its settings and moods; the rest is what admins made in it."""

    desk: SandboxDesk
    hooks: Hooks
    client_id: str = "backstop_client"
    client_secret: str = "zendesk-client-secret"  # noqa: S105  # of a fake
    email: str = "backstop@desk.example"
    api_token: str = ""  # accounts of today have none
    grants: str = "read write"
    bot_role: str = "admin"
    bot_fields: Json = field(default_factory=dict)  # over what users/me says: only_private_comments…
    omnichannel: bool = True  # whether agents have a status
    per_minute: int = 100_000
    updates_per_minute: int = 100_000
    exports_per_minute: int = 100_000
    withheld: int = 60  # seconds of the newest changes that the export hides
    side_loads: bool = True  # whether audits come along with a ticket
    required_to_solve: set[int] = field(default_factory=set)
    suspended: list[Json] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)  # authorization code → what it was given for
    tokens: dict[str, str] = field(default_factory=dict)  # access token → scope
    revoked: bool = False  # the refresh token, until somebody connects again
    refresh: str = ""  # the one refresh token that is good now
    refresh_until: datetime | None = None
    secret: str = "zendesk-webhook-secret"  # noqa: S105  # of a fake
    webhooks: dict[str, Json] = field(default_factory=dict)
    triggers: dict[int, Json] = field(default_factory=dict)
    fields: dict[int, Json] = field(default_factory=dict)
    views: dict[int, Json] = field(default_factory=dict)
    brands: dict[int, str] = field(default_factory=lambda: {1: "Desk"})
    support_addresses: tuple[str, ...] = ("support@desk.example", "sales@desk.example")
    forms: dict[int, str] = field(default_factory=lambda: {1: "Default"})
    used: dict[str, list[datetime]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)  # keys in updates that Zendesk silently ignores
    mailed: list[tuple[int, str]] = field(default_factory=list)  # (ticket, text) sent to requesters
    cursors: set[str] = field(default_factory=set)
    in_api: threading.local = field(default_factory=threading.local)

    def suspend(
        self, email: str, subject: str, content: str, *, cause: str = "Detected as spam", cause_id: int = 0
    ) -> int:
        """Suspend a mail instead of making a ticket of it; return its id."""
        one = self.desk.next_id()
        self.suspended.insert(
            0,
            {
                "id": one,
                "author": {"id": None, "name": "", "email": email},
                "brand_id": 1,
                "cause": cause,
                "cause_id": cause_id,
                "content": content,
                "created_at": iso(self.desk.now()),
                "updated_at": iso(self.desk.now()),
                "recipient": "",
                "subject": subject,
                "ticket_id": None,
                "via": {"channel": "email"},
            },
        )
        return one

    def revoke(self) -> None:
        """The admin takes the connection away."""
        self.tokens.clear()
        self.revoked = True

    def token(self) -> str:
        """Return a fresh access token."""
        token = hashlib.sha256(str(self.desk.next_id()).encode()).hexdigest()
        self.tokens[token] = self.grants
        return token


def iso(at: datetime) -> str:
    """Return ISO text in whole seconds with Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def via_of(kind: str) -> Json:
    """Return a `via` object."""
    channel = {
        "web": "web",
        "api": "api",
        "rule": "rule",
        "chat": "native_messaging",
        "phone": "phone_call_inbound",
    }
    source: Json = {"from": {}, "to": {}, "rel": None}
    if kind == "rule":
        source = {"from": {"id": 7, "title": "a rule", "deleted": False}, "to": {}, "rel": "trigger"}
    if kind == "merge":
        return {"channel": "web", "source": {"from": {}, "to": {}, "rel": "merge"}}
    return {"channel": channel.get(kind, "email"), "source": source}


def html_of(body: str) -> str:
    """Return what Zendesk makes of a plain body."""
    lines = body.replace("&", "&amp;").replace("<", "&lt;").split("\n")
    return f'<div class="zd-comment" dir="auto"><p dir="auto">{"<br>".join(lines)}</p></div>'


def said_of(entry: Entry, audit_id: int) -> Json:
    """Return the Comment event of an audit."""
    return {
        "id": entry.id,
        "type": "Comment",
        "author_id": SYSTEM if entry.meta.get("system") else entry.author_id,
        "body": entry.body,
        "html_body": entry.html or html_of(entry.body),
        "plain_body": entry.body,
        "public": entry.public,
        "attachments": [],
        "audit_id": audit_id,
    }


def comment_of(entry: Entry) -> Json:
    """Return a line of the comments list."""
    return {
        **said_of(entry, int(entry.meta.get("audit_id", 0))),
        "via": via_of(entry.via),
        "created_at": iso(entry.at),
        "metadata": metadata_of(entry),
    }


def metadata_of(entry: Entry | None, custom: Json | None = None) -> Json:
    """Return what an audit, and so its comment, says of its origin. Raw mail headers are never shown."""
    found: Json = {"system": {"client": "Backstop", "ip_address": "127.0.0.1"}, "custom": custom or {}}
    if entry is not None:
        found["custom"] = custom or dict(entry.meta.get("custom", {}))
        automatic = entry.headers.get("auto-submitted", entry.headers.get("Auto-Submitted", "no")) != "no"
        flags = list(entry.meta.get("flags", [])) + ([4] if automatic else [])
        found |= {"flags": flags, "flags_options": {}, "trusted": True} if flags else {}
    return found


def record(
    state: State, case: Case, actor: int, events: list[Json], entry: Entry | None = None, **more: Any
) -> Json:
    """Write an audit: all that one save did."""
    audit_id = state.desk.next_id()
    if entry is not None:
        entry.meta["audit_id"] = audit_id
        events = [said_of(entry, audit_id), *events]
    audit = {
        "id": audit_id,
        "ticket_id": case.id,
        "created_at": iso(case.updated_at),
        "author_id": actor,
        "metadata": metadata_of(entry, more.get("custom")),
        "events": events,
        "via": via_of(more.get("via", entry.via if entry else "web")),
    }
    case.extra.setdefault("zendesk_audits", []).append(audit)
    return audit


def user_of(person: Person, state: State) -> Json:
    """Return a user."""
    role = state.bot_role if person.id == state.desk.bot.id else ROLES[person.role]
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": role,
        "locale": person.locale,
        "active": True,
        "suspended": person.gone,
        "verified": True,
        "last_login_at": iso(person.signed_in) if person.signed_in else None,
        "ticket_restriction": None,
        "only_private_comments": False,
        "default_group_id": person.queue_ids[0] if person.queue_ids else None,
    }


def ticket_of(case: Case, base: str) -> Json:
    """Return a ticket, without its comments."""
    via = via_of(case.via)
    if case.follow_up_of:
        via = {
            "channel": "closed_ticket",
            "source": {"from": {"ticket_id": case.follow_up_of}, "to": {}, "rel": "follow_up"},
        }
    custom = [{"id": int(one), "value": value} for one, value in case.fields.items()]
    return {
        "url": f"{base}/api/v2/tickets/{case.id}.json",
        "id": case.id,
        "external_id": None,
        "via": via,
        "created_at": iso(case.created_at),
        "updated_at": iso(case.updated_at),
        "generated_timestamp": int(case.updated_at.timestamp()),
        "type": None,
        "subject": case.subject,
        "raw_subject": case.subject,
        "description": case.entries[0].body if case.entries else "",
        "priority": case.priority,
        "status": "deleted" if case.deleted or case.spam else case.status,
        "recipient": None,
        "requester_id": case.requester_id,
        "submitter_id": case.submitter_id or case.requester_id,
        "assignee_id": case.assignee_id,
        "organization_id": None,
        "group_id": case.queue_id,
        "is_public": True,
        "support_type": case.extra.get("support_type", "agent"),
        "tags": list(case.tags),
        "custom_fields": custom,
        "fields": custom,
        "satisfaction_rating": None,
        "ticket_form_id": case.extra.get("form_id", 1),
        "brand_id": case.extra.get("brand_id", 1),
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": case.via == "chat",
    }


def metrics_of(case: Case, desk: SandboxDesk) -> Json:
    """Return a metric set. `replies` counts every public comment of an agent, our bot's included."""
    staff = {one.id for one in desk.people.values() if one.role != "customer"}
    replies = [e for e in case.entries[1:] if e.public and e.author_id in staff and not e.meta.get("system")]
    wrote = [e.at for e in case.entries if e.author_id == case.requester_id]
    assigned = [c["at"] for c in case.changes if c["what"] in {"assignee", "assignee_id"}]
    return {
        "ticket_id": case.id,
        "replies": len(replies),
        "assigned_at": iso(assigned[-1]) if assigned and case.assignee_id else None,
        "initially_assigned_at": iso(assigned[0]) if assigned else None,
        "requester_updated_at": iso(max(wrote)) if wrote else None,
        "latest_comment_added_at": iso(case.entries[-1].at) if case.entries else None,
        "created_at": iso(case.created_at),
        "updated_at": iso(case.updated_at),
    }


def people_in(cases: Iterable[Case], desk: SandboxDesk) -> list[Person]:
    """Return everybody whom a side-load of users includes."""
    ids = {one for c in cases for one in (c.requester_id, c.submitter_id, c.assignee_id) if one is not None}
    return [desk.people[one] for one in sorted(ids) if one in desk.people]


def cursor_of(state: State, where: str) -> str:
    """Return an opaque cursor."""
    cursor = base64.urlsafe_b64encode(where.encode()).decode()
    state.cursors.add(cursor)
    return cursor


Seen = Callable[[Case], bool]
