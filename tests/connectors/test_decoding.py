"""What comes in can be stored, encoded and rendered, or is refused with one kind of error."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.freshdesk.api import Api as Freshdesk
from connectors.helpscout.api import Api as HelpScout
from connectors.kit.decoding import DEEPEST, clean, decoded, form_of, words_of
from connectors.kit.http import DeskSession
from connectors.kit.text import words_in
from connectors.kit.values import whole
from connectors.zendesk.api import Api as Zendesk
from core.errors import TryLater, VendorError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def storable(value: Any) -> bool:
    """Whether SQLite, Postgres (by its own rules) and UTF-8 take it."""
    if isinstance(value, dict):
        return all(storable(name) and storable(one) for name, one in value.items())
    if isinstance(value, list):
        return all(map(storable, value))
    if isinstance(value, str):
        return "\0" not in value and bool(value.encode() or True)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@given(JSON)
@settings(max_examples=300)
def test_whatever_was_decoded_can_be_stored_and_written(value: Any) -> None:
    found = decoded(json.dumps(value))
    assert storable(found)
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    with sqlite3.connect(":memory:") as store:
        store.execute("select ?", (found if isinstance(found, str | int | float) else None,))


@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=500)
def test_what_is_no_json_is_refused_with_one_kind_of_error(body: bytes | str) -> None:
    with contextlib.suppress(ValueError):  # the one that is promised
        assert storable(decoded(body))


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (r'{"a": "x\u0000y"}', {"a": "x\ufffdy"}),
        (r'{"\ud800": "\udfff"}', {"\ufffd": "\ufffd"}),
        (r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        ('"a\x00\x1fb"', "a\ufffd\x1fb"),
        (b'"\xff"', "\ufffd"),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"),
        ("[1e999, -1e999, NaN]", [None, None, None]),
    ],
)
def test_each_kind_of_what_stores_refuse_is_mended(body: bytes | str, wanted: Any) -> None:
    assert decoded(body) == wanted


@pytest.mark.parametrize(
    "body",
    ["[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "[" * 200_000, '{"a":' * 100_000, "9" * 5000, "", "nul"],
)
def test_what_is_nested_or_long_without_end_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(body)


def test_a_form_has_a_bounded_number_of_fields() -> None:
    assert form_of(b"a=1&b=%00&c=%ED%A0%80&a=2") == [
        ("a", "1"),
        ("b", "\ufffd"),
        ("c", "\ufffd" * 3),
        ("a", "2"),
    ]
    with pytest.raises(ValueError, match="fields"):
        form_of("&".join(f"{n}=1" for n in range(201)))


class _Answers(DeskSession):
    """A session whose server always sends one response."""

    def __init__(self, body: bytes) -> None:
        super().__init__("https://desk.example", authorization=lambda: "x")
        self._body = body

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        response = requests.Response()
        response.status_code, response._content = 200, self._body
        return response


READS = {
    "zendesk": lambda body: Zendesk(_Answers(body)).get("/x"),
    "freshdesk": lambda body: Freshdesk(_Answers(body)).get("/x"),
    "helpscout": lambda body: HelpScout(_Answers(body)).get("/x"),
}


@pytest.mark.parametrize("vendor", READS)
def test_every_vendors_reader_scrubs_what_it_reads(vendor: str) -> None:
    read = READS[vendor]
    assert read(rb'{"subject": "a\u0000b \ud800"}') == {"subject": "a\ufffdb \ufffd"}
    for body in (b"<html>", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000):
        with pytest.raises(TryLater):
            read(body)


def test_an_error_shows_the_beginning_of_the_answer_whatever_it_is_made_of() -> None:
    response = requests.Response()
    response._content = b"\x00\xff" + "ü".encode() * 1_000_000
    assert words_of(response, 5) == "\ufffd\ufffdüüü"


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=300))
def test_clean_leaves_nothing_that_cannot_be_written(words: str) -> None:
    assert storable(clean(words))
    assert clean(clean(words)) == clean(words)


@pytest.mark.parametrize(
    "html", ["<p>a\x00b</p>", "<b>" * 5000, "<!DOCTYPE", "&#0;<", "<p>ok</p>", "<table><td>"]
)
def test_words_are_taken_out_of_any_html(html: str) -> None:
    assert isinstance(words_in(html), str)
    assert "ok" not in html or words_in(html) == "ok"


@pytest.mark.parametrize(
    ("value", "number"), [("17", 17), (17, 17), ("²", 0), ("٣", 0), (None, 0), ("9" * 99, 0), ([], 0)]
)
def test_only_digits_are_a_number(value: Any, number: int) -> None:
    assert whole(value) == number


def test_the_errors_of_a_reader_are_the_vendors() -> None:
    assert issubclass(TryLater, VendorError)
