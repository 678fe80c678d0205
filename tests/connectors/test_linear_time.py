"""No text from outside costs more than its length: what was quadratic took minutes for what is sent here."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from connectors.channels.bounces import heard_in
from connectors.freshdesk import events as freshdesk
from connectors.freshdesk import merges
from connectors.helpscout import events as helpscout
from connectors.kit.decoding import decoded, form_of
from connectors.kit.text import as_html, squeezed, words_in
from connectors.zendesk import events as zendesk
from core.classify.masking import mask
from core.classify.text import customer_words, normalise
from core.errors import BadPayload
from core.mail.machine import evidence
from core.mail.said import forwards
from core.model import WebhookRequest

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LENGTH = 100_000
SECONDS = 0.7  # of CPU; linear ones take a few hundredths
PLAIN = [" ", "\n", "1", "a", "-", '"', "<", "{", "&", "@", ": "]  # tried on everything
IDS = [
    "ticket_id",
    "ticket_id:",
    "ticket_id" + " " * 30,
    'ticket":{',
    '"id":',
    "zen:ticket:",
    "/tickets/",
    "<ticketid",
    "<ticket-id ",
    '"detail":{',
    '"detail": {"a":{',
    "{}",
    'ticket id type="',
    '"conversationid":',
    "/conversation/",
    "%00",
]
MAIL = [
    "bounce-",
    "-a",
    "no-reply",
    "a@",
    "@a",
    "re:",
    "hello ",
    "> ",
    "\n> ",
    "\n-- \n",
    "On 3 March a wrote:\n",
    "1.",
    "+1 ",
    "www.",
    "http://",
    "<div>",
    "<blockquote>",
    "<p a='",
    "&amp;",
    "merged into ticket ",
    "--=b\r\n",
    "Content-Type: message/rfc822\r\n\r\n",
]


FEW = ["> ", "\n> ", "www.", "a@", "<div>"]  # what these read is measured with their own tests


def _parses(parse: Callable[[WebhookRequest], object]) -> Callable[[str], object]:
    def run(text: str) -> None:
        try:
            parse(WebhookRequest({}, text.encode()))
        except BadPayload:
            return

    return run


def _declared(work: Callable[[str], object]) -> Callable[[str], object]:
    def run(text: str) -> None:
        try:
            work(text)
        except ValueError:
            return

    return run


WORKS = {
    "zendesk": (_parses(lambda asked: zendesk.parse("support", "", asked, NOW)), IDS),
    "freshdesk": (_parses(lambda asked: freshdesk.parse("support", asked, NOW)), IDS),
    "helpscout": (_parses(lambda asked: helpscout.parse("support", asked, NOW)), IDS),
    "freshdesk triggered": (lambda text: freshdesk._kind({"triggered_event": text}), ["{'"]),
    "merge note": (
        lambda text: merges.target_of(
            {"status": 5, "conversations": [{"private": True, "user_id": 1, "body": text}]}, "7"
        ),
        MAIL,
    ),
    "bounce": (
        lambda text: heard_in(b'Content-Type: multipart/report; boundary="=b"\r\n\r\n' + text.encode()),
        MAIL,
    ),
    "json": (_declared(decoded), ["[", '{"a":', "9"]),
    "form": (_declared(form_of), ["a=1&", "%00", "&="]),
    "machine subject": (lambda text: evidence(text, "", ""), MAIL),
    "evidence subject": (lambda text: evidence(text, "", ""), FEW),
    "evidence text": (lambda text: evidence("", text[:10_000], ""), FEW),
    "evidence address": (lambda text: evidence("", "", text), MAIL),
    "evidence header": (lambda text: evidence("", "", "", {"List-Id": text, "Precedence": text}), MAIL),
    "forwards": (forwards, MAIL),
    "html": (words_in, ["<div>", "<blockquote>", "<p a='", "&amp;"]),
    "as html": (as_html, ["\n\n", "\t \n"]),
    "squeezed": (squeezed, ["\t \n"]),
    "customer words": (lambda text: customer_words(text[:10_000]), FEW),
    "customer words in html": (lambda text: customer_words("", f"<p>{text[:10_000]}</p>"), FEW),
    "normalise": (normalise, FEW),
    "mask": (lambda text: mask(text[:10_000]), MAIL),
}


@pytest.mark.parametrize("name", WORKS)
def test_a_long_text_of_anything_is_read_in_linear_time(name: str) -> None:
    work, units = WORKS[name]
    work("\n-- \n" * 20)  # tables of words are loaded with the first text that needs them
    for unit in (*PLAIN, *units):
        text = unit * (LENGTH // len(unit))
        begun = time.process_time()
        work(text)
        assert time.process_time() - begun < SECONDS, unit
