"""The desk's own AI agents among the robots of an account: what they say and hold is theirs, never a person's or ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from core.errors import VendorError
from core.model import Author, Finding, Message, Ticket


def seen(ticket: Ticket, agents: frozenset[str]) -> Ticket:
    """The ticket with what AI agents said and hold. `agents`: their ids or addresses, in small letters."""
    if not agents:
        return ticket
    holder = ticket.assignee
    held = holder is not None and bool({holder.id, holder.email.casefold()} & agents)
    messages = tuple(_by_ai(one) if _is(one, agents) else one for one in ticket.messages)
    return replace(ticket, messages=messages, held_by_ai=held)


def _is(message: Message, agents: frozenset[str]) -> bool:
    known = {message.author_id, message.author_email.casefold()} - {""}
    return message.author not in {Author.CUSTOMER, Author.BOT} and bool(known & agents)


def _by_ai(message: Message) -> Message:
    return replace(message, author=Author.AI, machine=None)


Who = Callable[[str], tuple[str, bool]]
"""Id or address → who that is in the account ("" when nobody), and whether it signs in as people do. Raises VendorError."""


def findings(code: str, agents: Iterable[str], ourselves: Iterable[str], who: Who) -> Iterator[Finding]:
    """Whether the configured AI agents are there, and are none of ours and no people."""
    us = {one.casefold() for one in ourselves if one}
    for agent in agents:
        if agent.casefold() in us:
            yield Finding(
                code, "fail", f'ai_agents: "{agent}" is our own user', "name only the desk's AI there"
            )
            continue
        try:
            name, signs_in = who(agent)
        except VendorError as err:
            yield Finding(
                code, "warn", f'ai_agents: "{agent}" cannot be looked up: {err}', "let our user see agents"
            )
            continue
        if not name:
            yield Finding(
                code, "warn", f'ai_agents: there is no "{agent}" in the account', "correct the id or address"
            )
        elif signs_in:
            words = f"ai_agents: {agent} is {name}, who signs in as people do: nothing that is said or taken by that name counts"
            yield Finding(code, "warn", words, "take a person out of ai_agents")
        else:
            yield Finding(code, "ok", f"ai_agents: {agent} is {name}")
