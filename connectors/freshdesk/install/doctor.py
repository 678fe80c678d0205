"""What the run-time key can see of an account. The codes are explained in README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from connectors.freshdesk.api import Api, Directory, rows
from connectors.kit import places
from connectors.kit.findings import origin, secret, visit
from connectors.kit.values import Row
from core.errors import NotAllowed, Refused, VendorError
from core.model import Finding

if TYPE_CHECKING:
    from connectors.freshdesk.connector import Settings

Check = Callable[["Settings", Api, Directory, Iterable[str]], Iterator[Finding]]


def findings(settings: Settings, api: Api, directory: Directory, queues: Iterable[str]) -> list[Finding]:
    """What the credential can see."""
    refused = Finding("FD01", "fail", "the API key is refused", _KEY)
    silent = Finding("FD02", "fail", "the account does not answer", "Check base_url and the network.")
    checks = (partial(check, settings, api, directory, list(queues)) for check in CHECKS)
    return visit([_origin(settings), _secret(settings)], directory.whoami, refused, silent, checks)


_KEY = (
    "Put the key from the bot agent's profile settings into api_key; a key dies with its agent, and the Free plan has "
    "no API."
)


def _origin(settings: Settings) -> Finding:
    return origin(
        "FD03",
        settings.base_url,
        lambda host: host.endswith(".freshdesk.com"),
        "no https://….freshdesk.com origin",
        "The API answers only there, not on a custom domain; a proxy of your own is fine.",
    )


def _secret(settings: Settings) -> Finding:
    return secret(
        "FD04",
        settings.secrets(),
        missing="Run install: it makes one and keeps it.",
        short="Freshdesk signs nothing: the secret is all that keeps strangers out. Take a long random one.",
    )


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


def _places(settings: Settings, _api: Api, directory: Directory, _queues: Iterable[str]) -> Iterator[Finding]:
    return places.findings("FD11", settings.only.scope(), directory.named)


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
                "Take it out of the file: install makes the field and keeps its name.",
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


CHECKS: tuple[Check, ...] = (_identity, _queues, _places, _fields, _sender)
