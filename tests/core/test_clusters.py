"""The desk's tickets that no starter intent takes are grouped by what they say, and named by it."""

from __future__ import annotations

from core.admin.setup.clusters import LEAST, clusters

FORM = "New message from our website form, order department."
SAUNA = [
    f"{FORM} Can we rent the sauna tent {what}?"
    for what in (
        "for our wedding",
        "in June",
        "for twelve guests",
        "at the lake",
        "with benches",
        "on Saturday",
    )
]
STRAY = [
    f"{FORM} {words}"
    for words in (
        "How tall is the tower?",
        "Our choir sings tonight",
        "Is the moon far away",
        "I paint boats",
        "Write me a poem please",
        "The cat sleeps on my keyboard",
    )
]


def numbered(*texts: str) -> dict[str, str]:
    return {str(number): text for number, text in enumerate(texts)}


def test_alike_tickets_are_one_group_named_by_what_they_are_about_not_by_the_form_they_came_by():
    found = clusters(numbered(*SAUNA, *STRAY))
    assert [(one.name, len(one.tickets)) for one in found] == [("rent_sauna", len(SAUNA))]


def test_a_name_that_is_taken_is_not_given_twice():
    assert [one.name for one in clusters(numbered(*SAUNA, *STRAY), known=["rent_sauna"])] == ["rent_sauna_2"]


def test_the_same_words_again_and_again_are_one_example_and_no_group():
    assert clusters(numbered(*[SAUNA[0]] * 20, *STRAY)) == []


def test_few_tickets_or_none_are_no_group():
    assert clusters({}) == clusters(numbered(*SAUNA[: LEAST - 1])) == clusters(numbered("", "?", "1")) == []


def test_addresses_and_numbers_stand_in_no_example():
    lines = clusters(numbered(*(f"{one} anna@customer.example +44 20 7946 0958" for one in SAUNA), *STRAY))[
        0
    ].lines
    assert not [line for line in lines if "@" in line or "7946" in line]
