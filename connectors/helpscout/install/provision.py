"""Plan, install, uninstall, and the webhook kept alive: idempotent, and careful with what people changed or made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.helpscout.api import Api, Burst
from connectors.helpscout.install import manual_steps, webhooks
from connectors.helpscout.install.install_doctor import doctor, fields_missing
from connectors.helpscout.install.webhooks import KEY, OFF, PATH, Wanted, judged, wanted
from connectors.kit.http import DeskSession
from connectors.kit.provision import (
    HOOK,
    Keep,
    Manifest,
    Step,
    forget,
    hook_secret,
    new_secret,
    secret_print,
)
from connectors.kit.text import numbered
from connectors.kit.values import Row, text
from core.errors import Gone, NotAllowed, Refused, UnknownOutcome, VendorError

if TYPE_CHECKING:
    from connectors.helpscout.connector import Settings

__all__ = ["doctor", "ensure_hook", "install", "plan", "uninstall"]

DENIED = "this token may not look at webhooks; the app's owner needs to be an administrator, or do it by hand"


def plan(
    settings: Settings,
    session: DeskSession,
    *,
    public_url: str,
    desk: str,
    manifest: Manifest,
    intents: Iterable[str] = (),
) -> list[Step]:
    """What install would do, and what is left to be clicked."""
    api, one = Api(session, Burst(settings.write_burst)), wanted(settings, public_url, desk, manifest)
    try:
        step = _seen(api, one, manifest)[0]
        return [step, *_by_hand(settings, api, one, intents)]
    except NotAllowed as err:
        return [manual_steps.connect(str(err))]


def _seen(api: Api, one: Wanted, manifest: Manifest) -> tuple[Step, Sequence[Row]]:
    """The webhook's step, and all webhooks that are there."""
    try:
        hooks = webhooks.listed(api)
    except NotAllowed as err:
        if err.status == 401:
            raise
        return manual_steps.webhook(one, DENIED), ()
    return judged(one, hooks, manifest), hooks


def _by_hand(settings: Settings, api: Api, one: Wanted, intents: Iterable[str]) -> Iterable[Step]:
    if not settings.auto_reply_off:
        yield manual_steps.auto_reply()
    yield from manual_steps.fields(fields_missing(settings, api), intents)
    yield manual_steps.view(settings.tag_prefix)
    yield manual_steps.sidebar(one)


def install(
    settings: Settings,
    session: DeskSession,
    *,
    public_url: str,
    desk: str,
    manifest: Manifest,
    intents: Iterable[str] = (),
    keep: Keep = forget,
) -> tuple[Manifest, list[Step]]:
    """Make the webhook or bring it up to date, leave the rest. Twice makes one."""
    api, made = Api(session, Burst(settings.write_burst)), dict(manifest)
    if not hook_secret(settings.secrets(), made):
        made[HOOK] = {"secret": new_secret()}
        keep(made)  # before the webhook signs with it
    one = wanted(settings, public_url, desk, made)
    try:
        step, hooks = _seen(api, one, manifest)
        there = webhooks.ours(one, hooks, manifest)
        step = _done(api, one, step, there)
        adopted = step.action == "keep" and there is not None and KEY not in made
        if step.action in {"create", "update"} or adopted:
            shown = manifest.get(KEY, {}).get("hash", one.hash) if step.why == OFF else one.hash
            made[KEY] = {"id": step.id, "hash": shown, "secret": secret_print(one.secret)}
            keep(made)
        return made, [step, *_by_hand(settings, api, one, intents)]
    except NotAllowed as err:
        return made, [manual_steps.connect(str(err))]


def _done(api: Api, one: Wanted, step: Step, there: Row | None) -> Step:
    """The step carried out."""
    try:
        match step.action:
            case "create":
                return replace(step, id=_create(api, one))
            case "update" if step.why == OFF and there is not None:
                _switch_on(api, one, there)
                return step
            case "update":
                api.write("PUT", f"{PATH}/{step.id}", one.body)
                return step
            case _:
                return step
    except NotAllowed as err:
        if err.status == 401:
            raise
        return manual_steps.webhook(one, DENIED)
    except (Refused, UnknownOutcome) as err:
        return manual_steps.webhook(one, f"Help Scout's API did not take it: {err}")


def _create(api: Api, one: Wanted) -> str:
    """Make it; with no clear answer, look whether it was made before anybody makes another one."""
    try:
        made = api.write("POST", PATH, one.body)
    except UnknownOutcome:
        if webhooks.ours(one, webhooks.listed(api), {}) is None:
            raise
        made = ""
    there = None if made else webhooks.ours(one, webhooks.listed(api), {})
    return text(there.get("id")) if there else made


def uninstall(
    settings: Settings, session: DeskSession, *, manifest: Manifest, dry: bool = False
) -> list[Step]:
    """Remove exactly what the manifest lists."""
    api = Api(session, Burst(settings.write_burst))
    steps = [_removed(api, manifest[KEY]["id"], dry=dry)] if KEY in manifest else []
    return [*steps, manual_steps.farewell(settings.tag_prefix)]


def _removed(api: Api, number: str, *, dry: bool) -> Step:
    try:
        if dry:
            api.get(f"{PATH}/{number}")
        else:
            api.write("DELETE", f"{PATH}/{number}", None)
    except Gone:
        return Step("keep", "webhook", "Backstop", "it is gone already", number)
    except VendorError as err:
        how = numbered(f"Manage → Apps → Webhooks: delete the one with the id {number}")
        return Step("by_hand", "webhook", "Backstop", f"Help Scout did not remove it: {err}", number, how)
    return Step("delete", "webhook", "Backstop", "we made it", number)


def ensure_hook(
    session: DeskSession, settings: Settings, public_url: str, desk: str, manifest: Manifest
) -> Step:
    """Switch a disabled webhook on again, as it is there now, people's changes included; one call when all is well.

    A webhook that is gone is only reported: somebody may have meant it.
    """
    api, one = Api(session, Burst(settings.write_burst)), wanted(settings, public_url, desk, manifest)
    hooks = webhooks.listed(api)
    there = webhooks.ours(one, hooks, manifest) or next(iter(webhooks.calling(one, hooks)), None)
    if there is None:
        why = "no webhook calls us: only the sweep finds conversations until install is run"
        return Step("differs", "webhook", one.name, why)
    number, name = text(there.get("id")), text(there.get("label")) or one.name
    if webhooks.enabled(there):
        return Step("keep", "webhook", name, "it is on", number)
    _switch_on(api, one, there)
    return Step("update", "webhook", name, OFF, number)


def _switch_on(api: Api, one: Wanted, there: Row) -> None:
    """A PUT of what is there, people's changes included, with our secret, which is never shown."""
    shown = webhooks.shape(there)
    inboxes = [int(inbox) for inbox in shown.pop("mailboxIds")]
    shown |= {"mailboxIds": inboxes} if inboxes else {}  # an empty list would mean none of them
    api.write("PUT", f"{PATH}/{text(there.get('id'))}", {**shown, "secret": one.secret})
