"""A Freshdesk account over the sandbox: its routes, its refusals and its webhooks, for tests and the demo.

It holds our belief about Freshdesk and is honest about the traps: tags are replaced, ten conversations are embedded,
lists hide spam and the trash, only `X-Backstop-Token` (an ordinary header of the rule's) proves a webhook.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from connectors.freshdesk.fake import http
from connectors.freshdesk.fake.admin import add_rule, admin
from connectors.freshdesk.fake.rules import on_event
from connectors.freshdesk.fake.state import State
from connectors.freshdesk.fake.tickets import tickets
from connectors.freshdesk.fake.writes import merge_note, writes
from connectors.sandbox.account import Account, app_of
from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.hooks import Hooks

CATCH_ALL = {
    "name": "condition_set_1",
    "match_type": "all",
    "properties": [
        {"resource_type": "ticket", "field_name": "priority", "operator": "in", "value": [1, 2, 3, 4]}
    ],
}


@dataclass
class Fake(Account[State]):
    """The account: its WSGI app, its webhooks and its tickets."""

    layout: str = "advanced"
    encoding: str = "JSON"

    def settings(self, base_url: str) -> dict[str, Any]:
        """Return the `[desks.<name>]` table that fits this account."""
        return {
            "vendor": "freshdesk",
            "base_url": base_url,
            "api_key": self.state.api_key,
            "install_api_key": self.state.admin_key,
            "webhook_secret": self.state.secret,
        }

    def subscribe(self, url: str) -> None:
        """Make the two automation rules that an admin would click together."""
        self.hooks.url = url
        base = {"active": True, "conditions": [CATCH_ALL]}
        add_rule(
            self.state,
            1,
            {**base, "name": "new ticket", "position": 1, "actions": [self._action(url, "created")]},
        )
        events = [{"field_name": "reply_sent"}, {"field_name": "note_type", "value": "public"}]
        update = {**base, "name": "customer replied", "performer": {"type": 2}, "events": events}
        add_rule(self.state, 4, {**update, "actions": [self._action(url, "reply")]})

    def _action(self, url: str, event: str) -> dict[str, Any]:
        advanced = self.layout == "advanced"
        return {
            "field_name": "trigger_webhook",
            "request_type": "POST",
            "url": url,
            "content_type": self.encoding,
            "content_layout": "2" if advanced else "1",
            "custom_headers": {"X-Backstop-Token": self.state.secret},
            "content": {"event": event, "ticket_id": "{{ticket.id}}"} if advanced else {},
        }


def make_fake(desk: SandboxDesk, *, layout: str = "advanced", encoding: str = "JSON", **options: Any) -> Fake:
    """Return the account over `desk`; `options` are fields of State (limit, scope, bot_is_admin, cascading…)."""
    hooks = Hooks()
    state = State(desk, hooks, **options)
    app = app_of(
        "/api/v2",
        tickets(state),
        writes(state),
        admin(state),
        guard=http.guard(state),
        headers=http.headers(state),
        bare=http.bare,
    )
    desk.listeners.append(partial(merge_note, state))
    desk.listeners.append(partial(on_event, state))
    return Fake(app, hooks, desk, state, layout, encoding)
