from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.classify.features import read
from core.classify.text import FEATURE_LIMIT, WORDS_LIMIT, clean, customer_words, normalise, spelt_out

REPLY = "Where is my order 12345?"

MAILS = {
    "english history": f"Hi,\n\n{REPLY}\n\nOn Mon, 1 Jan 2024 at 10:00, Support <s@shop.example> wrote:\n> We got your order.",
    "german history": f"{REPLY}\n\nAm 01.01.2024 um 10:00 schrieb Support Team <s@shop.example>:\n> Danke für Ihre Bestellung.",
    "outlook history": f"{REPLY}\n\nFrom: Support <s@shop.example>\nSent: Monday\nTo: Anna\nSubject: Your order\n\nWe got your order.",
    "phone signature": f"{REPLY}\n\nSent from my iPhone",
    "dashes signature": f"{REPLY}\n\n-- \nAnna Smith\nHead of We got your order",
    "sign-off": f"{REPLY}\n\nBest regards,\nAnna",
    "german sign-off": f"{REPLY}\n\nMit freundlichen Grüßen\nAnna",
    "answered below the quote": f"On Mon, 1 Jan 2024 at 10:00, Support <s@shop.example> wrote:\n> We got your order.\n\n{REPLY}",
    "delimiter line": f"{REPLY}\n\n##- Please type your reply above this line -##\nWe got your order.",
}


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS.keys())
def test_only_what_the_customer_said_now_is_kept(mail: str) -> None:
    words = customer_words(mail)
    assert REPLY in words
    for gone in ("We got your order", "Danke", "iPhone", "Smith", "regards", "Grüßen", "Anna"):
        assert gone not in words


@pytest.mark.parametrize(
    "text",
    [
        "Hi\nThanks, but where is my order? It should be here",
        "Taking too long\nTaking forever to load",
        "These are broken:\n- the lamp\n- the chair\nplease help",
    ],
)
def test_words_that_only_look_like_a_signature_are_kept(text: str) -> None:
    assert customer_words(text) == text


def test_html_becomes_text_without_the_quoted_mail() -> None:
    html = (
        "<html><head><style>p {color:red}</style></head><body><p>Where is <b>my</b> order?</p>"
        "<div class='gmail_quote'>On Monday Support wrote:<blockquote>old words</blockquote></div></body></html>"
    )
    assert customer_words("", html) == "Where is my order?"
    assert customer_words(html) == "Where is my order?"


@pytest.mark.parametrize(
    "html", ["<p>broken <b>lamp", "<<<p>broken</b> lamp", "<div>" * 5_000 + "broken lamp"]
)
def test_broken_html_still_yields_its_words(html: str) -> None:
    assert "lamp" in customer_words("", html)


def test_a_message_that_is_all_quotation_falls_back_to_its_raw_text() -> None:
    assert "old words" in customer_words("> old words")


@pytest.mark.parametrize("text", ["", " ", "\x00", "😀😀", "\ud800", "-- ", ">", "<p></p>", "<>", "\u200b"])
def test_nothing_is_too_strange_to_be_read(text: str) -> None:
    assert isinstance(customer_words(text), str)
    assert isinstance(normalise(text), str)
    customer_words(text, text).encode("utf-8")


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=400), st.text(max_size=100))
def test_any_text_is_read_without_an_error(text: str, html: str) -> None:
    words = customer_words(text, html)
    words.encode("utf-8")
    assert len(words) <= WORDS_LIMIT + 1
    normalise(words).encode("utf-8")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["On ", "wrote:", "\n", "> ", "Warning: ", "mail", "<div>", "-- ", "From: a\n", "Thanks, "]
        ),
        max_size=300,
    )
)
def test_pieces_of_mail_in_any_order_are_read_without_an_error(pieces: list[str]) -> None:
    customer_words("".join(pieces))


@pytest.mark.parametrize(
    "piece",
    [
        "On ",
        "Warning: mail ",
        "Warning: mail\n",
        "<",
        "<div>",
        ">",
        "From: a\n",
        "_",
        "Thanks, \n",
        "1",
        "@a",
        " \n",
        "On x wrote:\n",
    ],
)
def test_a_megabyte_of_hostile_text_is_read_in_a_moment(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    before = time.process_time()
    normalise(customer_words(text, text))
    assert time.process_time() - before < 2


def test_features_see_placeholders_instead_of_what_is_unique_to_one_customer() -> None:
    text = normalise("Order AB-1234 (#99) for $12.50, see HTTPS://x.example/a?b mail Ann@x.example 2FA")
    assert text == "order xxnum ( xxnum ) for xxmoney see xxurl mail xxmail 2fa"


def test_features_are_counted_on_the_first_characters_only() -> None:
    assert len(normalise("ab " * 100_000)) <= FEATURE_LIMIT


def test_compatibility_forms_and_quotes_are_folded() -> None:
    assert normalise("ＡＢＣ ﬁne don’t") == "abc fine don't"


def test_control_and_direction_characters_are_dropped() -> None:
    assert clean("a\x00b\u202ec\r\nd") == "abc\nd"


def test_what_is_typed_for_english_words_is_spelt_out_and_parts_of_words_are_not() -> None:
    assert spelt_out("u dont ship, pls") == "you don't ship, please"
    assert spelt_out("tsunami dontworry usb r2d2") == "tsunami dontworry usb r2d2"


def test_dont_and_don_t_are_the_same_message_in_english_alone() -> None:
    assert read(["it dont work"]) == read(["it don't work"])
    assert read(["le colis dont je parle"], english=False) == ["le colis dont je parle"]
