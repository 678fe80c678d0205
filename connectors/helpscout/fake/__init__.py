"""A Help Scout account over the sandbox: its routes, its refusals and its webhooks, for tests and the demo.

It holds our belief about Help Scout and is honest about the traps: tags and fields are replaced as a whole, a reply
without a status reopens, one operation a PATCH, lists show active conversations only and never spam, a merged id answers
301 to one call and 404 to all others, ten failed deliveries (or one 410) switch a webhook off.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import partial
from typing import Any

from connectors.helpscout.fake import http
from connectors.helpscout.fake import state as show
from connectors.helpscout.fake.admin import add_webhook, admin, webhooks
from connectors.helpscout.fake.conversations import conversations
from connectors.helpscout.fake.state import Json, State
from connectors.helpscout.fake.writes import writes
from connectors.sandbox.account import Account, app_of
from connectors.sandbox.desk import Case, Entry, SandboxDesk
from connectors.sandbox.hooks import Delivery, Hooks

NAMES = {
    "created": "convo.created",
    "reply": "convo.customer.reply.created",
    "agent_reply": "convo.agent.reply.created",
    "note": "convo.note.created",
    "assigned": "convo.assigned",
    "status": "convo.status",
    "merged": "convo.merged",
    "deleted": "convo.deleted",
}
SUBSCRIBED = [
    "convo.created",
    "convo.customer.reply.created",
    "convo.assigned",
    "convo.merged",
    "convo.deleted",
]
PATIENCE = 10  # failed deliveries before a webhook is switched off


class Fake(Account[State]):
    """The account: its WSGI app, its webhooks and its conversations."""

    def settings(self, base_url: str) -> dict[str, Any]:
        """Return the `[desks.<name>]` table that fits this account."""
        return {
            "vendor": "helpscout",
            "base_url": base_url,
            "client_id": self.state.client_id,
            "client_secret": self.state.client_secret,
            "grant": self.state.grant,
            "webhook_secret": self.state.secret,
            "write_burst": self.state.burst,
        }

    def subscribe(self, url: str) -> None:
        """Make the webhook that installing makes."""
        add_webhook(
            self.state,
            {"url": url, "events": list(SUBSCRIBED), "secret": self.state.secret, "label": "Backstop"},
        )


def make_fake(desk: SandboxDesk, **options: Any) -> Fake:
    """Return the account over `desk`; `options` are fields of State (limit, burst, inboxes, embed_in_hooks…)."""
    hooks = Hooks()
    state = State(desk, hooks, **options)
    app = app_of(
        "/v2",
        conversations(state),
        writes(state),
        admin(state),
        webhooks(state),
        guard=http.guard(state),
        headers=http.headers(state),
        bare=http.bare,
    )
    app.register_blueprint(http.tokens(state))
    desk.listeners.append(partial(on_event, state))
    return Fake(app, hooks, desk, state)


def on_event(state: State, event: str, case: Case, _entry: Entry | None, _actor_id: int) -> None:
    """Deliver to each webhook that wants this event."""
    name = NAMES.get(event, "")
    for hook in list(state.webhooks):
        wanted = name in hook["events"] and hook["state"] == "enabled"
        mailbox = show.mailbox_of(case, state)
        if wanted and (not hook["mailboxIds"] or mailbox in hook["mailboxIds"]):
            state.hooks.url = hook["url"]
            _count(state, hook, state.hooks.post(delivery(state, name, case, hook["secret"])))


def _count(state: State, hook: Json, answer: int | None) -> None:
    if answer is None:  # held back, or dropped on purpose
        return
    if 200 <= answer < 300:
        state.failures.pop(hook["id"], None)
        return
    failed = state.failures[hook["id"]] = state.failures.get(hook["id"], 0) + 1
    if failed >= PATIENCE or answer == 410:
        hook["state"] = "disabled"


def delivery(state: State, name: str, case: Case, secret: str) -> Delivery:
    """Return a signed request: the body with escaped slashes and \\u escapes, as Help Scout writes them."""
    if name == "convo.merged" and case.merged_into is not None:
        case = state.desk.cases[case.merged_into]
    shown: Json = {"id": case.id} if name == "convo.deleted" else show.conversation_json(state, case)
    if state.embed_in_hooks and name != "convo.deleted":
        shown["_embedded"] = {"threads": show.threads_json(state, case)}
    body = json.dumps(shown, separators=(",", ":")).replace("/", "\\/").encode()
    proof = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha1).digest()).decode()
    headers = {
        "Content-Type": "application/json",
        "X-HelpScout-Event": name,
        "X-HelpScout-Signature": proof,
        "User-Agent": "Help Scout",
    }
    return Delivery(body, headers, name)
