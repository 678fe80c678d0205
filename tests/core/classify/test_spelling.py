"""An unknown word that is one slip away from a known one counts as that one; known words are kept as hashes alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classify.cache import load, save
from core.classify.linear import LinearClassifier, fit
from core.classify.spelling import UNSPELT, spelling

KNOWN = spelling(
    ["where is my order xxnum", "cancel my subscription", "the parcel was damaged", "order shoes"], "en"
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("where is my odrer", "where is my order"),  # swapped
        ("cancel my subscripton", "cancel my subscription"),  # missing
        ("the parcell was damagged", "the parcel was damaged"),  # doubled
        ("the parxel was damaged", "the parcel was damaged"),  # another
        ("whre is my order", "where is my order"),
        ("my shpes", "my shpes"),  # short, another letter: it may be a word of its own
        ("wher is it", "where is it"),
        ("the 4711 xxnun", "the 4711 xxnun"),  # what stands for a number is no word
        ("orders for the zoo", "order for the zoo"),
        ("supercalifragilisticexpialidocious", "supercalifragilisticexpialidocious"),
    ],
)
def test_one_slip_is_mended(text: str, read: str) -> None:
    assert KNOWN.corrected(text) == read


def test_where_one_letter_negates_nothing_is_mended() -> None:
    assert spelling(["uygulama açılmıyor"], "tr").corrected("uygulama açılıyor") == "uygulama açılıyor"


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    assert len(KNOWN.corrected(text).split()) == len(text.split())
    assert UNSPELT.corrected(text) == text


def test_a_slip_costs_little_confidence(embedded: LinearClassifier) -> None:
    clean, slipped = embedded.predict_many(
        ["I want to cancel my subscription please", "I want to cancle my subscribtion please"]
    )
    assert (slipped.intent, slipped.confidence >= 0.85) == (clean.intent, True)


def test_the_file_holds_no_word(tmp_path: Path) -> None:
    lines = {
        "a": ["zebrafish aquarium", "zebrafish food"],
        "b": ["harpsichord tuning"],
        "c": ["glockenspiel"],
    }
    made = fit(lines)
    save(made, tmp_path / "m.npz")
    again = load(tmp_path / "m.npz")
    assert again.spelling.corrected("zebrafsih") == "zebrafish"
    with np.load(tmp_path / "m.npz") as arrays:
        content = b"".join(arrays[name].tobytes() for name in arrays.files)
    assert b"zebrafish" not in content
