"""A message compared with its thread: what is new, what was said before, and what was cut though it was not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mail.lines import lines_of
from core.mail.said import forwards, said, said_in
from core.mail.split import split
from core.model import Author, Customer, Message, Status, Ticket

NOW = datetime(2026, 6, 8, 10, tzinfo=UTC)
OURS = (
    "Dear Maya,\n\nwe have sent the blue bicycle on Monday.\nPlease tell us which lamp is broken.\n\nWheels"
)
ASKED = "The lamp at the back does not light up any more."
OUTLOOK = "From: Wheels <hi@wheels.example>\nSent: Monday, 8 June 2026 09:00\nTo: Maya\nSubject: Bicycle\n\n"
HISTORY = f"{OUTLOOK}{OURS}"


def ticket(*texts: tuple[Author, str], subject: str = "Bicycle") -> Ticket:
    messages = tuple(Message(str(n), author, NOW, text) for n, (author, text) in enumerate(texts))
    return Ticket("d", "1", subject, messages, Customer("c"), Status.OPEN, NOW, NOW)


def newest(*texts: tuple[Author, str], subject: str = "Bicycle"):
    found = ticket(*texts, subject=subject)
    return said_in(found, found.messages[-1])


def test_quoted_history_that_is_in_the_thread_is_neither_new_nor_missing():
    found = newest(
        (Author.CUSTOMER, "Where is my bicycle?"),
        (Author.AGENT, OURS),
        (Author.CUSTOMER, f"{ASKED}\n\n{HISTORY}"),
    )
    assert (found.words, found.everything, found.cut) == (ASKED, ASKED, "")


def test_quoted_history_that_is_not_in_the_thread_is_searched_for_danger_and_marked_as_cut():
    found = newest((Author.CUSTOMER, f"{ASKED}\n\n{OUTLOOK}Somebody has used your card, we have blocked it."))
    assert found.words == ASKED
    assert "Somebody has used your card" in found.everything
    assert found.cut == "Somebody has used your card, we have blocked it."


def test_an_answer_written_into_the_history_is_new():
    answered = HISTORY.replace("broken.\n", "broken.\nThe one at the back, and it smells burnt.\n")
    found = newest((Author.AGENT, OURS), (Author.CUSTOMER, f"See below.\n\n{answered}"))
    assert "The one at the back, and it smells burnt." in found.words
    assert "which lamp is broken" not in found.words


def test_our_own_words_pasted_without_a_sign_are_not_the_customers():
    found = newest((Author.AGENT, OURS), (Author.CUSTOMER, f"Please tell us which lamp is broken.\n{ASKED}"))
    assert found.words == ASKED


def test_a_customer_who_says_the_same_again_says_it():
    found = newest((Author.CUSTOMER, ASKED), (Author.CUSTOMER, f"Once more:\n{ASKED}"))
    assert ASKED in found.words


def test_arrows_before_words_of_the_thread_quote_it_and_others_do_not():
    thread = (Author.AGENT, OURS)
    quoting = newest(thread, (Author.CUSTOMER, f"> Please tell us which lamp is broken.\n{ASKED}"))
    assert quoting.words == ASKED
    own = newest(thread, (Author.CUSTOMER, f"> {ASKED}\n> Wheels"))
    assert ASKED in own.words


def test_an_empty_reply_says_nothing():
    found = newest(
        (Author.AGENT, OURS), (Author.CUSTOMER, "\n".join(f"> {line}" for line in OURS.split("\n")))
    )
    assert (found.words, found.new) == ("", False)


def test_a_message_that_is_all_quotation_from_elsewhere_is_read_whole():
    found = newest(
        (
            Author.CUSTOMER,
            "On Mon, 8 Jun 2026 at 9:00, Wheels <hi@wheels.example> wrote:\n> The lamp is sent.",
        )
    )
    assert "The lamp is sent." in found.words
    assert not found.new


def test_only_what_came_before_counts_as_said_before():
    case = ticket((Author.CUSTOMER, f"{ASKED}\n> {OURS[12:50]}"), (Author.AGENT, OURS))
    assert OURS[12:50] in said_in(case, case.messages[0]).words


def test_a_private_note_is_not_said_to_the_customer():
    note = replace(ticket((Author.AGENT, ASKED)).messages[0], public=False)
    case = ticket((Author.AGENT, "x"), (Author.CUSTOMER, ASKED))
    case = replace(case, messages=(note, case.messages[1]))
    assert said_in(case, case.messages[1]).words == ASKED


@pytest.mark.parametrize(
    "subject", ["Fwd: x", "FW: x", "Wg: x", "TR : x", "[EXT] Fw: x", "VB: x", "İLT: x", "转发：x"]
)
def test_a_subject_says_that_a_mail_is_forwarded(subject: str):
    assert forwards(subject)
    found = newest((Author.CUSTOMER, f"Please see\n\n{OUTLOOK}{ASKED}"), subject=subject)
    assert ASKED in found.words


@pytest.mark.parametrize(
    "subject", ["", "Re: x", "AW: x", "From the shop", "I: ", "Forward lamp", "Invoice: 4471"]
)
def test_other_subjects_do_not(subject: str):
    assert not forwards(subject) or subject == "I: "


PIECES = [
    "On Mon, 8 Jun 2026 at 9:00, Wheels <hi@wheels.example> wrote:",
    "> quoted",
    ">> deeper",
    "words of mine",
    "-- ",
    "--",
    "Thanks,",
    "Maya Lind",
    "From: Wheels <a@b.example>",
    "Sent: 8 June 2026 09:00",
    "To: Maya",
    "Subject: x",
    "",
    "---------- Forwarded message ---------",
    "-----Original Message-----",
    "Sent from my iPhone",
    "##- reply above -##",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.booleans())
def test_no_line_of_a_mail_disappears_and_everything_holds_the_words(pieces: list[str], forwarded: bool):
    text = "\n".join(pieces)
    parts = split(lines_of(text), forwarded=forwarded)
    assert [line for part in parts for line in part.lines] == [line.text for line in lines_of(text)]
    assert all(part.why or part.kind in {"new", "forwarded"} for part in parts)
    found = said(text, subject="Fwd: x" if forwarded else "")
    assert all(line in found.everything for line in found.words.split("\n"))
    assert found.words or not any(line.isalnum() for line in text)


def test_an_alarm_in_a_mail_that_the_quoted_mail_answers_is_no_new_one():
    text = (
        "The coat is too short, may I have it in L?\n\nOn Thu, 4 Jun 2026 at 16:02, Shop <hi@shop.example> wrote:\n"
        "> We are sorry about the payment; it has arrived now.\n>\n"
        "> On Tue, 2 Jun 2026 at 09:40, Eva Lind wrote:\n>> Was my card charged without my order?"
    )
    found = said(text)
    assert "too short" in found.words
    assert "sorry about the payment" in found.everything
    assert "my card" not in found.everything
    assert "my card" in found.cut, "it is never answered automatically all the same"


def test_answers_between_lines_quoted_below_a_header_are_said_now():
    text = (
        "See below.\n\nFrom: Our Shop <help@ourshop.example>\nSent: 12 June 2026 16:41\nTo: Tom Reed <tom@reed.example>\n"
        "Subject: RE: Boots\n\n> Which size did you order?\n\nSize 44, as I said.\n\n> Which size came?\n\nSize 40.\n"
    )
    words = said(text).words
    assert "Size 44, as I said." in words
    assert "Size 40." in words
    assert "Which size came?" not in words
