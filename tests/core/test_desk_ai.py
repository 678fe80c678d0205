"""Whether the desk's own AI is at work, and when it has handed over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.desk_ai import AtWork, HandOver, hands_over, look
from core.model import Assignee, Author, Customer, Message, Status, Ticket

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
WAIT = timedelta(minutes=10)


def said(author, minutes, text="x"):
    return Message(f"{author}{minutes}", author, AT + timedelta(minutes=minutes), text)


def ticket(*messages, **more):
    base = Ticket("d", "1", "s", messages, Customer("9"), Status.OPEN, AT, AT, queue="q")
    return replace(base, **more)


def at(minutes):
    return AT + timedelta(minutes=minutes)


ASKS, ANSWERS = said(Author.CUSTOMER, 0), said(Author.AI, 1, "Please look at our help page.")


@pytest.mark.parametrize(
    ("one", "before", "minutes", "expected"),
    [
        (ticket(ASKS), "", 0, None),
        (ticket(ASKS, held_by_ai=True), "", 1, AtWork("assignee:q", at(10))),
        (ticket(ASKS, held_by_ai=True), "assignee:q", 10, HandOver.SILENCE),
        (ticket(ASKS, ANSWERS), "", 1, AtWork("comment:q", None)),
        (ticket(ASKS, ANSWERS, said(Author.CUSTOMER, 5)), "comment:q", 6, AtWork("comment:q", at(15))),
        (ticket(ASKS, ANSWERS, said(Author.CUSTOMER, 5)), "comment:q", 15, HandOver.SILENCE),
        (ticket(ASKS, said(Author.AI, 1, "I have forwarded this to a colleague.")), "", 1, HandOver.WORDS),
        (ticket(ASKS, ANSWERS, queue="other"), "comment:q", 2, HandOver.ASSIGNED),
        (ticket(ASKS, ANSWERS, assignee=Assignee("7")), "", 2, HandOver.ASSIGNED),
        (ticket(ASKS), "assignee:q", 2, HandOver.ASSIGNED),
        (ticket(ASKS, read_only=True), "", 2, AtWork("ticket:q", at(10))),
        (ticket(ASKS), "ticket:q", 2, HandOver.ESCALATED),
        (ticket(ASKS, ANSWERS, status=Status.SOLVED), "comment:q", 2, None),
        (ticket(ASKS, ANSWERS, said(Author.AGENT, 2)), "", 3, None),
    ],
)
def test_what_an_ai_does_with_a_ticket(one, before, minutes, expected):
    assert look(one, before, at(minutes), WAIT) == expected


@pytest.mark.parametrize(
    "words",
    [
        "Thanks! I've forwarded your request to a colleague, who answers soon.",
        "I am transferring you to a human agent now.",
        "Our support team will get back to you within a day.",
        "Ich habe Ihre Anfrage an eine Kollegin weitergeleitet.",
        "J'ai transmis votre demande à un collègue.",
        "He reenviado su consulta a un compañero.",
        "Ho inoltrato la richiesta a un collega.",
        "Encaminhei a sua mensagem a um colega.",
        "Ik heb uw vraag doorgestuurd naar een collega.",
        "Jeg har videresendt din henvendelse til en kollega.",
        "Jeg har sendt videre saken til en kollega.",
        "Jag har vidarebefordrat ditt ärende till en kollega.",
        "Przekazałem Twoją sprawę konsultantowi.",
        "Talebinizi bir uzmana yönlendirdim.",
    ],
)
def test_words_that_hand_over(words):
    assert hands_over(words)


@pytest.mark.parametrize(
    "words",
    [
        "You can reset your password on the login page.",
        "Would you like me to connect you with an agent?",
        "I can also forward this to a colleague if you like.",
        "Your parcel was handed to the carrier yesterday.",
        "Our team built this page for you.",
        "Möchten Sie, dass ich einen Kollegen einbeziehe?",
        "",
    ],
)
def test_words_that_do_not(words):
    assert not hands_over(words)
