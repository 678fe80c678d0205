"""The one object that Help Scout's API lets us make: the webhook, as it is sent and as it comes back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.helpscout.settings import Settings
from connectors.kit.provision import Site, fingerprint
from connectors.kit.values import Row, text

KEY = "webhook:events"
PATH = "/webhooks"
EVENTS = ("convo.created", "convo.customer.reply.created", "convo.assigned", "convo.merged", "convo.deleted")
OFF = "it was switched off (Help Scout does that after failures): it is switched on again"
WHY = "reports new conversations, customers' replies, claims, merges and deletions"


@dataclass(frozen=True)
class Wanted:
    """The webhook that we want."""

    name: str
    url: str
    secret: str
    shown: str = ""  # the secret, as a person is shown it

    @property
    def body(self) -> dict[str, Any]:
        """As it is sent; a PUT takes the whole of it again."""
        return {
            "url": self.url,
            "events": list(EVENTS),
            "secret": self.secret,
            "payloadVersion": "V2",
            "notification": False,
            "label": self.name,
        }

    @property
    def hash(self) -> str:
        """Of what we send, as it can be compared with what is read back."""
        return fingerprint(shape(self.body))


def wanted(site: Site[Settings]) -> Wanted:
    """Return the webhook of a desk; the first of several secrets signs."""
    return Wanted(f"Backstop {site.desk}", site.hook_url, site.secret, site.shown_secret)


def shape(hook: Row) -> dict[str, Any]:
    """Return its lasting traits, the same whether sent or read back. The secret is never shown."""
    listed, inboxes = hook.get("events"), hook.get("mailboxIds")
    return {
        "url": text(hook.get("url")),
        "events": sorted(map(text, listed)) if isinstance(listed, list) else [],
        "payloadVersion": text(hook.get("payloadVersion")).upper() or "V2",
        "notification": bool(hook.get("notification")),
        "label": text(hook.get("label")),
        "mailboxIds": sorted(map(text, inboxes)) if isinstance(inboxes, list) else [],
    }
