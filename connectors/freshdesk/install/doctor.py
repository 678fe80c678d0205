"""What the run-time key can see of an account. The codes are explained in README.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.freshdesk.api import Api, rows
from connectors.freshdesk.directory import Directory
from connectors.freshdesk.settings import Settings
from connectors.kit import ai, places
from connectors.kit.findings import Look, fail, ok, origin, secret, visit, warn
from connectors.kit.values import Row
from core.errors import NotAllowed, Refused, VendorError
from core.model import Finding

Seen = Look[Settings, Api, Directory]


def findings(settings: Settings, api: Api, directory: Directory, queues: Iterable[str]) -> list[Finding]:
    """Return what the credential can see."""
    refused = fail("FD01", "the API key is refused", _KEY)
    silent = fail("FD02", "the account does not answer", "Check base_url and the network.")
    look = Seen(settings, api, directory, list(queues))
    return visit(look, [_origin(settings), _secret(settings)], refused, silent, CHECKS)


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


def _identity(look: Seen) -> Iterator[Finding]:
    me = look.directory.me()
    contact: Row = me.get("contact") or {}
    name = f"{contact.get('name', '')} <{contact.get('email', '')}>"
    if me.get("ticket_scope") == 1:
        yield ok("FD05", f"we are {name}, who sees all tickets")
    else:
        yield fail(
            "FD05",
            f"we are {name}, who does not see all tickets",
            "Give the bot agent the scope Global Access: tickets outside of it would be missed.",
        )
    if contact.get("active") is False:
        yield fail("FD06", f"the agent {name} is not active", "Activate the bot's account.")
    if me.get("occasional"):
        yield warn(
            "FD06",
            f"the agent {name} is an occasional one",
            "Make the bot a full-time agent: day passes run out.",
        )


def _queues(look: Seen) -> Iterator[Finding]:
    for queue in look.queues:
        try:
            yield ok("FD07", f'the group "{queue}" is {look.directory.group_id(queue)}')
        except NotAllowed as err:
            yield fail("FD07", f"the groups cannot be read: {err}", "Let the bot's role view ticket fields.")
            return
        except Refused as err:
            yield fail("FD07", str(err), "Correct the name in the configuration, or make the group.")


def _places(look: Seen) -> Iterator[Finding]:
    return places.findings("FD11", look.settings.only.scope(), look.directory.named)


def _ai_agents(look: Seen) -> Iterator[Finding]:
    return ai.findings("FD12", look.settings.ais(), lambda one: ai.account(_accounts(look), one))


def _accounts(look: Seen) -> Iterator[tuple[str, str, ai.Account]]:
    """Return every agent; `last_login_at` says when somebody signed in (developers.freshdesk.com/api/#list_all_agents)."""
    for agent in look.api.all("/agents"):
        contact: Row = agent.get("contact") or {}
        not_ai = "our own agent" if str(agent.get("id")) == look.directory.bot else ""
        found = ai.Account(str(contact.get("name") or ""), not_ai, ai.signed_in(contact.get("last_login_at")))
        yield str(agent.get("id")), str(contact.get("email") or ""), found


def _fields(look: Seen) -> Iterator[Finding]:
    try:
        there = {str(field.get("name")): field for field in rows(look.api.get("/ticket_fields"))}
    except VendorError as err:
        yield warn("FD08", f"the ticket fields cannot be read: {err}", "Let the bot's role view them.")
        return
    for ours, theirs in look.settings.fields().items():
        if theirs not in there:
            yield fail(
                "FD08",
                f'{ours}_field: there is no ticket field "{theirs}"',
                "Take it out of the file: install makes the field and keeps its name.",
            )
    must = [name for name, field in there.items() if _blocks_solving(field)]
    if must:
        yield warn(
            "FD09",
            f"tickets cannot be resolved before these are filled: {', '.join(sorted(must))}",
            "Answered tickets will stay open, tagged; unset “required when closing the ticket” to have them resolved.",
        )


def _blocks_solving(field: Row) -> bool:
    return bool(field.get("required_for_closure")) and not field.get("default")


def _sender(look: Seen) -> Iterator[Finding]:
    if not look.settings.from_email:
        return
    try:
        mailboxes: Any = look.api.get("/email_configs")
    except VendorError:
        return  # only admins may list them; the installer's doctor looks again
    known = {
        str(one.get("reply_email") or one.get("support_email") or "").casefold() for one in rows(mailboxes)
    }
    if look.settings.from_email.casefold() not in known:
        yield fail(
            "FD10",
            f"from_email {look.settings.from_email} is no support address of the account",
            f"Take one of {', '.join(sorted(known)) or 'those under Admin, Email'}: any other is refused.",
        )


CHECKS = (_identity, _queues, _places, _ai_agents, _fields, _sender)
