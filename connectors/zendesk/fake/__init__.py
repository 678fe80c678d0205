"""A Zendesk account over the sandbox: its routes, its refusals and its webhooks, for tests and the demo.

It holds our belief about Zendesk and is honest about the traps: tags are replaced, `public` is inherited, a solve without
an assignee refuses the comment too, `safe_update: false` locks all the same, the export withholds the newest minute, a bad
credential is greeted as an anonymous user, events carry string ids and come for our own writes as well.
"""

from __future__ import annotations

from typing import Any

from connectors.sandbox.account import Account, app_of
from connectors.sandbox.desk import SandboxDesk
from connectors.sandbox.hooks import Hooks
from connectors.zendesk.fake import http
from connectors.zendesk.fake.admin import add_webhook, admin, default_triggers
from connectors.zendesk.fake.hooks import on_event
from connectors.zendesk.fake.presence import presence
from connectors.zendesk.fake.state import Json, State
from connectors.zendesk.fake.tickets import tickets
from connectors.zendesk.fake.writes import writes

SUBSCRIBED = [
    "created",
    "comment_added",
    "agent_assignment_changed",
    "merged",
    "soft_deleted",
    "marked_as_spam",
    "undeleted",
]


class Fake(Account[State]):
    """The account: its WSGI app, its webhooks and its tickets."""

    def settings(self, base_url: str) -> dict[str, Any]:
        """Return the `[desks.<name>]` table that fits this account."""
        return {
            "vendor": "zendesk",
            "base_url": base_url,
            "client_id": self.state.client_id,
            "client_secret": self.state.client_secret,
            "webhook_secret": self.state.secret,
        }

    def subscribe(self, url: str) -> None:
        """The event webhook that `install` would make."""
        subscriptions = [f"zen:event-type:ticket.{one}" for one in SUBSCRIBED]
        hook: Json = {
            "name": "Backstop",
            "status": "active",
            "endpoint": url,
            "http_method": "POST",
            "request_format": "json",
            "subscriptions": subscriptions,
        }
        add_webhook(self.state, hook, secret=self.state.secret)


def make_fake(desk: SandboxDesk, **options: Any) -> Fake:
    """Return the account over `desk`; `options` are fields of State (per_minute, side_loads, required_to_solve,
    bot_role…)."""
    hooks = Hooks()
    state = State(desk, hooks, **options)
    if not desk.bot.queue_ids:
        desk.bot.queue_ids.append(desk.add_queue("Support").id)
    default_triggers(state)
    app = app_of(
        "/api/v2",
        tickets(state),
        writes(state),
        admin(state),
        presence(state),
        guard=http.guard(state),
        headers=http.headers(state),
        bare=http.bare,
    )
    http.oauth(app, state)
    desk.listeners.append(on_event(state))
    return Fake(app, hooks, desk, state)
