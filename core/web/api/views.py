"""The views of the JSON API: read the request, ask, answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Response, request
from pydantic import TypeAdapter, ValidationError

from core.errors import BackstopError
from core.model import TicketState
from core.web.access import Reader, backstop, reader
from core.web.api import asking
from core.web.api.problems import refuse
from core.web.claim_links import address_of
from core.web.queries import PAGE
from core.web.queue import FILTERS

LONGEST = 320  # characters of an address


@dataclass(frozen=True)
class Claim:
    """Who takes the ticket: the address under which the desk knows an agent. A person who is logged in may leave it out."""

    email: str = ""


def answered(view: Callable[..., Any]) -> Callable[..., Response]:
    """The view's value as JSON; what it does not find, and cursors of others, as problems."""

    @wraps(view)
    def inside(**path: str) -> Response:
        try:
            value = view(backstop(), **path)
        except asking.Unknown as err:
            refuse(404, err.why, err.remedy)
        except asking.BadCursor:
            refuse(
                400, "this cursor was not given by us", "Take `next` of the page before, or leave cursor out."
            )
        if isinstance(value, Response):
            return value
        return Response(
            json.dumps(value, default=asking.plain, ensure_ascii=False), mimetype="application/json"
        )

    return inside


def _limit() -> int:
    text = request.args.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) < len("1000") and 1 <= int(text) <= asking.MOST):
        refuse(400, f"limit: {text[:40]} is no number from 1 to {asking.MOST}")
    return int(text)


def tickets(app: Any) -> asking.Tickets:
    """Return a page of all tickets."""
    asked = {name: request.args.get(name, "") for name in ("q", "state", "desk", "intent")}
    if asked["state"] and asked["state"] not in set(TicketState):
        refuse(400, f"state: {asked['state'][:40]} is none", f"Write one of {', '.join(TicketState)}.")
    return asking.tickets(app, asked | {"after": request.args.get("cursor", "")}, _limit())


def escalations(app: Any) -> asking.Escalations:
    """Return a page of what waits."""
    asked = {name: request.args.get(name, "") for name in FILTERS}
    return asking.escalations(app, asked, _limit(), request.args.get("cursor", ""))


def ticket(app: Any, desk: str, ticket_id: str) -> dict[str, Any]:
    """Return one ticket's story."""
    return asking.ticket(app, desk, ticket_id)


def claim(app: Any, desk: str, ticket_id: str) -> asking.Claimed:
    """Take a ticket for an agent."""
    found, email = _reader(), _address()
    asking.known_ticket(app, desk, ticket_id)
    name = found.name if found.via == "session" else ""
    try:
        outcome = asking.claim(app, desk, ticket_id, email, via="api", who=found.name, name=name)
    except BackstopError as err:
        refuse(
            502, f"nothing was claimed: {err} ({err.code})", "Try again in a minute, or take it in the desk."
        )
    if not outcome.done:
        refuse(409, outcome.words, "Read the ticket again: somebody may have it. Else claim it in the desk.")
    return asking.Claimed(desk, ticket_id, email, outcome.words)


def _address() -> str:
    try:
        body = TypeAdapter(Claim).validate_json(request.get_data() or b"{}")
    except ValidationError as err:
        where = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in err.errors(include_url=False)
        )
        refuse(
            400,
            f"the body is not what is asked for: {where[:200]}",
            'Send {"email": "agent@example.com"} as JSON.',
        )
    email = body.email or _reader().email
    if len(email) > LONGEST or address_of(email) != email or not email:
        refuse(
            400,
            "there is no address in the body",
            'Send {"email": "agent@example.com"}, as the desk knows the agent.',
        )
    return email


def pause(app: Any, desk: str) -> asking.Held:
    """Put a desk on hold."""
    return asking.hold(app, desk, _reader().name)


def resume(app: Any, desk: str) -> asking.Held:
    """Let a desk go on."""
    return asking.resume(app, desk, _reader().name)


def week(app: Any, week: str) -> dict[str, Any]:
    """Return the figures of a week."""
    return asking.week(app, week)


def health(app: Any) -> asking.Health:
    """Return how things stand."""
    return asking.health(app)


def _reader() -> Reader:
    """Who asks; the guard has let nobody else in."""
    found = reader()
    if found is None:
        refuse(401, "nobody is known by this request")
    return found
