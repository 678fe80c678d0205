"""What installing makes in a Freshdesk account: three fields and two rules. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.kit.provision import fingerprint
from connectors.kit.values import Row

CREATED, UPDATED = 1, 4  # types of automation rules
RULES_PATH = "/automations/{kind}/rules"
FIELDS_PATH = "/admin/ticket_fields"
HEADER = "X-Backstop-Token"


@dataclass(frozen=True)
class Wanted:
    """One object that we want in the account."""

    key: str  # "<kind>:<our name>", as the manifest has it
    name: str
    why: str
    path: str
    body: Mapping[str, Any]
    shown: str = ""  # the secret in it, as a person is shown it

    @property
    def kind(self) -> str:
        """`field` or `rule`."""
        return self.key.partition(":")[0]

    @property
    def address(self) -> str:
        """Where it calls us, "" for what calls nobody."""
        return next((str(hook["url"]) for hook in hooks_of(self.body)), "")

    @property
    def hash(self) -> str:
        """Of what we send, as it can be compared with what is read back."""
        return fingerprint(shape(self.kind, self.body))


def fields(prefix: str = "Backstop") -> list[Wanted]:
    """Return intent, confidence and outcome, seen by agents only. Text rather than a list: intents come and go."""
    kinds = {"intent": "custom_text", "confidence": "custom_number", "outcome": "custom_text"}
    return [
        Wanted(
            f"field:{ours}",
            f"{prefix} {ours}",
            "agents see it in the ticket and may correct it"
            if ours == "intent"
            else "agents see it in the ticket",
            FIELDS_PATH,
            {
                "label": f"{prefix} {ours}",
                "label_for_customers": f"{prefix} {ours}",
                "type": kind,
                "customers_can_edit": False,
                "displayed_to_customers": False,
                "required_for_closure": False,
                "required_for_agents": False,
                "required_for_customers": False,
            },
        )
        for ours, kind in kinds.items()
    ]


def rules(url: str, desk: str, secret: str, *, creation_active: bool = True, shown: str = "") -> list[Wanted]:
    """Return a new ticket, and a customer's reply; what agents and we ourselves write fires neither."""
    created = {
        **_rule(f"Backstop {desk}: new ticket", url, secret, "created"),
        "position": 1,
        "active": creation_active,
    }
    events = [{"field_name": "reply_sent"}, {"field_name": "note_type", "value": "public"}]
    replied = {
        **_rule(f"Backstop {desk}: customer replied", url, secret, "reply"),
        "performer": {"type": 2},  # the requester: otherwise our own replies would call us back
        "events": events,
    }
    return [
        Wanted(
            "rule:created", str(created["name"]), "reports each new ticket", _path(CREATED), created, shown
        ),
        Wanted(
            "rule:reply",
            str(replied["name"]),
            "reports each reply of a customer",
            _path(UPDATED),
            replied,
            shown,
        ),
    ]


def _path(kind: int) -> str:
    return RULES_PATH.format(kind=kind)


def _rule(name: str, url: str, secret: str, event: str) -> dict[str, Any]:
    """Ids and short words only in the content: a description with quotes in it could break the JSON.

    `operator` joins two sets of conditions and is left out of a rule that has one.
    """
    every = {"resource_type": "ticket", "field_name": "priority", "operator": "in", "value": [1, 2, 3, 4]}
    action = {
        "field_name": "trigger_webhook",
        "request_type": "POST",
        "url": url,
        "content_type": "JSON",
        "content_layout": "2",  # all of these keys: without one the API answers 500
        "custom_headers": {HEADER: secret},
        "content": {"event": event, "ticket_id": "{{ticket.id}}"},
    }
    return {
        "name": name,
        "active": True,
        "conditions": [{"name": "condition_set_1", "match_type": "all", "properties": [every]}],
        "actions": [action],
    }


def shape(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's lasting traits, the same whether sent or read back.

    Reads leave `resource_type` out, may move the layout into the content, may mask headers, and renumber positions.
    """
    if kind == "field":
        names = ("label", "type", "customers_can_edit", "displayed_to_customers", "required_for_closure")
        return {name: body.get(name) for name in names}
    return {
        "name": body.get("name"),
        "active": bool(body.get("active", True)),
        "performer": _performer(body.get("performer")),
        "events": sorted(str(event.get("field_name")) for event in _dicts(body.get("events"))),
        "conditions": [
            _condition(p) for c in _dicts(body.get("conditions")) for p in _dicts(c.get("properties"))
        ],
        "actions": [_action(action) for action in _dicts(body.get("actions"))],
    }


def _dicts(value: Any) -> list[Row]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _performer(value: Any) -> str:
    return str(value.get("type", "")) if isinstance(value, dict) else ""


def _condition(one: Row) -> list[str]:
    value = one.get("value")
    listed = [str(part) for part in value] if isinstance(value, list) else [str(value)]
    return [str(one.get("field_name")), str(one.get("operator")), *listed]


def _action(action: Row) -> dict[str, Any]:
    content = action.get("content")
    inner = {str(k): str(v) for k, v in content.items()} if isinstance(content, dict) else {}
    for moved in ("content_layout", "content_type"):
        inner.pop(moved, None)
    return {
        "what": action.get("field_name"),
        "url": action.get("url"),
        "value": action.get("value"),
        "content": inner,
        "headers": sorted(name.lower() for name in _headers(action)),
    }


def _headers(action: Row) -> Mapping[str, Any]:
    given = action.get("custom_headers")
    return given if isinstance(given, dict) else {}


def hooks_of(rule: Row) -> list[Row]:
    """Return the webhook actions of a rule."""
    return [one for one in _dicts(rule.get("actions")) if one.get("url")]


def secret_of(rule: Row) -> str:
    """Return the secret that a rule sends, "" where it is not shown or masked."""
    for action in hooks_of(rule):
        for name, value in _headers(action).items():
            if name.lower() == HEADER.lower() and value and not set(str(value)) <= {"*", "•", "x", "X"}:
                return str(value)
    return ""


def mails_requester(rule: Row) -> bool:
    """Return whether a rule writes to the customer by itself."""
    return any(one.get("field_name") == "send_email_to_requester" for one in _dicts(rule.get("actions")))
