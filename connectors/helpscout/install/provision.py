"""Plan, install, uninstall, and the webhook kept alive: idempotent, and careful with what people changed or made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from connectors.helpscout.api import Api, Burst
from connectors.helpscout.install import manual_steps, survey
from connectors.helpscout.install.account_doctor import doctor, fields_missing
from connectors.helpscout.install.objects import KEY, OFF, PATH, Wanted, shape, wanted
from connectors.helpscout.install.survey import judged
from connectors.helpscout.settings import Settings
from connectors.kit.provision import Keep, Manifest, Site, Step, removed, secret_print, with_secret
from connectors.kit.values import Row, text
from core.errors import NotAllowed, Refused, UnknownOutcome

__all__ = ["doctor", "ensure_hook", "install", "plan", "uninstall"]

DENIED = "this token may not look at webhooks; the app's owner needs to be an administrator, or do it by hand"


def plan(site: Site[Settings]) -> list[Step]:
    """Return what install would do, and what is left to be clicked."""
    api, one = _api(site), wanted(site)
    try:
        step = _seen(api, one, site.manifest)[0]
        return [step, *_by_hand(site, api, one)]
    except NotAllowed as err:
        return [manual_steps.connect(str(err))]


def _api(site: Site[Settings]) -> Api:
    return Api(site.session, Burst(site.settings.write_burst))


def _seen(api: Api, one: Wanted, manifest: Manifest) -> tuple[Step, Sequence[Row]]:
    """Return the webhook's step, and all webhooks that are there."""
    try:
        hooks = survey.listed(api)
    except NotAllowed as err:
        if err.status == 401:
            raise
        return manual_steps.webhook(one, DENIED), ()
    return judged(one, hooks, manifest), hooks


def _by_hand(site: Site[Settings], api: Api, one: Wanted) -> Iterable[Step]:
    settings = site.settings
    if not settings.auto_reply_off:
        yield manual_steps.auto_reply()
    yield from manual_steps.fields(fields_missing(settings, api), site.intents)
    yield manual_steps.view(settings.tag_prefix)
    yield manual_steps.sidebar(one)


def install(site: Site[Settings], keep: Keep) -> tuple[Manifest, list[Step]]:
    """Make the webhook or bring it up to date, leave the rest. Twice makes one."""
    api, before = _api(site), site.manifest
    site = with_secret(site, keep)
    made, one = site.manifest, wanted(site)
    try:
        step, hooks = _seen(api, one, before)
        there = survey.ours(one, hooks, before)
        step = _done(api, one, step, there)
        adopted = step.action == "keep" and there is not None and KEY not in made
        if step.action in {"create", "update"} or adopted:
            shown = before.get(KEY, {}).get("hash", one.hash) if step.why == OFF else one.hash
            made[KEY] = {"id": step.id, "hash": shown, "secret": secret_print(one.secret)}
            keep(made)
        return made, [step, *_by_hand(site, api, one)]
    except NotAllowed as err:
        return made, [manual_steps.connect(str(err))]


def _done(api: Api, one: Wanted, step: Step, there: Row | None) -> Step:
    """Carry out a step and return it."""
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
        if survey.ours(one, survey.listed(api), {}) is None:
            raise
        made = ""
    there = None if made else survey.ours(one, survey.listed(api), {})
    return text(there.get("id")) if there else made


def uninstall(site: Site[Settings], *, dry: bool = False) -> list[Step]:
    """Remove exactly what the manifest lists."""
    api, kept = _api(site), site.manifest.get(KEY)
    steps = [_removed(api, kept["id"], dry=dry)] if kept else []
    return [*steps, manual_steps.farewell(site.settings.tag_prefix)]


def _removed(api: Api, number: str, *, dry: bool) -> Step:
    path, how = f"{PATH}/{number}", f"Manage → Apps → Webhooks: delete the one with the id {number}"
    remove = partial(api.get, path) if dry else partial(api.write, "DELETE", path, None)
    return removed("webhook", "Backstop", number, remove, "we made it", how)


def ensure_hook(site: Site[Settings]) -> Step:
    """Switch a disabled webhook on again, as it is there now, people's changes included; one call when all is well.

    A webhook that is gone is only reported: somebody may have meant it.
    """
    api, one, manifest = _api(site), wanted(site), site.manifest
    hooks = survey.listed(api)
    there = survey.ours(one, hooks, manifest) or next(iter(survey.calling(one, hooks)), None)
    if there is None:
        why = "no webhook calls us: only the sweep finds conversations until install is run"
        return Step("differs", "webhook", one.name, why)
    number, name = text(there.get("id")), text(there.get("label")) or one.name
    if survey.enabled(there):
        return Step("keep", "webhook", name, "it is on", number)
    _switch_on(api, one, there)
    return Step("update", "webhook", name, OFF, number)


def _switch_on(api: Api, one: Wanted, there: Row) -> None:
    """A PUT of what is there, people's changes included, with our secret, which is never shown."""
    shown = shape(there)
    inboxes = [int(inbox) for inbox in shown.pop("mailboxIds")]
    shown |= {"mailboxIds": inboxes} if inboxes else {}  # an empty list would mean none of them
    api.write("PUT", f"{PATH}/{text(there.get('id'))}", {**shown, "secret": one.secret})
