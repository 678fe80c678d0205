"""By which name a customer is greeted: by a first name, or by none."""

from __future__ import annotations

import pytest

from core.greeting import first_name

GREETED = {
    "Carla Client": "Carla",
    "Mr John Smith": "John",
    "Mrs. Jane van Dyk": "Jane",
    "Dr. Anna Weber": "Anna",
    "Frau Dr. Eva Klein": "Eva",
    "Mme Marie Dubois": "Marie",
    "Pani Ewa Nowak": "Ewa",
    "Weber, Anna": "Anna",
    "Anna Weber (Acme GmbH)": "Anna",
    "Anna Weber | Acme": "Anna",
    "John Smith, PhD": "John",
    "ANNA WEBER": "Anna",
    "anna weber": "Anna",
    "Anne-Marie Dubois": "Anne-Marie",
    "Łukasz Nowak": "Łukasz",
    "Олег Петров": "Олег",
    "José": "José",
}
NOT_GREETED = (
    # an article or a family
    *("The Johnsons", "Die Müllers", "Los García", "Familie Weber", "Our Family"),
    # a title and a family name
    *("Mr Smith", "Herr Müller", "Mme Dubois", "Mr. & Mrs. Smith", "Prof. Dr. Klein"),
    # a role or a department
    *(
        "Support Team",
        "Customer Care",
        "Accounts Payable",
        "Kundenservice",
        "Einkauf",
        "info",
        "Sales",
        "Office Berlin",
    ),
    # a company
    *("Acme GmbH", "Blue Sky Travel Ltd", "John's Garage", "Weber & Sons", "ACME", "Nordic Solutions AB"),
    # whoever called, or wrote through something
    *(
        "Caller +49 89 555",
        "Anonymous Caller",
        "Unknown",
        "Anrufer",
        "Guest",
        "iPhone von Anna",
        "WhatsApp User",
    ),
    # a family name that is written first, an initial, two people, an address, a sentence
    *("Nguyen Van An", "Zhang Wei", "Kovács Anna", "Власов Олег", "李雷", "J. Smith", "Tom and Anna"),
    *(
        "carla@example.com",
        "anna",
        "12345",
        "<b>x</b>",
        "Win $$$ now",
        "CLICK http://evil.example NOW",
        "A" * 50,
        "",
    ),
)


@pytest.mark.parametrize(("name", "greeted"), GREETED.items())
def test_a_first_name_is_greeted(name: str, greeted: str) -> None:
    assert first_name(name) == greeted


@pytest.mark.parametrize("name", NOT_GREETED)
def test_what_is_no_first_name_for_sure_is_not_greeted(name: str) -> None:
    assert first_name(name) == ""
