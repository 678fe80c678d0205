"""What is in the account now, against what we want there."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.helpscout.api import Api
from connectors.helpscout.install.objects import EVENTS, KEY, OFF, PATH, WHY, Wanted, shape
from connectors.kit.provision import Manifest, Step, difference, fingerprint, secret_print
from connectors.kit.values import Row, text


def listed(api: Api) -> list[Row]:
    """Return all webhooks of the account."""
    return list(api.all(PATH, "webhooks"))


def ours(one: Wanted, hooks: Sequence[Row], manifest: Manifest) -> Row | None:
    """Return the webhook with the id in the manifest; when that is lost, with our label and URL."""
    kept = manifest.get(KEY, {}).get("id", "")
    by_id = next((hook for hook in hooks if kept and text(hook.get("id")) == kept), None)
    same = (hook for hook in hooks if (hook.get("label"), hook.get("url")) == (one.name, one.url))
    return by_id or next(same, None)


def calling(one: Wanted, hooks: Sequence[Row]) -> list[Row]:
    """Return the webhooks that call us, whoever made them."""
    return [hook for hook in hooks if text(hook.get("url")).rstrip("/") == one.url]


def enabled(hook: Row) -> bool:
    """Return whether the webhook is on: Help Scout disables it after ten failures, or at the first 410."""
    return text(hook.get("state") or "enabled").lower() == "enabled"


def lacks(hook: Row) -> str:
    """Return what keeps a webhook from telling us all that we need; "" when nothing does."""
    seen = shape(hook)
    missing = [event for event in EVENTS if event not in seen["events"]]
    if missing:
        return f"it does not send {', '.join(missing)}"
    if seen["notification"]:
        return "it sends links only (notification)"
    return "" if seen["payloadVersion"] == "V2" else f"it sends {seen['payloadVersion']} bodies"


def judged(one: Wanted, hooks: Sequence[Row], manifest: Manifest) -> Step:
    """Return the webhook's step: as we left it, disabled, of an older version of ours, changed by somebody, or missing."""
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
    """Return the step about webhooks that a person made: they serve as well, and are left alone."""
    good = next((hook for hook in hooks if not lacks(hook)), None)
    if good is not None:
        return Step(
            "keep", "webhook", text(good.get("label")) or one.url, "made by hand", text(good.get("id"))
        )
    return Step("create", "webhook", one.name, WHY, details=_address(one))
