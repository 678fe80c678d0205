"""The box "try a message": what is guessed, in which band, and what would be said. Nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from flask import Blueprint, render_template, request

from core.backtest.run import aside
from core.classify.late import ensured
from core.model import (
    AddNote,
    Author,
    Customer,
    Decision,
    History,
    Message,
    Prediction,
    Reply,
    Status,
    Ticket,
)
from core.pipeline.decide import verdict
from core.pipeline.replay import acting
from core.ports import HelpDesk
from core.web.access import backstop, needs
from core.web.users import Role

LONGEST = 5000


def add_routes(pages: Blueprint) -> None:
    """The page with the box; asking writes nothing, and a customer's words stand in no address."""
    pages.add_url_rule("/try", "trying", trying, methods=["GET", "POST"])


@dataclass(frozen=True)
class Tried:
    """What one message would have come to on one desk."""

    prediction: Prediction
    decision: Decision
    said: tuple[Reply | AddNote, ...]
    examples: tuple[tuple[str, str], ...]  # the nearest ones, each with its intent


@needs(Role.AGENT)
def trying() -> str:
    """The box, and what came of the message in it."""
    app = backstop()
    given = request.form.get("words", "").strip()
    words = given[:LONGEST]
    desk = request.form.get("desk", "") or next(iter(app.rules), "")
    known = desk in app.desks
    found = tried(app, desk, words, app.clock()) if words and known else None
    return render_template(
        "console/trying.html",
        words=words,
        cut=LONGEST if len(given) > LONGEST else 0,
        longest=LONGEST,
        desk=desk,
        desks=list(app.desks),
        t=found,
    )


def tried(app: Any, desk: str, words: str, now: datetime) -> Tried:
    """The decision about these words as a new ticket, as if in mode `act`."""
    from core.classify.alike import nearest

    ensured(app)
    message = Message("1", Author.CUSTOMER, now, words)
    customer = Customer("1", "carla@customer.example", "Carla")
    ticket = Ticket(desk, "0", "", (message,), customer, Status.NEW, now, now)
    with aside(app) as then:
        silent = replace(acting(then), desks={desk: cast(HelpDesk, _Silent(app.desks[desk]))})
        case, decision, _ = verdict(silent, ticket, (message,), History())
    said = tuple(one for one in decision.actions if isinstance(one, Reply | AddNote))
    return Tried(case.prediction, decision, said, tuple(nearest(app.settings, words)))


class _Silent:
    """A desk that is asked nothing about a ticket that is not there."""

    def __init__(self, desk: Any) -> None:
        self.supports = desk.supports

    def mail_headers(self, _ticket: Ticket, _message_id: str) -> dict[str, str]:
        """Return none."""
        return {}
