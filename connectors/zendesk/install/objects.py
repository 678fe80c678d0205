"""The objects that `install` makes at Zendesk, as they are sent and as they come back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.kit.provision import Manifest, Site, fingerprint
from connectors.kit.values import Row, row, rows
from connectors.zendesk.api import text
from connectors.zendesk.settings import Settings
from core.model import NO_INTENT, Outcome

TRIGGERED = "conditional_ticket_events"
EVENTS = (
    "created",
    "comment_added",
    "agent_assignment_changed",
    "merged",
    "soft_deleted",
    "marked_as_spam",
    "undeleted",
)
MISSING_ID = "<the webhook's id>"  # in a plan, before there is one
PATHS = {"webhook": "/webhooks", "trigger": "/triggers", "field": "/ticket_fields", "view": "/views"}
NAMES = {"webhook": "webhook", "trigger": "trigger", "field": "ticket_field", "view": "view"}
LISTS = {"webhook": "webhooks", "trigger": "triggers", "field": "ticket_fields", "view": "views"}
REMOVAL = ("trigger", "webhook", "view", "field")  # an object that uses another is removed before it
CREATE = {"field": "update_type", "operator": "is", "value": "Create"}
CHANGE = {"field": "update_type", "operator": "is", "value": "Change"}
# The updater's role: neither our own writes nor an agent's set it off, so our own writes are not reported to us.
BY_CUSTOMER = {"field": "role", "operator": "is", "value": "end_user"}
# strangers' are private
WITH_COMMENT = {"field": "comment_is_public", "operator": "is", "value": "not_relevant"}
UNSOLVED = {"field": "status", "operator": "less_than", "value": "solved"}
NOBODYS = {"field": "assignee_id", "operator": "is", "value": ""}


@dataclass(frozen=True)
class Wanted:
    """One object: our key for it, and the body that makes it."""

    kind: str
    key: str
    name: str
    why: str
    body: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Where it lives."""
        return PATHS[self.kind]

    @property
    def shape(self) -> dict[str, Any]:
        """What is compared with the account's."""
        return shape_of(self.kind, self.body)

    @property
    def hash(self) -> str:
        """The fingerprint of what is compared."""
        return fingerprint(self.shape)


def marker(desk: str) -> str:
    """Return how our objects are known again when the manifest is lost."""
    return f"Installed by Backstop for the desk {desk}."


def wanted(site: Site[Settings], manifest: Manifest) -> list[Wanted]:
    """Return all objects, in the order in which they are made; triggers name the webhook in the manifest."""
    settings, desk = site.settings, site.desk
    triggered = settings.hook == "triggers"
    webhook = _webhook(site.hook_url, desk, triggered)
    webhook_id = manifest.get(webhook.key, {}).get("id", MISSING_ID)
    return [
        webhook,
        *(_triggers(desk, webhook_id) if triggered else []),
        *_fields(settings, desk, site.intents),
        *_views(settings.tag_prefix, desk),
    ]


def _webhook(url: str, desk: str, triggered: bool) -> Wanted:
    """Return the webhook. Its kind cannot be changed later, so each kind has its own key."""
    subscriptions = [TRIGGERED] if triggered else [f"zen:event-type:ticket.{one}" for one in EVENTS]
    name = f"Backstop ({desk})"
    body = {
        "name": name,
        "description": marker(desk),
        "status": "active",
        "endpoint": url,
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": subscriptions,
    }
    key = "webhook:triggers" if triggered else "webhook:events"
    return Wanted("webhook", key, name, "reports tickets and replies within seconds", body)


def _triggers(desk: str, webhook_id: str) -> list[Wanted]:
    return [
        _trigger(desk, webhook_id, "created", "new ticket", [CREATE, BY_CUSTOMER]),
        _trigger(desk, webhook_id, "reply", "customer's reply", [CHANGE, WITH_COMMENT, BY_CUSTOMER]),
    ]


def _trigger(desk: str, webhook_id: str, event: str, title: str, conditions: list[Row]) -> Wanted:
    """Return a trigger. Its body names ids only: a text with quotes would break the JSON."""
    told = {
        "event": event,
        "ticket_id": "{{ticket.id}}",
        "comment_id": "{{ticket.latest_comment.id}}",
        "actor_id": "{{current_user.id}}",
    }
    name = f"Backstop ({desk}): {title}"
    body = {
        "title": name,
        "description": marker(desk),
        "active": True,
        "conditions": {"all": conditions, "any": []},
        "actions": [{"field": "notification_webhook", "value": [webhook_id, json.dumps(told)]}],
    }
    return Wanted("trigger", f"trigger:{event}", name, "calls the webhook, for customers only", body)


def _fields(settings: Settings, desk: str, intents: Iterable[str]) -> list[Wanted]:
    prefix = settings.tag_prefix
    names = list(dict.fromkeys([*intents, NO_INTENT]))
    outcomes = [(one.value.replace("_", " ").capitalize(), f"{prefix}outcome_{one.value}") for one in Outcome]
    options = [(name.replace("_", " ").capitalize(), f"{prefix}intent_{name}") for name in names]
    return [
        _field(
            desk,
            "intent",
            "tagger",
            "Backstop intent",
            "what the customer wants, correctable by agents",
            options,
        ),
        _field(desk, "confidence", "integer", "Backstop confidence", "how sure we are, in whole per cent"),
        _field(desk, "outcome", "tagger", "Backstop outcome", "what became of the ticket", outcomes),
        _field(
            desk,
            "last_handled",
            "text",
            "Backstop last handled",
            "shows after an outage what was written already",
        ),
    ]


def _field(
    desk: str, key: str, kind: str, title: str, why: str, options: Sequence[tuple[str, str]] = ()
) -> Wanted:
    body: dict[str, Any] = {"type": kind, "title": title, "agent_description": marker(desk), "active": True}
    if options:
        body["custom_field_options"] = [{"name": name, "value": value} for name, value in options]
    return Wanted("field", f"field:{key}", title, why, body)


def _views(prefix: str, desk: str) -> list[Wanted]:
    return [
        _view(
            desk,
            "waiting",
            "Backstop: waiting for a human",
            [UNSOLVED, NOBODYS, _tagged(f"{prefix}escalated")],
        ),
        _view(desk, "general", "Backstop: general queue", [UNSOLVED, _tagged(f"{prefix}general_queue")]),
        _view(
            desk,
            "answered",
            "Backstop: answered automatically",
            [_any_status(), _tagged(f"{prefix}auto_resolved")],
        ),
    ]


def _tagged(tag: str) -> Row:
    return {"field": "current_tags", "operator": "includes", "value": tag}


def _any_status() -> Row:
    """Return a condition that all open tickets fulfil: a view must have one on the status or four other fields."""
    return {"field": "status", "operator": "less_than", "value": "closed"}


def _view(desk: str, key: str, title: str, every: list[Row]) -> Wanted:
    output = {
        "columns": ["subject", "requester", "created", "priority", "group"],
        "sort_by": "created",
        "sort_order": "asc",
    }
    body = {
        "title": title,
        "description": marker(desk),
        "active": True,
        "all": every,
        "any": [],
        "output": output,
    }
    return Wanted("view", f"view:{key}", title, "agents see at a glance what waits", body)


# --- what is compared -------------------------------------------------------------------------


def shape_of(kind: str, given: Row) -> dict[str, Any]:
    """Return the part of an object that we decide, the same for what is sent and for what comes back."""
    return _SHAPES[kind](given)


def _webhook_shape(given: Row) -> dict[str, Any]:
    names = ("name", "status", "endpoint", "http_method", "request_format")
    return {
        **{name: given.get(name) for name in names},
        "subscriptions": sorted(map(str, given.get("subscriptions") or [])),
    }


def _trigger_shape(given: Row) -> dict[str, Any]:
    actions = [{"field": a.get("field"), "value": a.get("value")} for a in rows(given.get("actions"))]
    conditions = row(given.get("conditions"))
    return {
        "title": given.get("title"),
        "active": given.get("active") is not False,
        "all": _conditions(conditions.get("all")),
        "any": _conditions(conditions.get("any")),
        "actions": actions,
    }


def _conditions(given: Any) -> list[list[str]]:
    return [
        [text(one.get("field")), text(one.get("operator")), text(one.get("value"))] for one in rows(given)
    ]


def _field_shape(given: Row) -> dict[str, Any]:
    """Return what is compared of a field: of its options only those that look like ours, since people may add others."""
    values = [str(one.get("value")) for one in rows(given.get("custom_field_options"))]
    ours = [value for value in values if "intent_" in value or "outcome_" in value]
    return {
        "type": given.get("type"),
        "title": given.get("title"),
        "active": given.get("active") is not False,
        "options": sorted(ours),
    }


def _view_shape(given: Row) -> dict[str, Any]:
    """Return what is compared of a view: sent as all, any and output, read as conditions and execution, whose columns may be objects."""
    conditions, output = (
        row(given.get("conditions")) or given,
        row(given.get("execution")) or row(given.get("output")),
    )
    columns = [
        text(one.get("id")) if isinstance(one, dict) else text(one) for one in output.get("columns") or []
    ]
    return {
        "title": given.get("title"),
        "active": given.get("active") is not False,
        "all": _conditions(conditions.get("all")),
        "any": _conditions(conditions.get("any")),
        "columns": columns,
    }


_SHAPES = {"webhook": _webhook_shape, "trigger": _trigger_shape, "field": _field_shape, "view": _view_shape}
