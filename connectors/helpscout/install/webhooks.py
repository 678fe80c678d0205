"""The one object that Help Scout's API lets us make: the webhook. What we want, what is there, how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.helpscout.api import Api
from connectors.kit.provision import (
    Manifest,
    Step,
    fingerprint,
    hook_secret,
    secret_print,
    secret_words,
)
from connectors.kit.values import Row, text

if TYPE_CHECKING:
    from connectors.helpscout.connector import Settings

KEY = "webhook:events"
PATH = "/webhooks"
EVENTS = ("convo.created", "convo.customer.reply.created", "convo.assigned", "convo.merged", "convo.deleted")
OFF = "it was switched off (Help Scout does that after failures): it is switched on again"
WHY = "tells us of new conversations, customers' replies, claims, merges and deletions"


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


def wanted(settings: Settings, public_url: str, desk: str, manifest: Manifest) -> Wanted:
    """The webhook of a desk; the first of several secrets signs."""
    secret = hook_secret(settings.secrets(), manifest)
    shown = secret_words(settings.webhook_secret, secret)
    return Wanted(f"Backstop {desk}", f"{public_url.rstrip('/')}/hooks/{desk}", secret, shown)


def shape(hook: Row) -> dict[str, Any]:
    """Its lasting traits, the same whether sent or read back. The secret is never shown."""
    listed, inboxes = hook.get("events"), hook.get("mailboxIds")
    return {
        "url": text(hook.get("url")),
        "events": sorted(map(text, listed)) if isinstance(listed, list) else [],
        "payloadVersion": text(hook.get("payloadVersion")).upper() or "V2",
        "notification": bool(hook.get("notification")),
        "label": text(hook.get("label")),
        "mailboxIds": sorted(map(text, inboxes)) if isinstance(inboxes, list) else [],
    }


def listed(api: Api) -> list[Row]:
    """All webhooks of the account."""
    return list(api.all(PATH, "webhooks"))


def ours(one: Wanted, hooks: Sequence[Row], manifest: Manifest) -> Row | None:
    """By the id that we kept; when that is lost, by label and URL."""
    kept = manifest.get(KEY, {}).get("id", "")
    by_id = next((hook for hook in hooks if kept and text(hook.get("id")) == kept), None)
    same = (hook for hook in hooks if (hook.get("label"), hook.get("url")) == (one.name, one.url))
    return by_id or next(same, None)


def calling(one: Wanted, hooks: Sequence[Row]) -> list[Row]:
    """Whoever made them: those that call us."""
    return [hook for hook in hooks if text(hook.get("url")).rstrip("/") == one.url]


def enabled(hook: Row) -> bool:
    """Help Scout switches a webhook off after ten failures, or at the first 410."""
    return text(hook.get("state") or "enabled").lower() == "enabled"


def lacks(hook: Row) -> str:
    """What keeps a webhook from telling us all that we need; "" when nothing does."""
    seen = shape(hook)
    missing = [event for event in EVENTS if event not in seen["events"]]
    if missing:
        return f"it does not send {', '.join(missing)}"
    if seen["notification"]:
        return "it sends links only (notification)"
    return "" if seen["payloadVersion"] == "V2" else f"it sends {seen['payloadVersion']} bodies"


def judged(one: Wanted, hooks: Sequence[Row], manifest: Manifest) -> Step:
    """As we left it, switched off, of an older version of ours, changed by somebody, or not there."""
    there, kept = ours(one, hooks, manifest), manifest.get(KEY, {})
    if there is None:
        return _strangers(one, calling(one, hooks))
    number, found = text(there.get("id")), fingerprint(shape(there))
    if not enabled(there):
        return Step("update", "webhook", one.name, OFF, number, _address(one))
    if found not in {one.hash, kept.get("hash")}:
        details = difference(shape(there), shape(one.body))
        why = "somebody changed it, so it is left as it is; delete it and run install to have ours again"
        return Step("differs", "webhook", one.name, why, number, details)
    why = _outdated(one, kept, found)
    return Step("update" if why else "keep", "webhook", one.name, why or WHY, number, _address(one))


def _address(one: Wanted) -> str:
    return f"it calls {one.url}"


def _outdated(one: Wanted, kept: Row, found: str) -> str:
    if found != one.hash:
        return "we want it differently than when we made it"
    return (
        "the webhook secret was exchanged" if kept and kept.get("secret") != secret_print(one.secret) else ""
    )


def _strangers(one: Wanted, hooks: Sequence[Row]) -> Step:
    """A webhook that somebody clicked together serves as well, and stays theirs."""
    good = next((hook for hook in hooks if not lacks(hook)), None)
    if good is not None:
        return Step(
            "keep", "webhook", text(good.get("label")) or one.url, "made by hand", text(good.get("id"))
        )
    return Step("create", "webhook", one.name, WHY, details=_address(one))


def difference(there: dict[str, Any], wanted_shape: dict[str, Any]) -> str:
    """What somebody changed."""
    pairs = ((name, there[name], value) for name, value in wanted_shape.items() if there[name] != value)
    return "; ".join(f"{name}: {now!r}, ours {value!r}" for name, now, value in pairs)
