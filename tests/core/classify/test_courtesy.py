"""Greetings and goodbyes are left out of what is compared; nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classify.courtesy import wish


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Hello, where is my parcel?", "where is my parcel?"),
        ("Hi Anna,\nI need a refund. Thanks in advance!\nTom Smith", "I need a refund."),
        ("Dear Sir or Madam, my card is declined. Kind regards, J. Miller", "my card is declined."),
        (
            "Sehr geehrte Damen und Herren, wo ist mein Paket? Mit freundlichen Grüßen Max",
            "wo ist mein Paket?",
        ),
        ("Bonjour, où est mon colis ? Merci", "où est mon colis ?"),
        ("Merhaba, siparişim nerede? Teşekkürler", "siparişim nerede?"),
        (
            "I want a refund. Thanks. Please also cancel my plan",
            "I want a refund. Thanks. Please also cancel my plan",
        ),
        ("Hi my order is late, where is it", "my order is late, where is it"),
        ("hey guys so where is my parcel", "where is my parcel"),
        ("so sorry to bother you, i picked the wrong size", "i picked the wrong size"),
        ("hidden fees on my bill", "hidden fees on my bill"),
        ("solar panel does not work", "solar panel does not work"),
        ("Best shop ever, where is my order", "Best shop ever, where is my order"),
        ("ok, thanks", "ok, thanks"),
        ("hello", "hello"),
    ],
)
def test_a_wish_without_its_courtesies(text: str, left: str) -> None:
    assert wish(text) == left


@given(st.text(max_size=300))
def test_the_remainder_is_part_of_the_text(text: str) -> None:
    assert wish(text) in text
