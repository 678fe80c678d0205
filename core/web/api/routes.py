"""The routes of the JSON API, in one table: the application is made from it, and so is the OpenAPI text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request

from core.ledger.rows import DecisionRow, TicketRow
from core.model import Priority, TicketState
from core.reports.figures import WeeklyReport
from core.web.access import SIDEBAR, needs
from core.web.api import asking, views
from core.web.api.document import document
from core.web.api.shapes import Route
from core.web.queries import PAGE
from core.web.users import Role

V1 = "/api/v1"


@dataclass(frozen=True)
class Line:
    """One thing that happened to a ticket. `due`: when it is tried again, of what waits."""

    at: str
    what: str
    detail: str
    due: str = ""


@dataclass(frozen=True)
class TicketReport:
    """One ticket's whole story, as `backstop show --json` prints it. `ticket` is empty before the first decision."""

    ticket: TicketRow
    decisions: list[DecisionRow]
    story: list[Line]


def _text(what: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": what} | more


PAGED = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": asking.MOST,
        "default": PAGE,
        "description": "Tickets a page.",
    },
    "cursor": _text("`next` of the page before; the first page without it."),
}
LISTED = {
    "q": _text("A ticket's number, a customer's address, or words of the subject or the customer's name."),
    "state": _text("Where the ticket stands.", enum=[str(one) for one in TicketState]),
    "desk": _text("The desk's name in the configuration."),
    "intent": _text("The intent it was first answered or escalated by."),
}
WAITING = {
    "desk": LISTED["desk"],
    "queue": _text("The group, team or mailbox it was routed to."),
    "priority": _text("How urgent it is.", enum=[str(one) for one in Priority]),
}
ROUTES = (
    Route(
        "GET",
        f"{V1}/tickets",
        "api_tickets",
        "All tickets, newest first; search and filter them.",
        views.tickets,
        asking.Tickets,
        query=LISTED | PAGED,
        errors=(400,),
    ),
    Route(
        "GET",
        f"{V1}/tickets/{{desk}}/{{ticket_id}}",
        "api_ticket",
        "Everything that happened to one ticket and why, in order.",
        views.ticket,
        TicketReport,
        errors=(404,),
    ),
    Route(
        "POST",
        f"{V1}/tickets/{{desk}}/{{ticket_id}}/claim",
        "api_claim",
        "Take a waiting ticket for an agent, in the desk too.",
        views.claim,
        asking.Claimed,
        Role.AGENT,
        body=views.Claim,
        errors=(400, 404, 409, 502),
    ),
    Route(
        "GET",
        f"{V1}/escalations",
        "api_escalations",
        "What waits for a human, the worst first.",
        views.escalations,
        asking.Escalations,
        query=WAITING | PAGED,
        errors=(400,),
    ),
    Route(
        "POST",
        f"{V1}/desks/{{desk}}/pause",
        "api_pause",
        "Put a desk on hold at once: events are stored and wait, nothing is written.",
        views.pause,
        asking.Held,
        Role.ADMIN,
        errors=(404,),
    ),
    Route(
        "POST",
        f"{V1}/desks/{{desk}}/resume",
        "api_resume",
        "Let a desk go on; what waited is taken up.",
        views.resume,
        asking.Held,
        Role.ADMIN,
        errors=(404,),
    ),
    Route(
        "GET",
        f"{V1}/weeks/{{week}}",
        "api_week",
        "The weekly figures of an ISO week (2026-W09), of `last` or `current`.",
        views.week,
        WeeklyReport,
        errors=(404,),
    ),
    Route(
        "GET", f"{V1}/health", "api_health", "Whether all is well, desk by desk.", views.health, asking.Health
    ),
)


def add_routes(pages: Blueprint) -> None:
    """Add the routes to the console, whose login, tokens and headers they share."""
    for one in ROUTES:
        rule = one.path.replace("{", "<").replace("}", ">")
        view = needs(one.role)(views.answered(one.view))
        pages.add_url_rule(rule, one.name, view, methods=[one.method])
        if f"console.{one.name}" == SIDEBAR:
            pages.add_url_rule(rule.replace(V1, "/api"), one.name, view)  # the desks' sidebar apps call it
    pages.add_url_rule("/api/openapi.json", "api_document", openapi)


def openapi() -> Response:
    """The OpenAPI text, for the address under which it was asked for."""
    return jsonify(document(ROUTES, request.host_url.rstrip("/")))
