"""What every vendor's connector reads and writes alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.kit.provision import fingerprint, secret_print
from connectors.kit.text import as_html, counted, intent_in, numbered, squeezed
from connectors.kit.values import number, row, rows, stamp, text
from core.errors import BadPayload


@pytest.mark.parametrize(
    "told",
    [
        "2026-11-24T12:00:00Z",
        "2026-11-24T12:00:00",
        "2026-11-24T13:00:00+01:00",
        "2026-11-24T12:00:00.000000123Z",
    ],
)
def test_a_time_is_the_same_however_it_is_written(told):
    assert stamp(told) == datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize("rubbish", [None, "", "soon", 7, {}, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(rubbish):
    assert stamp(rubbish) is None


@pytest.mark.parametrize("odd", ["", "5/../6", "-1", "٤٢", "4711 "])
def test_only_digits_become_a_part_of_a_path(odd):
    with pytest.raises(BadPayload, match="numbers"):
        number(odd)


def test_something_else_where_an_object_or_a_list_should_be_is_an_empty_one():
    assert (row([1]), row(None), rows({"a": 1}), rows([1, {"a": 1}, None]), text(None)) == (
        {},
        {},
        [],
        [{"a": 1}],
        "",
    )


def test_an_object_has_one_fingerprint_whatever_the_order_of_its_keys():
    assert (
        fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1}) != fingerprint({"a": 1, "b": [3]})
    )
    assert secret_print("") == "" != secret_print("x") != secret_print("y")


@pytest.mark.parametrize(
    ("tags", "intent"),
    [
        (["vip", "ai_intent_Refund"], "Refund"),
        (["AI_INTENT_refund"], "refund"),
        (["ai_intent_a", "ai_intent_b"], ""),
        (["ai_routed"], ""),
        ([], ""),
    ],
)
def test_one_tag_names_the_intent_and_two_name_none(tags, intent):
    assert intent_in(tags, "ai_") == intent


def test_words_become_paragraphs_and_nothing_of_them_markup():
    assert as_html("a <b>\nc\n\n\nd & e") == "<p>a &lt;b&gt;<br>c</p><p>d &amp; e</p>"
    assert squeezed(" Cafe\u0301\n b ") == "Caféb"


def test_clicks_and_keys_are_counted():
    assert numbered("a", "b") == "1. a\n2. b"
    assert [counted("k:note", n) for n in range(3)] == ["k:note", "k:note2", "k:note3"]
