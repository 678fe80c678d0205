"""The fake's own belongings, and how a sandbox case looks as a conversation's JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from html import escape, unescape
from typing import Any

import nh3

from connectors.sandbox.desk import Case, Entry, Person, SandboxDesk
from connectors.sandbox.hooks import Hooks

Json = dict[str, Any]
STATUS = {"new": "active", "open": "active", "pending": "pending", "solved": "closed", "closed": "closed"}
WORD = {"active": "open", "pending": "pending", "closed": "solved"}
TYPE = {"chat": "chat", "phone": "phone"}
ITEMS = 9_000_000_000  # line items have ids of their own
SYSTEM = {"id": 1, "type": "user", "first": "Help", "last": "Scout", "email": "none@nowhere.com"}


@dataclass
class State:
    """One fake account over a sandbox desk. Its queues are teams, save those named in `inboxes`."""

    desk: SandboxDesk
    hooks: Hooks
    client_id: str = "helpscout-app"
    client_secret: str = "helpscout-app-secret"  # noqa: S105 - of a fake
    secret: str = "helpscout-webhook-secret"  # noqa: S105 - of a fake
    grant: str = "client_credentials"
    limit: int = 100_000  # units a minute; a write costs two
    burst: int = 0  # writes in five seconds; 0 = any
    role: str = "admin"
    inboxes: tuple[str, ...] = ()
    embed_in_hooks: bool = False
    may_hook: bool = True
    may_list_users: bool = True
    page_size: int = 25
    fields: list[Json] = field(default_factory=list)  # custom fields of every inbox
    workflows: list[Json] = field(default_factory=list)
    ran: list[tuple[int, int]] = field(default_factory=list)  # (workflow, conversation)
    webhooks: list[Json] = field(default_factory=list)
    failures: dict[int, int] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    refresh: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    redirection_url: str = "http://localhost:8765/callback"  # of the app
    used: list[tuple[float, int]] = field(default_factory=list)  # (when, units)
    wrote: list[float] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)  # not in any list: the search index lags behind
    main_inbox: int = 0

    def __post_init__(self) -> None:
        """Every account has an inbox."""
        self.main_inbox = self.desk.next_id()

    def revoke(self) -> None:
        """The user takes the app's access away."""
        self.tokens.clear()
        self.refresh.clear()

    def mailboxes(self) -> dict[int, str]:
        """Return a mapping, inbox id → name."""
        named = {q.id: q.name for q in self.desk.queues.values() if q.name in self.inboxes}
        return {self.main_inbox: "Main inbox", **named}

    def teams(self) -> dict[int, str]:
        """Return a mapping, team id → name."""
        return {q.id: q.name for q in self.desk.queues.values() if q.name not in self.inboxes}


def z(at: datetime | None) -> str | None:
    """Return a time as Help Scout writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def text_of(html: str) -> str:
    """Return the server's plain text of a body."""
    broken = re.sub(r"(?i)<br\s*/?>|</p>|</div>", "\n", html)
    return unescape(re.sub(r"<[^>]+>", "", broken)).strip()


def markup(entry: Entry) -> str:
    """Return the HTML of what was said."""
    return nh3.clean(entry.html) if entry.html else escape(entry.body, quote=False).replace("\n", "<br>\n")


def staff(person: Person) -> bool:
    """Return whether a person is a user."""
    return person.role != "customer"


def person_json(person: Person) -> Json:
    """Return a user or a customer as others' objects show them."""
    first, _, last = person.name.partition(" ")
    kind = "user" if staff(person) else "customer"
    shown = {"id": person.id, "type": kind, "first": first, "last": last, "email": person.email}
    return shown | ({"photoUrl": ""} if kind == "customer" else {})


def holder_json(state: State, holder: tuple[str, int] | None) -> Json | None:
    """Return an assignee: a user or a team."""
    if not holder:
        return None
    kind, one = holder
    if kind == "team":
        return {"id": one, "type": "team", "first": state.teams().get(one, ""), "last": "", "email": ""}
    return person_json(state.desk.people[one])


def holder_of(case: Case, state: State) -> tuple[str, int] | None:
    """Return who has it now: a user before a team."""
    if case.assignee_id:
        return "user", case.assignee_id
    return ("team", case.queue_id) if case.queue_id in state.teams() else None


def mailbox_of(case: Case, state: State) -> int:
    """Return the inbox it lies in."""
    if case.queue_id in state.mailboxes():
        return int(case.queue_id or 0)
    return int(case.extra.get("mailbox", state.main_inbox))


def published(case: Case) -> list[Entry]:
    """Return what was said and sent."""
    return [e for e in case.entries if e.meta.get("state", "published") == "published"]


def family(state: State, case: Case) -> list[Case]:
    """Return a conversation and those merged into it."""
    return [case, *(c for c in state.desk.cases.values() if c.merged_into == case.id)]


def threads_json(state: State, case: Case) -> list[Json]:
    """Return all threads, newest first, line items among them, each with the holder of its time."""
    found: list[Json] = []
    for one in family(state, case):
        entries = {e.id: e for e in one.entries}
        holder: tuple[str, int] | None = None
        for n, change in enumerate(one.changes):
            what, value = change["what"], change["value"]
            if what == "comment":
                found.append(_thread(state, one, entries[value], holder))
                continue
            holder = _held(state, what, value, holder)
            if what in {"assignee", "assignee_id", "queue_id", "status", "merged", "automation", "workflow"}:
                found.append(_item(state, one, n, change, holder))
    return sorted(found, key=lambda t: (t["createdAt"], t["id"]), reverse=True)


def _held(state: State, what: str, value: Any, before: tuple[str, int] | None) -> tuple[str, int] | None:
    if what in {"assignee", "assignee_id", "automation"}:
        return ("user", value) if value else None
    if what == "queue_id":
        return ("team", value) if value in state.teams() else before
    return value if what == "held" else before


def _thread(state: State, case: Case, entry: Entry, holder: tuple[str, int] | None) -> Json:
    author = state.desk.people[entry.author_id]
    primary = state.desk.people[case.requester_id]
    kind = "message" if entry.public else "note"
    if entry.via == "chat":
        kind = "chat"
    elif not staff(author):
        kind = "customer"
    kind = entry.meta.get("type", kind)
    by_rule = entry.via == "rule"
    return {
        "id": entry.id,
        "type": kind,
        "status": "active",
        "state": entry.meta.get("state", "published"),
        "action": {"type": "default", "associatedEntities": {}},
        "body": markup(entry),
        "source": {
            "type": "workflows" if by_rule else entry.via,
            "via": "user" if staff(author) else "customer",
        },
        "customer": person_json(primary if staff(author) else author),
        "createdBy": SYSTEM if by_rule else person_json(author),
        "assignedTo": holder_json(state, holder),
        "savedReplyId": 0,
        "to": [primary.email] if staff(author) and entry.public else [],
        "cc": entry.meta.get("cc", []),
        "bcc": [],
        "createdAt": z(entry.at),
        "openedAt": None,
        "_embedded": {"attachments": []},
    }


def _item(state: State, case: Case, n: int, change: Json, holder: tuple[str, int] | None) -> Json:
    actor = state.desk.people.get(change["actor_id"])
    automatic = change["what"] == "automation"
    kinds = {"merged": "merged", "automation": "automatic-workflow", "workflow": "manual-workflow"}
    return {
        "id": ITEMS + case.id * 10_000 + n,
        "type": "lineitem",
        "status": STATUS.get(case.status, "active"),
        "state": "published",
        "action": {
            "type": kinds.get(change["what"], "default"),
            "text": f"{change['what']} changed",
            "associatedEntities": {"originalConversation": case.id} if change["what"] == "merged" else {},
        },
        "source": {"type": "workflows" if automatic else "web", "via": "user"},
        "customer": person_json(state.desk.people[case.requester_id]),
        "createdBy": SYSTEM if automatic or actor is None else person_json(actor),
        "assignedTo": holder_json(state, holder),
        "createdAt": z(change["at"]),
    }


def conversation_json(state: State, case: Case) -> Json:
    """Return a conversation without its threads. Nothing in it says when it was last modified."""
    desk = state.desk
    primary = desk.people[case.requester_id]
    said = published(case)
    first_by = desk.people[said[0].author_id] if said else primary
    shown: Json = {
        "id": case.id,
        "number": case.id - 1000,
        "threads": sum(len(published(one)) for one in family(state, case)),
        "type": TYPE.get(case.via, "email"),
        "folderId": 11,
        "status": "spam" if case.spam else STATUS[case.status],
        "state": "published",
        "subject": case.subject,
        "preview": said[-1].body[:185] if said else "",
        "mailboxId": mailbox_of(case, state),
        "createdBy": person_json(first_by),
        "createdAt": z(case.created_at),
        "closedBy": 0,
        "closedAt": _closed_at(case),
        "userUpdatedAt": z(_user_updated(state, case)),
        "customerWaitingSince": _waiting(state, case),
        "source": {
            "type": case.extra.get("source", case.via),
            "via": "user" if staff(first_by) else "customer",
        },
        "tags": [{"id": n, "color": "#929499", "tag": tag} for n, tag in enumerate(case.tags, 1)],
        "cc": case.extra.get("cc", []),
        "bcc": [],
        "primaryCustomer": person_json(primary),
        "customFields": _fields(state, case),
        "_embedded": {"threads": []},
        "_links": {"web": {"href": f"https://secure.helpscout.net/conversation/{case.id}/{case.id - 1000}/"}},
    }
    assignee = holder_json(state, holder_of(case, state))
    return shown | ({"assignee": assignee} if assignee else {})  # absent, not null, when nobody has it


def _fields(state: State, case: Case) -> list[Json]:
    filled = []
    for one in state.fields:
        value = case.fields.get(str(one["id"]))
        if value:
            labels = {str(o["id"]): o["label"] for o in one.get("options", [])}
            filled.append(
                {"id": one["id"], "name": one["name"], "value": value, "text": labels.get(value, value)}
            )
    return filled


def _closed_at(case: Case) -> str | None:
    moved = [c["at"] for c in case.changes if c["what"] == "status" and c["value"] in {"solved", "closed"}]
    return z(moved[-1]) if moved and case.status in {"solved", "closed"} else None


def _user_updated(state: State, case: Case) -> datetime:
    people = state.desk.people
    by_users: list[datetime] = [
        c["at"] for c in case.changes if c["actor_id"] in people and staff(people[c["actor_id"]])
    ]
    wrote = [e.at for e in case.entries if not staff(people[e.author_id])]
    return max([*by_users, *wrote[-1:], case.created_at])


def _waiting(state: State, case: Case) -> Json:
    public = [e for e in published(case) if e.public]
    last = public[-1] if public else None
    by_user = last is not None and staff(state.desk.people[last.author_id])
    who = "user" if by_user else "customer"
    return {"time": z(last.at if last else case.created_at), "friendly": "just now", "latestReplyFrom": who}
