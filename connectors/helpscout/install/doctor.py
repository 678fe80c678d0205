"""What the run-time credential can see of an account. The codes are explained in README.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.helpscout.api import Api, embedded
from connectors.helpscout.directory import Directory, full_name, options
from connectors.helpscout.reading import threads_of
from connectors.helpscout.settings import Settings
from connectors.helpscout.threads import is_said
from connectors.kit import ai, places
from connectors.kit.findings import Look, fail, ok, origin, secret, visit, warn
from connectors.kit.values import Row, row, text
from core.errors import NotAllowed, Refused
from core.model import Finding

LONGEST_SECRET = 40
# `source.type` of what a person writes; an AI's is "api"
BY_HAND = frozenset({"web", "mobile", "email", "emailfwd"})
Seen = Look[Settings, Api, Directory]


def findings(settings: Settings, api: Api, directory: Directory, queues: Iterable[str]) -> list[Finding]:
    """Return what the credential can see."""
    refused = fail("HS01", "the credential is refused", _CREDENTIAL)
    silent = fail("HS02", "Help Scout does not answer", "Check base_url and the network.")
    look = Seen(settings, api, directory, list(queues))
    return visit(look, [_origin(settings), _secret(settings)], refused, silent, CHECKS)


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
        return fail(
            "HS04",
            "a webhook secret is longer than 40 characters, which Help Scout does not take",
            "Take a shorter one: `openssl rand -hex 20` gives 40.",
        )
    missing = "Run install: it makes one and keeps it."
    return secret("HS04", secrets, missing=missing, short="Take 32 to 40 random ones.")


def _identity(look: Seen) -> Iterator[Finding]:
    me = look.directory.me()
    name = f"{full_name(me)} <{text(me.get('email'))}>, {text(me.get('role')) or 'role unknown'}"
    if light(me):
        yield fail(
            "HS05",
            f"we are {name}: a Light User, who can neither assign nor answer",
            "Give the bot a full user's seat.",
        )
    else:
        yield ok("HS05", f"we are {name}")
    me_names = {text(me.get("id")), text(me.get("email")).casefold()}
    if me_names & {one.casefold() for one in look.settings.bots}:
        yield warn("HS05", "`bots` names ourselves", "List only other robots there.")


def light(user: Row) -> bool:
    """Return whether a user is a Light User, by `role` or `type`: the two documented keys that could say so."""
    told = {text(user.get(key)).lower() for key in ("role", "type")}
    return bool(told & {"light", "light_user", "lightuser", "light user"})


def _queues(look: Seen) -> Iterator[Finding]:
    for queue in look.queues:
        try:
            kind, one = look.directory.queue(queue)
        except NotAllowed as err:
            remedy = "Let the bot's user see teams and inboxes."
            yield fail("HS06", f"teams and inboxes cannot be read: {err}", remedy)
            return
        except Refused as err:
            remedy = "Correct the name in the configuration, or make the team."
            yield fail("HS06", str(err), remedy)
        else:
            word = "team" if kind == "team" else "inbox"
            yield ok("HS06", f'"{queue}" is the {word} {one}')


def _places(look: Seen) -> Iterator[Finding]:
    return places.findings("HS09", look.settings.only.scope(), look.directory.named)


def _ai_agents(look: Seen) -> Iterator[Finding]:
    return ai.findings("HS10", look.settings.ais(), lambda one: ai.account(_accounts(look), one))


def _accounts(look: Seen) -> Iterator[tuple[str, str, ai.Account]]:
    """Return every user. Help Scout tells of no sign-in: a person shows by the role, or by what was written in the app."""
    for user in look.api.all("/users", "users"):
        user_id, role = text(user.get("id")), text(user.get("role")).lower()
        not_ai = "our own user" if user_id == look.directory.bot else ""
        person = f"its role is {role}" if role in {"owner", "administrator", "admin"} else ""
        found = ai.Account(full_name(user), not_ai, person or _by_hand(look, user_id))
        yield user_id, text(user.get("email")), found


def _by_hand(look: Seen, user_id: str) -> str:
    """Return that a user wrote in the web app or by mail, "" when none of the conversations it holds shows it."""
    held = look.api.page("/conversations", 1, assigned_to=user_id, status="all", embed="threads")
    for conversation in embedded(held, "conversations"):
        for thread in threads_of(conversation):
            typed = text(row(thread.get("source")).get("type")).lower() in BY_HAND
            if typed and text(row(thread.get("createdBy")).get("id")) == user_id and is_said(thread):
                return f"it wrote in conversation {text(conversation.get('id'))} by hand"
    return ""


def _fields(look: Seen) -> Iterator[Finding]:
    """Fields belong to an inbox: where one is missing it stays empty."""
    wanted = look.settings.fields()
    if not wanted:
        return
    for mailbox, name in look.directory.mailboxes().items():
        listed = look.directory.fields(mailbox)
        called = {key for f in listed for key in (text(f.get("id")), text(f.get("name")).casefold())}
        missing = [theirs for theirs in wanted.values() if theirs.casefold() not in called]
        if missing:
            yield warn(
                "HS07",
                f'the inbox "{name}" has no custom field {", ".join(missing)}: it stays empty there',
                "Manage, Inbox, Custom Fields: add it (single line), or leave the setting out.",
            )
        empty = [text(f.get("name")) for f in listed if _no_options(f, wanted)]
        if empty:
            yield warn(
                "HS07",
                f'the drop-down {", ".join(empty)} of the inbox "{name}" has no options',
                "Add our intents as its options, or make it a single-line field.",
            )


def _no_options(field: Row, wanted: dict[str, str]) -> bool:
    ours = {theirs.casefold() for theirs in wanted.values()}
    named = {text(field.get("id")), text(field.get("name")).casefold()}
    return bool(named & ours) and text(field.get("type")).lower() == "dropdown" and not options(field)


def _one_token(look: Seen) -> Iterator[Finding]:
    if look.settings.write_burst > 12:
        yield warn(
            "HS08",
            f"write_burst is {look.settings.write_burst}: Help Scout takes at most twelve writes in five seconds",
            "Leave write_burst out.",
        )


CHECKS = (_identity, _queues, _places, _ai_agents, _fields, _one_token)
