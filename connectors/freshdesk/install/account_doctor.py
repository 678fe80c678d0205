"""What doctor sees with an admin's key: our rules, the account's own ones, fields. Codes: README.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.freshdesk.api import Api, rows
from connectors.freshdesk.install import objects
from connectors.freshdesk.install.survey import Seen, judged, look, wanted
from connectors.freshdesk.settings import Settings
from connectors.kit.findings import changed, fail, ok, warn
from connectors.kit.provision import Manifest, Site
from connectors.kit.values import Row
from core.errors import NotAllowed, VendorError
from core.model import Finding

WORDS = {objects.CREATED: "each new ticket", objects.UPDATED: "each reply of a customer"}


def doctor(site: Site[Settings]) -> list[Finding]:
    """Return everything that install made or printed, as far as the API shows it."""
    api, settings, url = Api(site.session), site.settings, site.hook_url
    try:
        seen = look(api)
    except NotAllowed as err:
        return [fail("FD01", f"the API key is refused: {err}", "Set install_api_key to an admin's key.")]
    found: list[Finding] = []
    for kind in (objects.CREATED, objects.UPDATED):
        found += _rule(settings, seen, kind, url)
    return [
        *found,
        *_order(seen, url),
        *_changed(site, seen),
        *_doubling(settings, seen),
        *_fields(settings, seen, site.manifest),
        *_assignment(api),
    ]


def _rules(seen: Seen, kind: int) -> list[Row]:
    return seen.objects.get(objects.RULES_PATH.format(kind=kind), [])


def _calls(rule: Row, url: str) -> bool:
    return any(str(hook.get("url")) == url for hook in objects.hooks_of(rule))


def _rule(settings: Settings, seen: Seen, kind: int, url: str) -> Iterator[Finding]:
    """Check whether a rule calls us, by whomever it was made."""
    if objects.RULES_PATH.format(kind=kind) in seen.denied:
        yield warn(
            "FD20",
            f"whether a rule reports {WORDS[kind]} cannot be seen with this key",
            "Set install_api_key to an admin's key.",
        )
        return
    calling = [rule for rule in _rules(seen, kind) if _calls(rule, url)]
    if not calling:
        yield fail(
            "FD20",
            f"no automation rule reports {WORDS[kind]}",
            f"Run install, or make the rule by hand for {url}; until then only the sweep finds tickets.",
        )
        return
    if not any(rule.get("active", True) for rule in calling):
        yield fail(
            "FD21",
            f"the rule that reports {WORDS[kind]} is switched off",
            "Run install, which switches it on (after “Execute all matching rules” is set).",
        )
        return
    yield ok("FD20", f"a rule reports {WORDS[kind]}")
    sent = [secret for rule in calling if (secret := objects.secret_of(rule))]
    if sent and not set(sent) & set(settings.secrets()):
        yield fail(
            "FD26",
            f"the rule for {WORDS[kind]} sends a secret that is not the configured one",
            f"Run install, or set the rule's header {objects.HEADER} to the value of webhook_secret.",
        )


def _order(seen: Seen, url: str) -> Iterator[Finding]:
    rules = [rule for rule in _rules(seen, objects.CREATED) if rule.get("active", True)]
    others = [rule for rule in rules if not _calls(rule, url)]
    if seen.cascading is False and others:
        names = ", ".join(f"“{rule.get('name')}”" for rule in others[:3])
        yield fail(
            "FD22",
            f"only the first matching creation rule runs, and there are others besides ours: {names}",
            "Admin, Automations, Ticket Creation: change to “Execute all matching rules”.",
        )
    elif seen.cascading is not None:
        yield ok("FD22", "no creation rule keeps another one from running")


def _changed(site: Site[Settings], seen: Seen) -> Iterator[Finding]:
    for one in wanted(site, seen):
        if one.key in site.manifest:
            yield from changed("FD23", judged(one, seen, site.manifest, site.secret))


def _doubling(settings: Settings, seen: Seen) -> Iterator[Finding]:
    """The desk's own automatic mails beside ours."""
    for rule in _rules(seen, objects.CREATED):
        if rule.get("active", True) and objects.mails_requester(rule):
            yield warn(
                "FD24",
                f"the creation rule “{rule.get('name')}” mails the customer too, besides our acknowledgment",
                "Switch off that rule's mail; ours says when a human will answer.",
            )
    if settings.own_notifications_off:
        yield ok("FD25", "Freshdesk's own mails to customers are said to be switched off")
    else:
        yield warn(
            "FD25",
            "Freshdesk's own “new ticket” and “resolved” mails may double ours; no API shows whether they are on",
            "Admin, Email Notifications: switch them off, then set own_notifications_off = true.",
        )


def _fields(settings: Settings, seen: Seen, manifest: Manifest) -> Iterator[Finding]:
    there = {str(row.get("id")) for row in seen.objects.get(objects.FIELDS_PATH, [])}
    configured = settings.fields()
    for key, kept in manifest.items():
        kind, _, ours = key.partition(":")
        if kind != "field" or objects.FIELDS_PATH in seen.denied:
            continue
        if kept["id"] not in there:
            yield warn("FD27", f"our field for the {ours} was deleted", "Run install to have it again.")
        elif configured.get(ours) != kept.get("name"):
            yield warn(
                "FD27",
                f"the field {kept.get('name')} that install made stays empty: {ours}_field names another one",
                f"Take {ours}_field out of the file, or delete the field.",
            )


def _assignment(api: Api) -> Iterable[Finding]:
    """Return groups that hand out tickets by themselves: then “assigned” does not mean that a person looked."""
    try:
        groups = rows(api.get("/groups", per_page=100))
    except VendorError:
        return
    names = [str(group.get("name")) for group in groups if _automatic(group)]
    if names:
        yield warn(
            "FD28",
            f"these groups assign tickets to agents by themselves: {', '.join(names)}",
            "An assignment counts as a claim and stops the reminders; switch it off for groups that take escalations.",
        )


def _automatic(group: Row) -> bool:
    newer = group.get("automatic_agent_assignment")
    enabled = isinstance(newer, dict) and bool(newer.get("enabled"))
    return enabled or group.get("auto_ticket_assign") not in {None, 0, "disabled"}
