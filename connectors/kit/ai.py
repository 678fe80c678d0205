"""Mark what a desk's own AI agents wrote and hold, so that it counts neither as a person's nor as ours; check their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from connectors.kit.findings import fail, ok, warn
from core.errors import VendorError
from core.model import Author, Finding, Message, Ticket


def seen(ticket: Ticket, agents: frozenset[str]) -> Ticket:
    """Return the ticket with messages and assignment of AI agents marked. `agents`: their ids or addresses, in lower case."""
    if not agents:
        return ticket
    holder = ticket.assignee
    held = holder is not None and bool({holder.id, holder.email.casefold()} & agents)
    messages = (
        replace(one, author=Author.AI, machine=None) if _is(one, agents) else one for one in ticket.messages
    )
    return replace(ticket, messages=tuple(messages), held_by_ai=held)


def _is(message: Message, agents: frozenset[str]) -> bool:
    known = {message.author_id, message.author_email.casefold()} - {""}
    return message.author not in {Author.CUSTOMER, Author.BOT} and bool(known & agents)


@dataclass(frozen=True)
class Account:
    """Whom a name in `ai_agents` belongs to, by what the desk says. `not_ai`: why it can be no AI's; `person`: why it looks
    like a person's."""

    name: str
    not_ai: str = ""
    person: str = ""


def findings(
    code: str, wanted: Iterable[str], account_of: Callable[[str], Account | None]
) -> Iterator[Finding]:
    """Check whether each name in `ai_agents` is an agent of the account, and no person. `account_of` returns None for a name
    that nobody has, and raises VendorError."""
    for one in sorted(wanted):
        try:
            found = account_of(one)
        except VendorError as err:
            words = f'ai_agents: "{one}" cannot be looked up ({err})'
            yield warn(
                code, words, "let our user read agents, or compare the id with the agent's page by hand"
            )
            continue
        if found is None:
            words = f"ai_agents: there is no agent \"{one}\": what the desk's AI holds and writes counts as a person's"
            yield fail(code, words, "correct the id or address in the file, or take it out")
        elif found.not_ai:
            yield fail(
                code, f'ai_agents: "{one}" is {found.not_ai}', "name the AI agent's own account instead"
            )
        elif found.person:
            words = (
                f'ai_agents: "{one}" ({found.name}) looks like a person\'s account: {found.person}. What it holds is not '
                "claimed, and its answers do not count as a person's"
            )
            yield warn(code, words, "if a person works with this account, take it out of the file")
        else:
            yield ok(code, f'ai_agents: "{one}" is {found.name}')


def account(people: Iterable[tuple[str, str, Account]], wanted: str) -> Account | None:
    """Return the account with this id or address (in lower case) among (id, address, account)."""
    return next((one for id_, email, one in people if wanted in {id_, email.casefold()}), None)


def signed_in(at: object) -> str:
    """Return the mark of a person that a time of the last sign-in is, "" for none."""
    return f"somebody signed in with it on {str(at)[:10]}" if at else ""
