"""What doctor sees of what install made or printed, as far as the API shows it. Codes: README.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.helpscout.api import Api, Burst, embedded
from connectors.helpscout.directory import system
from connectors.helpscout.install.objects import KEY, Wanted, shape, wanted
from connectors.helpscout.install.survey import calling, enabled, judged, lacks, listed
from connectors.helpscout.reading import threads_of
from connectors.helpscout.settings import Settings
from connectors.helpscout.threads import by_machine, from_customer, in_order, kind_of
from connectors.kit.findings import changed, fail, ok, warn
from connectors.kit.provision import Site
from connectors.kit.values import Row, row, text
from core.errors import NotAllowed, VendorError
from core.model import Finding


def doctor(site: Site[Settings]) -> list[Finding]:
    """Return everything that install made or printed."""
    settings, api, one = site.settings, Api(site.session, Burst(site.settings.write_burst)), wanted(site)
    try:
        hooks = listed(api)
    except NotAllowed as err:
        if err.status == 401:
            remedy = "Check client_id and client_secret, or connect the desk again."
            return [fail("HS01", f"the credential is refused: {err}", remedy)]
        remedy = "Make the app's owner an administrator, or look at Manage, Apps, Webhooks yourself."
        return [warn("HS24", "this token may not look at webhooks", remedy), *_doubling(settings, api)]
    return [
        *_hooks(one, calling(one, hooks)),
        *(changed("HS23", judged(one, hooks, site.manifest)) if KEY in site.manifest else ()),
        *_doubling(settings, api),
        *_workflows(api),
    ]


def _hooks(one: Wanted, found: Sequence[Row]) -> Iterator[Finding]:
    """Check the webhooks that call us, by whomever they were made."""
    if not found:
        yield fail(
            "HS20",
            f"no webhook calls {one.url}",
            "Run install, or make it under Manage, Apps, Webhooks; until then only the sweep finds conversations.",
        )
        return
    if not any(enabled(hook) for hook in found):
        yield fail(
            "HS21",
            "Help Scout has switched our webhook off: ten deliveries failed, or one was answered 410",
            "Run install (the sweep does it too), and see that the receiver can be reached from outside.",
        )
        return
    best = next((hook for hook in found if enabled(hook) and not lacks(hook)), None)
    if best is None:
        why = "; ".join(lacks(hook) for hook in found if enabled(hook))
        yield fail("HS22", f"our webhook does not report enough: {why}", "Delete it and run install.")
        return
    yield ok("HS20", f"a webhook calls {one.url}")
    if len([hook for hook in found if enabled(hook)]) > 1:
        yield warn(
            "HS26",
            f"{len(found)} webhooks call {one.url}: everything is reported twice",
            "Delete those that install did not make.",
        )
    if inboxes := shape(best)["mailboxIds"]:
        yield warn(
            "HS27",
            f"the webhook covers only the inboxes {', '.join(inboxes)}",
            "Fine if it was meant: the sweep finds conversations of the others a little later.",
        )


def _doubling(settings: Settings, api: Api) -> Iterator[Finding]:
    """The desk's own automatic messages beside ours: no API shows the setting, but the conversations show its work."""
    found = _automatic(api)
    if found:
        yield warn(
            "HS25",
            f"customers get an automatic message of the desk's besides ours, as in conversation {found}",
            "Switch off one of the two: Manage, Inbox, Auto Reply, or the workflow that answers.",
        )
    elif settings.auto_reply_off:
        yield ok("HS25", "the inboxes' own auto reply is said to be switched off")
    else:
        yield warn(
            "HS25",
            "the inboxes' own auto reply may double our acknowledgment; no API shows whether it is on",
            "Manage, Inbox, Auto Reply: switch it off, then set auto_reply_off = true.",
        )


def _automatic(api: Api) -> str:
    """Return a recent conversation in which the desk itself answered its customer, "" when there is none among the
    newest."""
    try:
        answer = api.page(
            "/conversations", 1, status="all", sortField="createdAt", sortOrder="desc", embed="threads"
        )
    except VendorError:
        return ""
    robots = system
    for one in embedded(answer, "conversations"):
        said = [t for t in in_order(threads_of(one)) if kind_of(t) == "message" and not from_customer(t)]
        if any(by_machine(thread, robots) for thread in said):
            return text(one.get("id"))
    return ""


def _workflows(api: Api) -> Iterator[Finding]:
    """The API names automatic workflows and does not show what they do."""
    try:
        listed = list(api.all("/workflows", "workflows"))
    except VendorError:
        return
    active = [
        text(w.get("name")) for w in listed if w.get("type") == "automatic" and w.get("status") == "active"
    ]
    if active:
        yield ok(
            "HS28",
            f"these automatic workflows are on: {', '.join(active)}",
            "See that none of them mails customers, or assigns to a user what is to wait for a human.",
        )


def fields_missing(settings: Settings, api: Api) -> dict[str, list[str]]:
    """Return a mapping, inbox name → the configured fields that it lacks."""
    configured = settings.fields().values()
    if not configured:
        return {}
    missing: dict[str, list[str]] = {}
    for inbox in api.all("/mailboxes", "mailboxes"):
        there = [row(f) for f in api.all(f"/mailboxes/{text(inbox.get('id'))}/fields", "fields")]
        called = {key for f in there for key in (text(f.get("id")), text(f.get("name")).casefold())}
        if lacking := [name for name in configured if name.casefold() not in called]:
            missing[text(inbox.get("name"))] = lacking
    return missing
