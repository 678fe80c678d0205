"""What the run-time key can see of an account. The codes are explained in README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from connectors.freshdesk.api import Api, Directory, Row, rows
from core.errors import NotAllowed, Refused, VendorError
from core.model import Finding

if TYPE_CHECKING:
    from connectors.freshdesk.connector import Settings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
Check = Callable[["Settings", Api, Directory, Iterable[str]], Iterator[Finding]]


def findings(settings: Settings, api: Api, directory: Directory, queues: Iterable[str]) -> list[Finding]:
    """One line for each thing looked at; without a working key there is nothing more to look at."""
    found = [*_origin(settings), *_secret(settings)]
    try:
        directory.whoami()
    except NotAllowed as err:
        return [*found, Finding("FD01", "fail", f"the API key is refused: {err}", _KEY)]
    except VendorError as err:
        return [
            *found,
            Finding("FD02", "fail", f"the account does not answer: {err}", "Check base_url and the network."),
        ]
    wanted = list(queues)
    for check in CHECKS:
        found += check(settings, api, directory, wanted)
    return found


_KEY = (
    "Put the key from the bot agent's profile settings into api_key; a key dies with its agent, and the Free plan has "
    "no API."
)


def _origin(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.base_url)
    host = parts.hostname or ""
    if parts.scheme == "https" and host.endswith(".freshdesk.com"):
        yield Finding("FD03", "ok", f"the origin is {settings.base_url}")
    elif host in LOOPBACK:
        yield Finding("FD03", "ok", f"the origin {settings.base_url} is on this machine")
    else:
        yield Finding(
            "FD03",
            "warn",
            f"{settings.base_url or 'base_url'} is no https://….freshdesk.com origin",
            "The API answers only there, not on a custom domain; a proxy of your own is fine.",
        )


def _secret(settings: Settings) -> Iterator[Finding]:
    secrets = settings.secrets()
    if not secrets:
        yield Finding(
            "FD04", "fail", "there is no webhook secret", "Set webhook_secret to a long random text."
        )
    elif min(map(len, secrets)) < 16:
        yield Finding(
            "FD04",
            "warn",
            "the webhook secret is shorter than 16 characters",
            "Freshdesk signs nothing: the secret is all that keeps strangers out. Take a long random one.",
        )
    else:
        yield Finding("FD04", "ok", "a webhook secret is set")


def _identity(
    _settings: Settings, _api: Api, directory: Directory, _queues: Iterable[str]
) -> Iterator[Finding]:
    me = directory.me()
    contact: Row = me.get("contact") or {}
    name = f"{contact.get('name', '')} <{contact.get('email', '')}>"
    if me.get("ticket_scope") == 1:
        yield Finding("FD05", "ok", f"we are {name}, who sees all tickets")
    else:
        yield Finding(
            "FD05",
            "fail",
            f"we are {name}, who does not see all tickets",
            "Give the bot agent the scope Global Access: tickets outside of it would be missed.",
        )
    if contact.get("active") is False:
        yield Finding("FD06", "fail", f"the agent {name} is not active", "Activate the bot's account.")
    if me.get("occasional"):
        yield Finding(
            "FD06",
            "warn",
            f"the agent {name} is an occasional one",
            "Make the bot a full-time agent: day passes run out.",
        )


def _queues(_settings: Settings, _api: Api, directory: Directory, queues: Iterable[str]) -> Iterator[Finding]:
    for queue in queues:
        try:
            yield Finding("FD07", "ok", f'the group "{queue}" is {directory.group_id(queue)}')
        except NotAllowed as err:
            yield Finding(
                "FD07", "fail", f"the groups cannot be read: {err}", "Let the bot's role view ticket fields."
            )
            return
        except Refused as err:
            yield Finding(
                "FD07", "fail", str(err), "Correct the name in the configuration, or make the group."
            )


def _fields(settings: Settings, api: Api, _directory: Directory, _queues: Iterable[str]) -> Iterator[Finding]:
    try:
        there = {str(field.get("name")): field for field in rows(api.get("/ticket_fields"))}
    except VendorError as err:
        yield Finding(
            "FD08", "warn", f"the ticket fields cannot be read: {err}", "Let the bot's role view them."
        )
        return
    for ours, theirs in settings.fields().items():
        if theirs not in there:
            yield Finding(
                "FD08",
                "fail",
                f'{ours}_field: there is no ticket field "{theirs}"',
                "Take the name that install printed: Freshdesk makes it and may add a number.",
            )
    must = [name for name, field in there.items() if _blocks_solving(field)]
    if must:
        yield Finding(
            "FD09",
            "warn",
            f"tickets cannot be resolved before these are filled: {', '.join(sorted(must))}",
            "Answered tickets will stay open, tagged; unset “required when closing the ticket” to have them resolved.",
        )


def _blocks_solving(field: Row) -> bool:
    return bool(field.get("required_for_closure")) and not field.get("default")


def _sender(settings: Settings, api: Api, _directory: Directory, _queues: Iterable[str]) -> Iterator[Finding]:
    if not settings.from_email:
        return
    try:
        mailboxes: Any = api.get("/email_configs")
    except VendorError:
        return  # only admins may list them; the installer's doctor looks again
    known = {
        str(one.get("reply_email") or one.get("support_email") or "").casefold() for one in rows(mailboxes)
    }
    if settings.from_email.casefold() not in known:
        yield Finding(
            "FD10",
            "fail",
            f"from_email {settings.from_email} is no support address of the account",
            f"Take one of {', '.join(sorted(known)) or 'those under Admin, Email'}: any other is refused.",
        )


CHECKS: tuple[Check, ...] = (_identity, _queues, _fields, _sender)
