"""What the mission forbids in a configuration, and what it warns of (contract, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.app import ladders, overlapping
from core.classify.intents import intent_rules
from core.errors import BrokenTemplate, ConfigError
from core.model import NO_INTENT, Finding, Mode, Priority
from core.rules import never_automatic
from core.rungs import check_rungs
from core.sandbox import candidates
from core.settings import Settings
from core.wording import check

if TYPE_CHECKING:
    from core.app import App

MEASURED = 0.85  # the mission's figure; lower only on evidence
MOST_CHANNELS = 2
KNOWN_AUDIENCES = {"team"}


def refuse(settings: Settings, app: App) -> None:
    """Raise ConfigError with every rule that the file breaks, each with its remedy."""
    wrong = [
        *_bands(settings),
        *(_replies(settings, app) or _templates(app)),
        *_needed(app),
        *_references(settings),
        *_ladders(settings),
        *_tokens(settings, app),
        *_hours(app),
        *_overlaps(app),
    ]
    if wrong:
        raise ConfigError("\n".join(f"{settings.path}: {line}" for line in wrong))


def _bands(settings: Settings) -> list[str]:
    """No threshold of answering lies below that of routing, whether of all intents or of one."""
    route = settings.bands.route
    return [
        f"{key} ({auto}) is below bands.route ({route}): raise auto or lower route"
        for key, auto in _thresholds(settings).items()
        if auto < route
    ]


def _thresholds(settings: Settings) -> dict[str, float]:
    """Return the thresholds of answering, by their key."""
    own = {f"intents.{name}.auto": one.auto for name, one in settings.intents.items() if one.auto is not None}
    return {"bands.auto": settings.bands.auto, **own}


def _replies(settings: Settings, app: App) -> list[str]:
    wrong = []
    never = never_automatic(intent_rules(settings))
    for name, one in settings.intents.items():
        if name in never and (one.reply or one.action):
            wrong.append(
                f"intents.{name}.reply: {name} is never answered automatically (its priority is urgent or high, "
                "or it always goes to a human): take the reply away, or lower the priority"
            )
        if one.reply and not _template_exists(app, one.reply):
            places = ", ".join(str(d) for d in settings.template_dirs())
            wrong.append(
                f"intents.{name}.reply: there is no template {one.reply} in {places}: write it there"
            )
    return wrong


def _templates(app: App) -> list[str]:
    """What is wrong with a text is known before the first customer would get it."""
    return [f"in {language}: {err}: correct the file" for language, err in broken_texts(app)]


def broken_texts(app: App) -> list[tuple[str, BrokenTemplate]]:
    """Return the texts of all desks that cannot be rendered, each once, with the language."""
    found = check(app.templates, replies(app), app.clock(), app.hours)
    for desk, env in app.own_templates.items():
        if (app.settings.home / "templates" / desk).is_dir():
            found += check(env, replies(app), app.clock(), app.hours_of(desk))
    return list({(language, str(err)): (language, err) for language, err in found}.values())


def replies(app: App) -> set[str]:
    """Return the templates that intents are answered with."""
    return {one.reply for one in app.settings.intents.values() if one.reply}


def _template_exists(app: App, name: str) -> bool:
    """Whether each desk has the text, among its own or among those of all."""
    places = [set(env.list_templates()) for env in (app.own_templates.values() or [app.templates])]
    return all({*candidates(name, "en"), name} & known for known in places)


def _needed(app: App) -> list[str]:
    """What no desk can do without."""
    needed = {
        "general_queue": "name the group, team or mailbox for unsure messages",
        "base_url": "write the address of the account, as https://host",
    }
    return [
        f"desks.{name}.{key} is missing: {remedy}"
        for name, desk in app.desk_settings.items()
        for key, remedy in needed.items()
        if not getattr(desk, key)
    ]


def _hours(app: App) -> list[str]:
    """A holiday on every open day: no promise could ever be kept."""
    wrong = []
    for name, hours in {"": app.hours, **app.own_hours}.items():
        try:
            hours.check(app.clock())
        except ValueError as err:
            wrong.append(f"desks.{name}.{err}" if name else str(err))
    return wrong


def _overlaps(app: App) -> list[str]:
    """Two desk entries that both deal with a ticket would say everything twice."""
    return [
        f"desks.{one} and desks.{other} are the same account, and a ticket may belong to both: give each an `only` that "
        f"shares no brand, mailbox, group, form or channel with the other's"
        for one, other in overlapping(app.desk_settings)
    ]


def _tokens(settings: Settings, app: App) -> list[str]:
    """One token has one role, and none of the console's travels to the browsers of a help desk's agents."""
    console = [("token", one) for one in [settings.web.token] if one]
    console += [
        (f"tokens.{name}.secret", one) for name, own in settings.web.tokens.items() for one in own.secret
    ]
    names = {one.get_secret_value(): name for name, one in reversed(console)}
    return [
        f"desks.{name}.sidebar_token is the console's own token: use another one for the sidebar"
        for name, desk in app.desk_settings.items()
        if names.keys() & {one.get_secret_value() for one in desk.sidebar_token}
    ] + [
        f"web.{name} is also web.{names[one.get_secret_value()]}: a token has one role, make another secret"
        for name, one in console
        if names[one.get_secret_value()] != name
    ]


def _ladders(settings: Settings) -> list[str]:
    """Ladders that cannot be climbed, and ladders of nothing."""
    known = {*Priority, NO_INTENT, *intent_rules(settings)}
    unknown = [
        f"escalation.ladders.{name}: {name} is neither a priority nor an intent: "
        f"write {', '.join(Priority)} or the name of an intent"
        for name in settings.escalation.ladders
        if name not in known
    ]
    wrong = [
        f"escalation.{key}: {words}"
        for key, rungs in ladders(settings).items()
        for words in check_rungs(rungs)
    ]
    return [*unknown, *wrong]


def _references(settings: Settings) -> list[str]:
    """Channels and audiences that are named but not there."""
    known = {"desk"} | {f"{kind}:{name}" for kind, named in settings.channels.items() for name in named}
    wrong = [
        f"escalation.channels.{priority}: there is no channel {ref}: add [channels.{ref.replace(':', '.')}]"
        for priority, refs in settings.escalation.channels.items()
        for ref in refs
        if ref not in known
    ]
    # an audience may be the channel of its name
    bare = {name for named in settings.channels.values() for name in named}
    people = KNOWN_AUDIENCES | set(settings.audiences) | set(settings.rota) | known | bare
    wrong += [
        f'escalation: there is no audience {rung.notify}: add it to [audiences], e.g. {rung.notify} = ["email:{rung.notify}"]'
        for rungs in ladders(settings).values()
        for rung in rungs
        if settings.escalation.channels and rung.notify not in people
    ]
    wrong += [
        f"audiences.{name}: there is no channel {ref}: add [channels.{ref.replace(':', '.')}]"
        for name, refs in settings.audiences.items()
        for ref in refs
        if ref not in known and ref not in settings.rota
    ]
    wrong += [
        f"safety.channels: there is no channel {ref}: add [channels.{ref.replace(':', '.')}]"
        for ref in settings.safety.channels
        if ref not in known and ref not in settings.rota
    ]
    return wrong


def warnings(settings: Settings, proven_auto: float | None = None) -> list[Finding]:
    """Return what is allowed but unwise; `proven_auto`: the lowest threshold with a measured precision behind it."""
    found = [*_unproven(settings, proven_auto), *_unwise_channels(settings), *_unwise_ladders(settings)]
    observing = [n for n, v in settings.desks.items() if v.get("mode") == Mode.OBSERVE]
    found += [
        ("CF07", f"desk {n} is in observe mode: nothing is written", "set mode when you trust it")
        for n in observing
    ]
    return [Finding(code, "warn", what, remedy) for code, what, remedy in found]


Unwise = Iterator[tuple[str, str, str]]
"""Code, what is unwise, and the remedy."""


def _unproven(settings: Settings, proven_auto: float | None) -> Unwise:
    for key, auto in _thresholds(settings).items():
        if auto < MEASURED and (proven_auto is None or auto < proven_auto):
            what = f"{key} is {auto}, below {MEASURED}, without a measured precision to back it"
            yield "CF01", what, "run `backstop thresholds` and follow it, or raise auto"


def _unwise_channels(settings: Settings) -> Unwise:
    channels = settings.escalation.channels
    for priority, refs in channels.items():
        if len(refs) > MOST_CHANNELS:
            what = f"escalation.channels.{priority} names {len(refs)} channels"
            yield "CF02", what, "only the first two are used: keep the fastest two"
        people = [ref for ref in refs if ref != "desk"]
        if people and all(ref.startswith("email:") for ref in people):
            what = f"escalations of priority {priority} reach people by e-mail alone"
            yield "CF03", what, "add a channel that is seen at once: SMS or chat"
    if len(channels) > 1 and len({frozenset(refs) for refs in channels.values()}) == 1:
        what = "every priority uses the same channel"
        yield "CF04", what, "give urgent a faster channel than normal and low"
    if not channels:
        what = "escalation.channels is empty: escalations reach people only inside the desk"
        yield "CF06", what, "name a channel for each priority"
    elif not channels.get(Priority.URGENT):
        yield "CF08", "urgent has no channel", 'escalation.channels.urgent = ["sms:oncall"]'


def _unwise_ladders(settings: Settings) -> Unwise:
    rungs = 'add { after = "30m", notify = "team" } and { after = "2h", notify = "manager" }'
    for key, ladder in ladders(settings).items():
        if not ladder:
            yield "CF05", f"escalation.{key} is empty: nobody is reminded", rungs
