"""The guard before every customer-visible message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.model import Assignee, Author, Customer, Message, Reply, Status, Ticket, by_desk
from core.outgoing import Sent, refusal, too_much

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORDS = "I have been waiting for three weeks now and nobody has told me anything about my parcel"
MESSAGE = Message("m1", Author.CUSTOMER, NOW, WORDS)
TICKET = Ticket(
    "support", "7", "Parcel", (MESSAGE,), Customer("c1", "carla@example.com"), Status.NEW, NOW, NOW
)
REPLY = Reply("acknowledgment", "acknowledgment", text="We will answer by noon.")


def said(ticket=TICKET, reply=REPLY, sent=None, **more):
    return refusal(ticket, reply, sent or Sent(), answers="m1", **more)


def test_an_ordinary_message_may_go_out():
    assert said() == ""


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"status": Status.CLOSED}, "closed"),
        ({"status": Status.SPAM}, "spam"),
        ({"replyable": False}, "does not reach"),
        ({"locked": "full"}, "full"),
        ({"customer": Customer("c1", "noreply@example.com")}, "no person"),
        ({"customer": Customer("c1", "shop-no-reply@example.com")}, "no person"),
        ({"customer": Customer("c1", "MAILER-DAEMON@example.com")}, "no person"),
        ({"customer": Customer("c1", "ann@x.example", is_staff=True)}, "own people"),
        ({"messages": (replace(MESSAGE, machine=by_desk("a rule")),)}, "machine"),
        ({"messages": (MESSAGE, Message("m2", Author.AGENT, NOW, "Hi"))}, "meanwhile"),
        ({"messages": (MESSAGE, Message("m2", Author.AGENT, NOW, "H", draft=True))}, "writing"),
        ({"assignee": Assignee("1", "Ann")}, "taken"),
    ],
)
def test_what_must_not_go_out_is_refused_with_the_reason(change, word):
    assert word in said(replace(TICKET, **change))


def test_a_reply_by_a_person_with_an_ordinary_address_is_not_taken_for_a_machine():
    for address in ("norbert.replyman@example.com", "bouncer@club.example.com", "carla@noreply-shop.example"):
        assert said(replace(TICKET, customer=Customer("c1", address))) == "", address


def test_our_own_addresses_are_never_written_to():
    assert "our own" in said(own_addresses={"Carla@example.com"})


def test_the_caps_hold_per_address_and_for_all():
    assert "this address" in said(sent=Sent(to_address=10))
    assert "brake" in said(sent=Sent(to_all=600))
    assert said(sent=Sent(to_address=10, address_cap=0)) == ""


@pytest.mark.parametrize(
    ("in_a_week", "hours", "free"),
    [(29, 0, True), (30, 0.9, False), (30, 1, True), (33, 7, False), (33, 8, True), (60, 255, False)],
)
def test_the_more_went_to_an_address_the_longer_the_pause(in_a_week, hours, free):
    sent = Sent(in_a_week=in_a_week, last=timedelta(hours=hours))
    assert (too_much(sent) is None) is free
    assert too_much(replace(sent, address_cap=0)) is None


def test_the_customers_own_words_never_go_out_again():
    assert "own words" in said(reply=replace(REPLY, text=f"You wrote: {WORDS.upper()}. Thank you."))
    assert said(reply=replace(REPLY, text="Your parcel is on its way.")) == ""
