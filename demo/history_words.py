"""The words of the made-up history: intents, customers, sentences. None of it was ever written by anybody."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One sort of ticket: how often it comes, how sure the classifier is, what people say."""

    name: str
    subject: str
    queue: str
    priority: str
    weight: int
    answered: bool  # the team has a rule for it
    alpha: float
    beta: float
    evidence: tuple[str, ...]
    sentences: tuple[str, ...]


INTENTS = (
    Kind(
        "order_status",
        "Where is my order?",
        "Orders",
        "low",
        34,
        True,
        24,
        0.8,
        ("order", "arrive", "tracking"),
        (
            "My order {n} was to arrive on {day} and the tracking has not moved since.",
            "Could you tell me where parcel {n} is? I will be away from {day}.",
        ),
    ),
    Kind(
        "password_reset",
        "Cannot sign in",
        "Accounts",
        "normal",
        26,
        True,
        26,
        0.7,
        ("password", "sign in", "reset link"),
        (
            "The reset link says it has expired, the third time since {day}.",
            "I forgot my password and no mail comes when I ask for a new one.",
        ),
    ),
    Kind(
        "invoice_copy",
        "Copy of an invoice",
        "Billing",
        "low",
        14,
        True,
        22,
        0.9,
        ("invoice", "copy", "tax"),
        ("Please send invoice {n} once more, my accountant needs it by {day}.",),
    ),
    Kind(
        "return_request",
        "Sending something back",
        "Orders",
        "normal",
        13,
        True,
        17,
        1.1,
        ("return", "label", "too small"),
        (
            "The jacket of order {n} is too small. How do I send it back?",
            "I would like to return two of the three items that came on {day}.",
        ),
    ),
    Kind(
        "billing_dispute",
        "A charge I did not make",
        "Billing",
        "urgent",
        4,
        False,
        8,
        2.0,
        ("charge", "card", "did not make"),
        (
            "There is a charge of {n} on my card from {day} that I did not make.",
            "You have taken the yearly fee twice. Please put this right today.",
        ),
    ),
    Kind(
        "outage",
        "Nothing loads",
        "Engineering",
        "urgent",
        2,
        False,
        9,
        2.2,
        ("down", "error 502", "everybody"),
        ("Since {day} morning nothing loads for any of us, only error 502.",),
    ),
    Kind(
        "cancellation",
        "Ending my subscription",
        "Retention",
        "high",
        4,
        False,
        7,
        2.2,
        ("cancel", "subscription", "end of"),
        ("Please end my subscription at the end of the month, contract {n}.",),
    ),
    Kind(
        "product_question",
        "A question before buying",
        "Sales",
        "normal",
        5,
        False,
        5,
        3.2,
        ("compatible", "does it", "fit"),
        (
            "Does the larger model fit the stand that I bought on {day}?",
            "Is it compatible with the older adapter, number {n}?",
        ),
    ),
    Kind(
        "human_request",
        "Please let me speak to somebody",
        "Support",
        "high",
        3,
        False,
        9,
        2.0,
        ("real person", "speak", "phone"),
        ("I would rather speak to a real person about {n}. When can somebody ring me?",),
    ),
)

CUSTOMERS = (
    "Mara Lindholm",
    "Tomas Okeke",
    "Ines Duarte",
    "Yuki Arai",
    "Paul Verhoeven",
    "Sade Balogun",
    "Lena Fischer",
    "Omar Haddad",
    "Clara Moreau",
    "Jonas Berg",
    "Priya Nair",
    "Elif Demir",
    "Marek Nowak",
    "Aoife Byrne",
    "Hugo Santos",
    "Nadia Rahal",
    "Finn Larsen",
    "Greta Wolff",
    "Ravi Menon",
    "Zoe Papadaki",
)

PEOPLE = ("Ada Brandt", "Bo Lindqvist", "Chidi Okafor", "Dana Levi")

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def phrase(dice: random.Random, kind: Kind) -> str:
    """Return a sentence of this kind with its gaps filled."""
    return dice.choice(kind.sentences).format(n=dice.randrange(10_000, 99_999), day=dice.choice(_DAYS))
