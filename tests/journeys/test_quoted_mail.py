"""Quoted text counts: an alarm in a message is found wherever it is, and a partly read message is not answered."""

from __future__ import annotations

import pytest
from words import DISPUTE, NONSENSE, ORDER

from tests.turns import in_turns

QUOTED_SHOP = "On Mon, 4 May 2026 at 10:00, Our Shop <help@ourshop.example> wrote:"
LONG = " ".join(
    f"I have been waiting for {what} since {day}, and the tracking page shows nothing new."
    for what in ("my order", "the lamp", "the parcel", "the chairs")
    for day in ("Monday", "last week", "the third")
)

ALARMS = {
    "below dashes": f"{ORDER}\n--\nAlso: {DISPUTE}",
    "below dashes and a name": f"{ORDER}\n-- \nMaya Lind\n{DISPUTE}",
    "behind an arrow": f"{ORDER}\n> {DISPUTE}",
    "behind arrows": f"{ORDER}\n> the lamp is missing\n> {DISPUTE}",
    "below what an agent said": f"{ORDER}\nOn 3 March your agent Ben wrote:\n'on Friday'\nIt was not. {DISPUTE}",
    "below From and To": f"{ORDER}\nFrom: Leeds warehouse\nTo: 12 Mill Road\n{DISPUTE}",
    "between quotations": f"{ORDER}\n\n{QUOTED_SHOP}\n\n> Anything else?\n\nYes: {DISPUTE}",
    "inside a quotation that is not ours": f"{ORDER}\n\n{QUOTED_SHOP}\n\n> Thank you for your purchase.\n> {DISPUTE}",
    "forwarded": f"Please deal with this\n\n---------- Forwarded message ---------\nFrom: Dad <dad@b.example>\nDate: 4 May 2026\n\n{DISPUTE}",
    "forwarded by Outlook": f"Please see below\n\nFrom: Dad <dad@b.example>\nSent: 4 May 2026 10:00\nTo: Ana\nSubject: card\n\n{DISPUTE}",
    "the last sentence of a long message": f"{LONG} {DISPUTE}",
}


@in_turns("body", ALARMS.values(), ALARMS)
def test_an_alarm_is_seen_wherever_it_stands(house, body):
    h = house()
    subject = "FW: card" if "Please see below" in body else "Order"
    case = h.writes_in(body, subject=subject)
    assert h.ticket(case).outcome != "auto_resolved", h.story(case)
    assert h.ticket(case).priority == "urgent", h.story(case)
    assert h.urgent.sent, h.story(case)


@pytest.mark.parametrize("vendor", ["zendesk"])
def test_answers_between_the_quotations_of_a_web_mailer_are_read(house):
    h = house()
    html = (
        f'<div dir="ltr">{ORDER}<div class="gmail_quote"><div class="gmail_attr">{QUOTED_SHOP.replace("<", "&lt;")}</div>'
        f'<blockquote class="gmail_quote">Anything else?</blockquote><div>Yes: {DISPUTE}</div></div></div>'
    )
    case = h.writes_in(f"{ORDER}\n\n{QUOTED_SHOP}\n\n> Anything else?\n\nYes: {DISPUTE}", html=html)
    assert h.urgent.sent, h.story(case)


@pytest.mark.parametrize("vendor", ["helpscout"])
def test_what_is_quoted_from_outside_the_ticket_is_never_answered_automatically(house):
    h = house()
    plain = h.writes_in(ORDER, subject="Order")
    assert h.ticket(plain).outcome == "auto_resolved", h.story(plain)
    quoting = h.writes_in(
        f"{ORDER}\n\n{QUOTED_SHOP}\n\n> We have received your order and thank you.", subject="Re: Order"
    )
    assert h.ticket(quoting).outcome == "routed", h.story(quoting)
    assert "quotes text that is not in the ticket" in " ".join(h.story(quoting))


OUR_WORDS = """Hello Carla,

Thank you for your message. A member of our team will look at it and answer you by 14:00 today.

There is nothing you need to do until then. If you would like to add something, just reply to this message."""


@in_turns(
    "body",
    [
        f"{NONSENSE}\n\n{QUOTED_SHOP}\n\n" + "\n".join(f"> {line}" for line in OUR_WORDS.splitlines()),
        f"{NONSENSE}\n\n{QUOTED_SHOP}\n\n{OUR_WORDS}",
        f"{NONSENSE}\n\nVon: Shop <help@ourshop.example>\nGesendet: Montag, 4. Mai 2026 10:00\nAn: Carla\nBetreff: Hallo\n\n{OUR_WORDS}",
        "Am 04.05.26 um 10:00 schrieb Shop:\n"
        + "\n".join(f"> {line}" for line in OUR_WORDS.splitlines())
        + f"\n\n{NONSENSE}",
    ],
    ["arrows", "no arrows", "Outlook", "answered below"],
)
def test_a_customer_who_quotes_our_own_words_is_acknowledged(house, body):
    h = house()
    case = h.writes_in(body, subject="Re: Hello", email="carla.work@example.com")
    assert len(h.bot_says(case, public=True)) == 1, h.story(case)


def test_a_customer_whose_own_words_a_reply_would_repeat_is_not_written_to(house):
    h = house()
    case = h.writes_in(f"{NONSENSE}. {OUR_WORDS}", email="carla.work@example.com")
    assert h.bot_says(case, public=True) == [], h.story(case)
