"""What the run-time credential can see of an account. The codes are explained in README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from connectors.helpscout.api import Api
from connectors.helpscout.directory import Directory, full_name, options
from connectors.kit import places
from connectors.kit.findings import origin, secret, visit
from connectors.kit.values import Row, text
from core.errors import NotAllowed, Refused
from core.model import Finding

if TYPE_CHECKING:
    from connectors.helpscout.connector import Settings

LONGEST_SECRET = 40
Check = Callable[["Settings", Api, Directory, Iterable[str]], Iterator[Finding]]


def findings(settings: Settings, api: Api, directory: Directory, queues: Iterable[str]) -> list[Finding]:
    """What the credential can see."""
    refused = Finding("HS01", "fail", "the credential is refused", _CREDENTIAL)
    silent = Finding("HS02", "fail", "Help Scout does not answer", "Check base_url and the network.")
    checks = (partial(check, settings, api, directory, list(queues)) for check in CHECKS)
    return visit([_origin(settings), _secret(settings)], directory.whoami, refused, silent, checks)


_CREDENTIAL = (
    "Take client_id and client_secret from Your profile > My apps of the bot's own user; the user must be active, and the "
    "plan must include the API."
)


def _origin(settings: Settings) -> Finding:
    return origin(
        "HS03",
        settings.base_url,
        lambda host: host == "api.helpscout.net",
        "not https://api.helpscout.net",
        "Fine for a proxy of your own; otherwise leave base_url out.",
    )


def _secret(settings: Settings) -> Finding:
    secrets = settings.secrets()
    if max(map(len, secrets), default=0) > LONGEST_SECRET:
        return Finding(
            "HS04",
            "fail",
            "a webhook secret is longer than 40 characters, which Help Scout does not take",
            "Take a shorter one: `openssl rand -hex 20` gives 40.",
        )
    missing = "Run install: it makes one and keeps it."
    return secret("HS04", secrets, missing=missing, short="Take 32 to 40 random ones.")


def _identity(
    settings: Settings, _api: Api, directory: Directory, _queues: Iterable[str]
) -> Iterator[Finding]:
    me = directory.me()
    name = f"{full_name(me)} <{text(me.get('email'))}>, {text(me.get('role')) or 'role unknown'}"
    if light(me):
        yield Finding(
            "HS05",
            "fail",
            f"we are {name}: a Light User, who can neither assign nor answer",
            "Give the bot a full user's seat.",
        )
    else:
        yield Finding("HS05", "ok", f"we are {name}")
    me_names = {text(me.get("id")), text(me.get("email")).casefold()}
    if me_names & {one.casefold() for one in settings.bots}:
        yield Finding("HS05", "warn", "`bots` names ourselves", "List only other robots there.")


def light(user: Row) -> bool:
    """Whether a user is a Light User, by `role` or `type`: the two documented keys that could say so."""
    told = {text(user.get(key)).lower() for key in ("role", "type")}
    return bool(told & {"light", "light_user", "lightuser", "light user"})


def _queues(_settings: Settings, _api: Api, directory: Directory, queues: Iterable[str]) -> Iterator[Finding]:
    for queue in queues:
        try:
            kind, one = directory.queue(queue)
        except NotAllowed as err:
            remedy = "Let the bot's user see teams and inboxes."
            yield Finding("HS06", "fail", f"teams and inboxes cannot be read: {err}", remedy)
            return
        except Refused as err:
            remedy = "Correct the name in the configuration, or make the team."
            yield Finding("HS06", "fail", str(err), remedy)
        else:
            word = "team" if kind == "team" else "inbox"
            yield Finding("HS06", "ok", f'"{queue}" is the {word} {one}')


def _places(settings: Settings, _api: Api, directory: Directory, _queues: Iterable[str]) -> Iterator[Finding]:
    return places.findings("HS09", settings.only.scope(), directory.named)


def _fields(settings: Settings, _api: Api, directory: Directory, _queues: Iterable[str]) -> Iterator[Finding]:
    """Fields belong to an inbox: where one is missing it stays empty."""
    wanted = settings.fields()
    if not wanted:
        return
    for mailbox, name in directory.mailboxes().items():
        listed = directory.fields(mailbox)
        called = {key for f in listed for key in (text(f.get("id")), text(f.get("name")).casefold())}
        missing = [theirs for theirs in wanted.values() if theirs.casefold() not in called]
        if missing:
            yield Finding(
                "HS07",
                "warn",
                f'the inbox "{name}" has no custom field {", ".join(missing)}: it stays empty there',
                "Manage, Inbox, Custom Fields: add it (single line), or leave the setting out.",
            )
        empty = [text(f.get("name")) for f in listed if _no_options(f, wanted)]
        if empty:
            yield Finding(
                "HS07",
                "warn",
                f'the drop-down {", ".join(empty)} of the inbox "{name}" has no options',
                "Add our intents as its options, or make it a single-line field.",
            )


def _no_options(field: Row, wanted: dict[str, str]) -> bool:
    ours = {theirs.casefold() for theirs in wanted.values()}
    named = {text(field.get("id")), text(field.get("name")).casefold()}
    return bool(named & ours) and text(field.get("type")).lower() == "dropdown" and not options(field)


def _one_token(
    settings: Settings, _api: Api, _directory: Directory, _queues: Iterable[str]
) -> Iterator[Finding]:
    if settings.write_burst > 12:
        yield Finding(
            "HS08",
            "warn",
            f"write_burst is {settings.write_burst}: Help Scout takes at most twelve writes in five seconds",
            "Leave write_burst out.",
        )


CHECKS: tuple[Check, ...] = (_identity, _queues, _places, _fields, _one_token)
