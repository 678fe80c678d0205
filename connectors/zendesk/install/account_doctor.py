"""What `doctor` sees with an admin's rights: the webhook, the triggers around us, our objects. Codes as in the README."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.kit.findings import fail, ok, warn
from connectors.kit.provision import Manifest, Site, fingerprint
from connectors.kit.values import Row, row, rows
from connectors.zendesk.api import Api, text
from connectors.zendesk.install.objects import EVENTS, LISTS, PATHS, TRIGGERED, shape_of
from connectors.zendesk.settings import Settings
from core.errors import NotAllowed, VendorError
from core.model import Finding

REQUESTER = {"requester_id", "requester_and_ccs"}
NEEDED = {f"zen:event-type:ticket.{one}" for one in EVENTS[:2]}


def doctor(site: Site[Settings]) -> list[Finding]:
    """Return one finding for each check."""
    api, settings = Api(site.session), site.settings
    try:
        hooks, triggers = api.all("/webhooks", "webhooks"), api.all("/triggers", "triggers")
    except NotAllowed as err:
        words = f"webhooks and triggers cannot be looked at: {err}"
        return [fail("ZD40", words, "an admin with the scope `read write` is needed for install and doctor")]
    return [
        *_hook(settings, api, hooks, site.hook_url),
        *_address(site.public_url),
        *_around(triggers, acknowledge=settings.acknowledge),
        *_ours(api, site.manifest, triggers),
    ]


def _hook(settings: Settings, api: Api, hooks: Iterable[Row], address: str) -> list[Finding]:
    """Return the webhook that calls our address."""
    calling = [hook for hook in hooks if text(hook.get("endpoint")) == address]
    if not calling:
        return [fail("ZD41", f"no webhook calls {address}", "run install")]
    active = [hook for hook in calling if hook.get("status") == "active"]
    if not active:
        return [fail("ZD42", "our webhook is switched off", "run install: it switches it on again")]
    found = [
        _single(active),
        _subscribed(active),
        *(_secret(settings, api, hook) for hook in active),
        *(_calls(api, hook) for hook in active),
    ]
    return [one for one in found if one] or [
        ok("ZD41", "the webhook is there, active and proven by our secret")
    ]


def _single(active: list[Row]) -> Finding | None:
    if len(active) == 1:
        return None
    words = f"{len(active)} active webhooks call us: {', '.join(text(hook.get('id')) for hook in active)}"
    return warn("ZD43", words, "delete all but the one in the manifest: each event is delivered as often")


def _subscribed(active: list[Row]) -> Finding | None:
    kinds = {str(kind) for hook in active for kind in hook.get("subscriptions") or []}
    missing = NEEDED - kinds
    if TRIGGERED in kinds or not missing:
        return None
    return fail(
        "ZD44",
        f"the webhook does not subscribe to {', '.join(sorted(missing))}",
        "run install, or add the events",
    )


def _secret(settings: Settings, api: Api, hook: Row) -> Finding | None:
    answer = api.get(f"/webhooks/{text(hook.get('id'))}/signing_secret")
    if text(row(answer.get("signing_secret")).get("secret")) in settings.secrets():
        return None
    words = "the webhook signs with a secret that we do not know: all its requests are refused"
    return fail("ZD45", words, "run install, which keeps the secret")


def _calls(api: Api, hook: Row) -> Finding | None:
    """Return the newest hundred deliveries of the last seven days."""
    try:
        made = rows(api.get(f"/webhooks/{text(hook.get('id'))}/invocations").get("invocations"))
    except VendorError:
        return None
    failed = [
        one for one in made if text(one.get("status")).lower() in {"terminated", "circuit broken", "failed"}
    ]
    if not failed:
        return None
    words = f"{len(failed)} of the last {len(made)} deliveries failed (the sweep finds their tickets)"
    return warn("ZD46", words, "Admin Center > Webhooks > Activity shows the answers that Zendesk got")


def _address(public_url: str) -> list[Finding]:
    if public_url.startswith("https://"):
        return []
    return [
        warn("ZD47", f"public_url is {public_url or 'not set'}", "an https address that Zendesk can reach")
    ]


def _around(triggers: list[Row], *, acknowledge: bool) -> list[Finding]:
    """Return the account's own triggers that have to do with our messages."""
    found = [
        warn(
            "ZD50",
            f'the trigger "{title}" also mails every new customer, who would then get two acknowledgments',
            "deactivate the trigger, or set acknowledge = false",
        )
        for title in (own_replies(triggers) if acknowledge else ())
    ]
    if not any(_mails_comments(one) for one in triggers):
        words = "no active trigger mails public comments to the requester: our replies would never arrive"
        found.append(fail("ZD51", words, 'activate "Notify requester and CCs of comment update"'))
    found += [
        warn(
            "ZD52",
            f'the trigger "{one.get("title")}" sets tags: it wipes all others, ours too',
            'use its action "Add tags"',
        )
        for one in triggers
        if one.get("active") is not False
        and any(a.get("field") == "set_tags" for a in rows(one.get("actions")))
    ]
    return found or [ok("ZD51", "public comments are mailed, and no other mail doubles ours")]


def own_replies(triggers: Iterable[Row]) -> list[str]:
    """Return the titles of active triggers that mail the requester when a ticket is made."""
    return [str(one.get("title")) for one in triggers if _mails(one) and _on(one, "Create")]


def _mails_comments(trigger: Row) -> bool:
    """Return whether a trigger mails the requester about a public comment, at least when a ticket changes."""
    conditions = row(trigger.get("conditions"))
    fields = {text(one.get("field")) for one in [*rows(conditions.get("all")), *rows(conditions.get("any"))]}
    return _mails(trigger) and "comment_is_public" in fields and not _on(trigger, "Create")


def _mails(trigger: Row) -> bool:
    if trigger.get("active") is False:
        return False
    to = [a.get("value") for a in rows(trigger.get("actions")) if a.get("field") == "notification_user"]
    return any(text(one[0] if isinstance(one, list) and one else one) in REQUESTER for one in to)


def _on(trigger: Row, kind: str) -> bool:
    every = rows(row(trigger.get("conditions")).get("all"))
    return any(one.get("field") == "update_type" and one.get("value") == kind for one in every)


def _ours(api: Api, manifest: Manifest, triggers: list[Row]) -> list[Finding]:
    """Return what we made and is gone, or was changed by somebody."""
    seen = {
        kind: triggers if kind == "trigger" else api.all(path, LISTS[kind]) for kind, path in PATHS.items()
    }
    found = []
    for key, kept in manifest.items():
        kind = key.partition(":")[0]
        if kind not in PATHS:
            continue
        there = next((one for one in seen[kind] if text(one.get("id")) == kept["id"]), None)
        if there is None:
            found.append(fail("ZD55", f"our {key} (id {kept['id']}) was deleted", "run install"))
        elif fingerprint(shape_of(kind, there)) != kept["hash"]:
            found.append(
                warn("ZD56", f"somebody changed our {key} (id {kept['id']})", "plan shows what differs")
            )
    return found
